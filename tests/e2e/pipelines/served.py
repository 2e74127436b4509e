"""CodePipeline and CodeBuild over HTTP, in real time, for the processes of a workflow."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.pipelines.builds import Build as RealBuild
from tests.e2e.pipelines.codepipeline import Execution, Pipeline
from tests.infra import pipelines
from tests.scripted_aws import Params, ScriptedAws
from tests.scripted_aws import codepipeline as scripted
from tests.scripted_aws.codebuild import Build, Builds
from tests.scripted_aws.course import BUILD_FAILED, Change, Course, ends, happens, runs
from tests.scripted_aws.script import Answer

START = "codepipeline.StartPipelineExecution"


@dataclass(frozen=True)
class Served:
    """CodePipeline, CodeBuild and the builds' logs at an endpoint. ``ran`` has the builds that were really run."""

    aws: ScriptedAws
    pipeline: scripted.Pipeline
    ran: dict[str, RealBuild] = field(default_factory=dict)  # by action

    @property
    def env(self) -> dict[str, str]:
        """What makes a process use this endpoint for these three services."""
        services = ("CODEPIPELINE", "CODEBUILD", "CLOUDWATCH_LOGS")
        return {f"AWS_ENDPOINT_URL_{service}": self.aws.url for service in services}

    def given(self) -> dict[str, str]:
        """The variables of the only execution that was started."""
        (request,) = self.pipeline.requests
        return {each["name"]: each["value"] for each in request["variables"]}


@contextmanager
def served(declared: Mapping[str, Any], course: Course, builds: Mapping[str, Build]) -> Iterator[Served]:
    """A pipeline whose executions take this course, by the real clock."""
    with ScriptedAws(time) as aws:
        pipeline = scripted.Pipeline(time, [course], {**declared, "version": 1}).script(aws)
        Builds(pipeline, builds).script(aws)
        yield Served(aws, pipeline)


@contextmanager
def carried_out(pipeline: Pipeline) -> Iterator[Served]:
    """A pipeline whose execution runs the builds of ``pipeline``: what happens becomes its course."""
    changes: list[Change] = [*runs(0, "Source/Source", 0)]
    builds: dict[str, Build] = {}
    with ThreadPoolExecutor(1) as pool, served(pipeline.declared, changes, builds) as there:
        begun: list[Future[None]] = []

        def start(params: Params) -> Answer:
            answer = there.pipeline.start(params)
            if not begun:
                begun.append(pool.submit(_Running(there, changes, builds).run, pipeline))
            return answer

        there.aws.on(START, start)
        yield there
        for each in begun:
            each.result()


@dataclass(frozen=True)
class _Running:
    """The execution that was started, with what has happened so far."""

    there: Served
    changes: list[Change]
    builds: dict[str, Build]

    @property
    def now(self) -> float:
        """Seconds since its start."""
        return self.there.pipeline.now - self.there.pipeline.started[0].at

    def run(self, pipeline: Pipeline) -> None:
        """Runs the CodeBuild actions to the first that fails. The execution ends even if this code fails."""
        status = "Failed"
        try:
            execution = pipeline.start(self.there.given())
            actions = list(self.there.pipeline.declared_actions())
            paths = [f"{stage}/{each['name']}" for stage, each in actions if pipelines.provider(each) == "CodeBuild"]
            if all(self._succeeds(path, execution) for path in paths):
                status = "Succeeded"
        finally:
            self.changes.append(ends(self.now, status))

    def _succeeds(self, path: str, execution: Execution) -> bool:
        began = self.now
        self.changes.append(happens(began, path, "InProgress"))
        name = path.partition("/")[2]
        build = self.there.ran[name] = execution.build(name)
        failed = None if build.succeeded else build.failed
        log = [(self.now, line) for line in build.log.splitlines(keepends=True)]
        self.builds[build.id] = Build(began, self.now, failed, log=log)
        status, error = ("Failed", {"error": BUILD_FAILED}) if failed else ("Succeeded", {})
        self.changes.append(happens(self.now, path, status, build=build.id, **error))
        return build.succeeded
