"""A pipeline whose clock counts the changes: executions are named by number, actions by their paths."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.local.codepipeline.rules import executions, requests
from ecs_cd.local.codepipeline.rules.attempts import begin_due
from ecs_cd.local.codepipeline.rules.state import IN_PROGRESS, Attempt, Execution, Outcome, Pipeline, Revision
from tests.scripted_aws.codepipeline import ARN, action, declaration, stage

USER = "arn:aws:iam::123456789012:root"
SOURCE = stage(
    "Source",
    action(
        "Image",
        "ECR",
        configuration={"RepositoryName": "my-app"},
        outputArtifacts=[{"name": "Image"}],
        namespace="Image",
    ),
)
BUILD = stage(
    "Build", action("Lint", "CodeBuild"), action("Unit", "CodeBuild"), action("Pack", "CodeBuild", runOrder=2)
)
DEPLOY = stage("Deploy", action("Deploy", "CodeBuild", configuration={"ProjectName": "deploy"}))
APPROVE = stage("Approve", action("Approve", "Manual"), action("Tell", "CodeBuild", runOrder=2))
FAILS = Outcome("JobFailed", "Build terminated with state: FAILED")


@dataclass
class Course:
    """A pipeline's state, changed by requests and by the ends of actions."""

    state: Pipeline
    now: float = 1000.0
    started: int = 0

    def change(self, decide: Callable[[Pipeline, float], Pipeline]) -> None:
        self.now += 1
        self.state = begin_due(decide(self.state, self.now), self.now)

    # -- executions --

    def start(self, **more: Any) -> str:
        """Starts one; returns its id."""
        self.started += 1
        trigger, found = ("StartPipelineExecution", USER), ""

        def decide(state: Pipeline, now: float) -> Pipeline:
            nonlocal found
            state, found = requests.start(state, more, id_of(self.started), trigger, now)
            return state

        self.change(decide)
        return found

    def execution(self, number: int) -> Execution:
        return self.state.executions[id_of(number)]

    def statuses(self) -> list[str]:
        """Of the executions, by their starts."""
        return [each.status for each in self.state.executions.values()]

    def where(self) -> list[str]:
        """Each running execution's stage, in brackets if it waits before it; else its status."""
        return [
            each.status if not each.runs else each.stage if each.entered else f"({each.stage})"
            for each in self.state.executions.values()
        ]

    # -- actions --

    def running(self, number: int = 0) -> list[str]:
        """The paths of the running actions: of an execution, or of all."""
        return [each.path for each in self.attempts(number)]

    def attempts(self, number: int = 0) -> list[Attempt]:
        """The running actions: of an execution, or of all."""
        return [
            each
            for each in self.state.attempts.values()
            if each.status == IN_PROGRESS and (not number or each.execution == id_of(number))
        ]

    def ends(self, path: str, outcome: Outcome | None = None, number: int = 0) -> None:
        """A running action succeeds, or ends with this outcome."""
        (found,) = (each for each in self.attempts(number) if each.path == path)
        self.end(found, outcome)

    def end(self, attempt: Attempt, outcome: Outcome | None = None) -> None:
        """This running action succeeds, or ends with this outcome."""
        self.change(lambda state, now: executions.end(state, attempt.id, outcome or Outcome(), now))

    def passes(self, stage: str, number: int = 0) -> None:
        """All actions of a stage succeed."""
        while left := [path for path in self.running(number) if path.startswith(f"{stage}/")]:
            self.ends(left[0], number=number)

    # -- requests --

    def stop(self, number: int, **more: Any) -> None:
        request = {"pipelineExecutionId": id_of(number), **more}
        self.change(lambda state, now: requests.stop(state, request, now))

    def retry(self, number: int, stage: str, mode: str = "FAILED_ACTIONS") -> None:
        request = {"stageName": stage, "pipelineExecutionId": id_of(number), "retryMode": mode}
        self.change(lambda state, now: requests.retry(state, request, now))

    def roll_back(self, stage: str, target: int) -> None:
        self.started += 1
        request = {"stageName": stage, "targetPipelineExecutionId": id_of(target)}
        self.change(lambda state, now: requests.rollback(state, request, id_of(self.started), USER, now))

    def disable(self, stage: str, kind: str = "Inbound") -> None:
        request = {"stageName": stage, "transitionType": kind, "reason": "not now"}
        self.change(lambda state, now: requests.disable(state, request, USER, now))

    def enable(self, stage: str, kind: str = "Inbound") -> None:
        request = {"stageName": stage, "transitionType": kind}
        self.change(lambda state, now: requests.enable(state, request, now))

    def approve(self, token: str = "", status: str = "Approved", summary: str = "") -> None:
        found = [each.token for each in self.state.attempts.values() if each.token]
        result = {"status": status, "summary": summary}
        request = {"stageName": "Approve", "actionName": "Approve", "token": token or found[-1], "result": result}
        self.change(lambda state, now: requests.answer_approval(state, request, USER, now))


def id_of(number: int) -> str:
    return str(uuid.UUID(int=number))


def course(*stages: Mapping[str, Any], mode: str = "QUEUED", **more: Any) -> Course:
    """A pipeline without executions; by default of three stages."""
    declared = declaration(*(dict(each) for each in stages or (SOURCE, BUILD, DEPLOY)), executionMode=mode, **more)
    return Course(Pipeline(declared, ARN, 1000.0))


def read(digest: str = "sha256:1") -> Outcome:
    """A source's outcome."""
    return Outcome(variables={"ImageDigest": digest}, revision=Revision(digest, "pushed", 900.0))
