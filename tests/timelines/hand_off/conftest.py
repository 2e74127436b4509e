"""A pipeline that hand-off starts and follows: a migration and a deployment, each a build of CodeBuild."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.scripted_aws import Answer, Clock, Params, ScriptedAws, course, ecs
from tests.scripted_aws.codebuild import Build, Builds
from tests.scripted_aws.codepipeline import NAME, Pipeline, declaration
from tests.scripted_aws.s3 import Bucket
from tests.timelines.conftest import DOCUMENT, REPOSITORY, Step

Run = Callable[..., Step]

IMAGE = f"{REPOSITORY}@{ecs.DIGEST}"
VARIABLES: Params = {"name": NAME, "variables": {"IMAGE_APP": "app"}, "commit": "COMMIT"}
OBJECT: Params = {"name": NAME, "start": "object", "object": "s3://bucket/hand-off.zip", "source": "Source"}
DIGEST: Params = {"name": NAME, "start": "digest", "images": {"Image": "app"}}
EVENT: Params = {"name": NAME, "start": "event", "images": {"Image": "app"}}
DECLARED = ("IMAGE_APP", "COMMIT", "ECS_CD_NONCE")
START = "codepipeline.StartPipelineExecution"


@dataclass
class World:
    """AWS's side. ``pipeline.courses`` and ``builds.builds`` say what happens once an execution has started."""

    aws: ScriptedAws
    clock: Clock
    pipeline: Pipeline
    builds: Builds
    bucket: Bucket

    def document(self, pipeline: Params | None, **more: Any) -> None:
        """The parameter has the document with this ``pipeline``."""
        text = json.dumps({**DOCUMENT, **({"pipeline": pipeline} if pipeline else {}), **more})
        self.aws.on("ssm.GetParameter", {"Parameter": {"Value": text, "Version": 3}})

    def goes(self, *courses: course.Course, **builds: Build) -> None:
        """What the executions do, and the builds ``migrate`` and ``deploy``."""
        self.pipeline.courses = courses
        self.builds.builds = {**self.builds.builds, **{f"{name}:1": build for name, build in builds.items()}}

    @property
    def requests(self) -> list[Params]:
        """What StartPipelineExecution was asked, whatever came of it."""
        return [call.params for call in self.aws.calls if call.operation == START]

    def called(self, operation: str) -> list[Params]:
        return [call.params for call in self.aws.calls if call.operation == f"codepipeline.{operation}"]

    def mutations(self) -> list[str]:
        """All that changed something."""
        changing = (START, "codepipeline.StopPipelineExecution", "s3.PutObject")
        return [call.operation for call in self.aws.calls if call.operation in changing]


@pytest.fixture(autouse=True)
def world(aws: ScriptedAws, clock: Clock) -> World:
    """One in which the execution takes 101 seconds and succeeds."""
    pipeline = Pipeline(clock, declared=declaration(variables=DECLARED)).script(aws)
    builds = Builds(pipeline, {course.MIGRATION: Build(6, 39), course.DEPLOYMENT: Build(42, 99)}).script(aws)
    made = World(aws, clock, pipeline, builds, Bucket().script(aws))
    made.document(VARIABLES)
    return made


@pytest.fixture
def on_github(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """The run of a workflow, in the given attempt."""

    def attempt(number: int) -> None:
        run = {"GITHUB_REPOSITORY": "org/my-app", "GITHUB_RUN_ID": "100", "GITHUB_JOB": "hand-off"}
        for name, value in {**run, "GITHUB_RUN_ATTEMPT": str(number)}.items():
            monkeypatch.setenv(name, value)

    attempt(1)
    return attempt


def original(world: World, operation: str) -> Callable[[Params], Answer]:
    """What the world answers without a fault."""
    rule: Any = world.aws._rules[operation][-1].answers[0]
    return rule if callable(rule) else lambda _: rule


def cancels(world: World, operation: str, number: int = 1) -> None:
    """The runner cancels the job at this call, whose answer still comes."""
    answer, seen = original(world, operation), Counter[str]()

    def cancel(params: Params) -> Answer:
        seen[operation] += 1
        if seen[operation] == number:
            os.kill(os.getpid(), signal.SIGINT)
        return answer(params)

    world.aws.on(operation, cancel)
