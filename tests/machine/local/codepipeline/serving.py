"""A local CodePipeline at an endpoint, whose runners are functions of the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from ecs_cd.aws.session import Aws
from ecs_cd.local.codepipeline import operations
from ecs_cd.local.codepipeline.endpoint import Endpoint
from ecs_cd.local.codepipeline.engine import Engine
from ecs_cd.local.codepipeline.rules.infra import Infra, Rule
from ecs_cd.local.codepipeline.rules.state import Outcome, Revision
from ecs_cd.local.codepipeline.work import Report, Run, Work, World

ACCOUNT, REGION = "123456789012", "ap-northeast-1"
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
PATIENCE = 60  # seconds until a test that hangs fails
BUILD: dict[str, Any] = {"id": "migrate:1", "buildStatus": "SUCCEEDED"}


@dataclass
class Runners:
    """Each action waits for the test's word if its name is in ``gates``; ``outcomes`` are by action."""

    changed: threading.Condition
    gates: dict[str, threading.Event] = field(default_factory=dict)
    outcomes: dict[str, Outcome | BaseException] = field(default_factory=dict)
    works: list[Work] = field(default_factory=list)

    def run(self, work: Work, world: World, report: Report) -> Outcome:
        with self.changed:
            self.works.append(work)
            self.changed.notify_all()
        report(f"{work.action}:1", f"https://example.com/{work.action}")
        if work.action in self.gates:
            assert self.gates[work.action].wait(PATIENCE)
        outcome = self.outcomes.get(work.action, Outcome(variables={"By": work.action}))
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def source(self, work: Work, world: World, report: Report) -> Outcome:
        return Outcome(variables={"ImageDigest": "sha256:1"}, revision=Revision(work.revision or "newest", "pushed"))

    @property
    def by_provider(self) -> Mapping[str, Run]:
        return {"CodeBuild": self.run, "ECR": self.source}


class Builds:
    """CodeBuild's side: one build, which has ended; ``ran`` has those that rules start."""

    def __init__(self) -> None:
        self.ran: list[tuple[Any, ...]] = []
        self.stopped: list[str] = []

    def run(self, *arguments: Any) -> Any:
        *rest, begun = arguments
        begun("notify:1", "")
        self.ran.append(tuple(rest))
        return type("BuildEnded", (), {"status": "SUCCEEDED", "message": ""})

    def describe(self, ids: list[str]) -> list[dict[str, Any]]:
        return [BUILD] if BUILD["id"] in ids else []

    def stop(self, id: str) -> dict[str, Any]:
        self.stopped.append(id)
        return {BUILD["id"]: BUILD}[id]


@dataclass
class Served:
    engine: Engine
    endpoint: Endpoint
    runners: Runners
    builds: Builds
    said: list[str]
    changed: threading.Condition

    def client(self, service: str = "codepipeline") -> Any:
        make: Any = boto3.client  # whose stubs have other services
        config = Config(retries={"max_attempts": 0}, proxies={})
        return make(service, endpoint_url=self.endpoint.url, config=config, **KEYS)

    def until(self, holds: Callable[[], bool]) -> None:
        """Waits for what other threads do: a line of the log, or an action that begins."""
        with self.changed:
            assert self.changed.wait_for(holds, PATIENCE), "\n".join(self.said)

    def until_said(self, words: str) -> None:
        self.until(lambda: any(words in line for line in self.said))

    def until_ended(self, name: str = "my-app-deploy") -> None:
        """Until no execution runs."""
        self.until(lambda: not any(each.runs for each in self.engine.pipeline(name).executions.values()))


@contextmanager
def served(*declared: Mapping[str, Any], rules: tuple[Rule, ...] = ()) -> Iterator[Served]:
    builds, changed = Builds(), threading.Condition()
    runners = Runners(changed)
    said: list[str] = []
    given: Any = builds

    def say(line: str) -> None:
        with changed:
            said.append(line)
            changed.notify_all()

    world = World(Aws({}, REGION), "localhost:1", Path(), given)
    infra = Infra({each["name"]: each for each in declared}, {}, rules)
    engine = Engine(infra, world, runners.by_provider, say, ACCOUNT)
    known = {"codepipeline": operations.codepipeline(engine), "codebuild": operations.codebuild(given)}
    known["codedeploy"] = operations.codedeploy(world.deployments)
    endpoint = Endpoint(known, say)
    threading.Thread(target=endpoint.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield Served(engine, endpoint, runners, builds, said, changed)
    finally:
        for gate in runners.gates.values():
            gate.set()
        endpoint.shutdown()
        endpoint.server_close()
