"""A service of the scripted AWS with a virtual clock: what ministack only does with an engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.local.codepipeline.actions import rollout
from ecs_cd.local.codepipeline.actions.rollout import Place
from ecs_cd.local.codepipeline.work import World
from ecs_cd.model.verdict import Verdict
from tests.scripted_aws import Clock, Error, Params, ScriptedAws, at
from tests.scripted_aws.ecs import CLUSTER, deployment, service, task_definition_arn

NEW = deployment("ecs-svc/2", "PRIMARY", "web:2", "IN_PROGRESS", created=1)
OLD = deployment("ecs-svc/1", "ACTIVE")


class Ending(threading.Event):
    """Waits by the virtual clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.sleep(timeout or 0)
        return self.is_set()


@dataclass
class Site:
    aws: ScriptedAws
    clock: Clock
    world: World

    def deploy(self, minutes: int = 60) -> Verdict:
        arns = task_definition_arn("web:2"), task_definition_arn("web:1")
        return rollout.deploy(self.world, Place(CLUSTER, "web"), *arns, minutes)

    def shows(self, *moments: tuple[float, Params | Error]) -> None:
        """The service, or an error, from these seconds after UpdateService on."""
        answers = [
            at(second, shown if isinstance(shown, Error) else {"services": [shown]}) for second, shown in moments
        ]
        self.aws.on("ecs.DescribeServices", *answers, after="ecs.UpdateService")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A service whose update is accepted."""
    clock = Clock()
    for action in ("rollout", "codedeploy"):
        monkeypatch.setattr(f"ecs_cd.local.codepipeline.actions.{action}.time", clock)
    with ScriptedAws(clock) as aws:
        aws.use(monkeypatch)
        aws.on("ecs.UpdateService", {"service": service(deployments=[NEW, OLD])})
        aws.on("ecs.ListTasks", {"taskArns": []})
        yield Site(aws, clock, World(Aws(aws.environ), "", Path(), cast(Any, None), ending=Ending(clock)))
