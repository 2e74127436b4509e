"""What is known about a pipeline: its executions, and the attempts of their actions. Immutable.

https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.local.codepipeline.rules.infra import Request
from ecs_cd.local.codepipeline.rules.service_error import ServiceError, invalid
from ecs_cd.model.references import S3Object

IN_PROGRESS, SUCCEEDED, FAILED, ABANDONED = "InProgress", "Succeeded", "Failed", "Abandoned"  # of actions
STOPPING, STOPPED, SUPERSEDED = "Stopping", "Stopped", "Superseded"  # of executions and stages
QUEUED, PARALLEL = "QUEUED", "PARALLEL"  # the default is SUPERSEDED
STANDARD, ROLLBACK = "STANDARD", "ROLLBACK"
APPROVAL = "Approval"  # the category


@dataclass(frozen=True)
class Revision:
    """What a source has read: an entry of GetPipelineExecution's artifactRevisions, without its artifact's name.

    ``created`` is in seconds since the epoch.
    """

    id: str
    summary: str = ""
    created: float | None = None


@dataclass(frozen=True)
class Outcome:
    """How an action ended: it succeeded if ``error_code`` is empty. ``variables`` are its output variables."""

    error_code: str = ""
    error_message: str = ""
    summary: str = ""  # externalExecutionSummary
    variables: Mapping[str, str] = field(default_factory=dict)
    revision: Revision | None = None


@dataclass(frozen=True)
class Attempt:
    """An action execution. ``counts``: no retry of the stage has replaced it. ``token`` is that of an approval."""

    id: str
    execution: str
    stage: str
    action: str
    began: float
    updated: float
    status: str = IN_PROGRESS
    configuration: Mapping[str, str] = field(default_factory=dict)  # resolved
    inputs: Mapping[str, S3Object] = field(default_factory=dict)
    outputs: Mapping[str, S3Object] = field(default_factory=dict)
    outcome: Outcome = field(default_factory=Outcome)
    external_id: str = ""
    external_url: str = ""
    token: str = ""
    updated_by: str = ""
    counts: bool = True

    @property
    def path(self) -> str:
        return f"{self.stage}/{self.action}"


@dataclass(frozen=True)
class Execution:
    """A pipeline execution: in a stage, or before it. ``target`` is the execution that a rollback goes back to."""

    id: str
    started: float
    updated: float
    trigger: tuple[str, str]  # type and detail
    stage: str
    entered: bool = False
    status: str = IN_PROGRESS
    variables: Mapping[str, str] = field(default_factory=dict)
    revisions: tuple[Mapping[str, str], ...] = ()  # the request's sourceRevisions
    target: str = ""
    stop_reason: str = ""
    retried: tuple[str, ...] = ()  # stages, by themselves

    @property
    def type(self) -> str:
        return ROLLBACK if self.target else STANDARD

    @property
    def runs(self) -> bool:
        return self.status in (IN_PROGRESS, STOPPING)


@dataclass(frozen=True)
class Disabled:
    """A disabled transition into a stage."""

    by: str
    at: float
    reason: str


@dataclass(frozen=True)
class Pipeline:
    """A pipeline's state. Executions and attempts are in the order in which they started.

    ``latest`` is the execution that entered a stage last, ``tokens`` the execution of a clientRequestToken.
    """

    declared: Request
    arn: str
    created: float
    executions: Mapping[str, Execution] = field(default_factory=dict)
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    latest: Mapping[str, str] = field(default_factory=dict)
    disabled: Mapping[str, Disabled] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)

    # -- the declaration --

    @property
    def name(self) -> str:
        return str(self.declared["name"])

    @property
    def version(self) -> int:
        return int(self.declared.get("version", 1))

    @property
    def mode(self) -> str:
        return str(self.declared.get("executionMode", "SUPERSEDED"))

    @property
    def stages(self) -> list[str]:
        return [str(each["name"]) for each in self.declared["stages"]]

    def stage(self, name: str) -> Mapping[str, Any]:
        """The stage's declaration."""
        for each in self.declared["stages"]:
            if each["name"] == name:
                return dict(each)
        raise ServiceError("StageNotFoundException", f"Pipeline '{self.name}' does not have a stage named '{name}'")

    def after(self, stage: str) -> str:
        """The next stage's name; empty after the last."""
        return dict(zip(self.stages, [*self.stages[1:], ""], strict=True))[stage]

    def action(self, stage: str, name: str) -> Mapping[str, Any]:
        """The action's declaration."""
        for each in self.stage(stage)["actions"]:
            if each["name"] == name:
                return dict(each)
        raise ServiceError("ActionNotFoundException", f"Stage '{stage}' does not have an action named '{name}'")

    # -- executions --

    def execution(self, id: str) -> Execution:
        if id not in self.executions:
            words = f"Pipeline '{self.name}' does not have an execution with ID '{id}'"
            raise ServiceError("PipelineExecutionNotFoundException", words)
        return self.executions[id]

    def current(self, execution: str, stage: str) -> dict[str, Attempt]:
        """The attempts that decide about the stage, by action."""
        return {
            each.action: each
            for each in self.attempts.values()
            if each.counts and each.execution == execution and each.stage == stage
        }

    def waiting(self, stage: str) -> list[Execution]:
        """The executions before a stage, oldest first."""
        return [each for each in self.executions.values() if each.runs and not each.entered and each.stage == stage]

    def occupied(self, stage: str) -> bool:
        """Whether an execution runs in the stage."""
        return any(each.runs and each.entered and each.stage == stage for each in self.executions.values())

    def stage_status(self, execution: Execution, stage: str) -> str:
        """Of a stage that the execution has entered."""
        statuses = [each.status for each in self.current(execution.id, stage).values()]
        if IN_PROGRESS not in statuses:
            if FAILED in statuses:
                return FAILED
            if statuses.count(SUCCEEDED) == len(self.stage(stage)["actions"]):
                return SUCCEEDED
        return execution.status if execution.status in (STOPPING, STOPPED) else IN_PROGRESS

    def succeeded_in(self, execution: Execution, stage: str) -> bool:
        return self.stage_status(execution, stage) == SUCCEEDED

    def done(self, execution: Execution) -> Iterator[tuple[Mapping[str, Any], Attempt]]:
        """What an execution can use: each successful action, oldest first; before a rollback's, those of its target."""
        for id in filter(None, (execution.target, execution.id)):
            for each in self.attempts.values():
                if each.execution == id and each.status == SUCCEEDED:
                    yield self.action(each.stage, each.action), each

    def artifacts(self, execution: Execution) -> dict[str, S3Object]:
        """The artifacts made so far, by name."""
        return {name: place for _, attempt in self.done(execution) for name, place in attempt.outputs.items()}

    def revisions(self, execution: Execution) -> dict[str, str]:
        """The ids of the revisions that sources have read, by artifact."""
        read = [(attempt.outputs, attempt.outcome.revision) for _, attempt in self.done(execution)]
        return {name: revision.id for outputs, revision in read if revision for name in outputs}

    def namespaces(self, execution: Execution) -> dict[str, Mapping[str, str]]:
        """What `#{...}` can refer to."""
        found: dict[str, Mapping[str, str]] = {
            "variables": execution.variables,
            "codepipeline": {"PipelineExecutionId": execution.id},
        }
        for action, attempt in self.done(execution):
            if action.get("namespace"):
                found[str(action["namespace"])] = attempt.outcome.variables
        return found


def transition_into(state: Pipeline, stage: str, kind: str) -> str:
    """The stage to which the transition leads: Inbound into ``stage``, or Outbound from it."""
    state.stage(stage)
    into = stage if kind == "Inbound" else state.after(stage)
    if not into or into == state.stages[0]:
        raise invalid(f"Stage '{stage}' of pipeline '{state.name}' has no {kind.lower()} transition")
    return into
