"""Deploys a task definition to a service, and waits for the end: what the two deploy actions have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ecs_cd.aws import ecs
from ecs_cd.aws.errors import transient_as_unreadable
from ecs_cd.aws.session import Aws
from ecs_cd.deploy.rules import crashes, rolling
from ecs_cd.deploy.rules.own_deployment import OwnDeployment, absent_since
from ecs_cd.deploy.rules.rolling import Snapshot
from ecs_cd.local.codepipeline.work import World
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused, Unreadable
from ecs_cd.model.lifecycle import Strategy, Until
from ecs_cd.model.verdict import Outcome, Verdict

_EVERY = 0.5  # seconds between two looks at the service


@dataclass(frozen=True)
class Place:
    """An ECS service."""

    cluster: str
    service: str


def service(aws: Aws, place: Place, controller: str, problem: str) -> Mapping[str, Any]:
    """The active service. Raises ``Refused`` with this problem unless it has this deployment controller: ministack
    would deploy either."""
    found = ecs.active_service(aws, place.cluster, place.service)
    if found.get("deploymentController", {}).get("type", "ECS") != controller:
        raise Refused(problem, f"{place.service}: use the action for its deployment controller.")
    return found


def deploy(
    world: World, place: Place, arn: str, previous: str, minutes: int, begun: Callable[[str], None] = lambda _: None
) -> Verdict:
    """Calls UpdateService, and waits until the deployment and any rollback by ECS have ended."""
    updated = ecs.update_service(world.aws, place.cluster, place.service, arn, force=False, more={})
    ours = rolling.primary(updated)
    name = str(ours["id"])
    begun(name)
    own = OwnDeployment(Strategy.ROLLING, name, arn, previous, created_at=ours.get("createdAt"))
    return _wait(world, place, own, minutes)


def _wait(world: World, place: Place, own: OwnDeployment, minutes: int) -> Verdict:
    deadline, last = time.monotonic() + 60 * minutes, Snapshot(None)
    while time.monotonic() < deadline:
        with suppress(Unreadable), transient_as_unreadable():
            last = _look(world.aws, place, own, last)
            found = rolling.judge(own, last, Until())
            if isinstance(found, Verdict):
                return found
        if world.ending.wait(_EVERY):
            raise Refused("the local CodePipeline ends; the deployment goes on without it")
    return Verdict(Outcome.TIMED_OUT, f"the deployment of {place.service} has not ended after {minutes} minutes")


def _look(aws: Aws, place: Place, own: OwnDeployment, last: Snapshot) -> Snapshot:
    now, found = time.monotonic(), ecs.look_at_service(aws, place.cluster, place.service)
    failed = found is not None and rolling.has_failed(own, found)
    return Snapshot(
        found,
        crashed=_crashed(aws, place, own) if found is not None and rolling.may_crash_forever(found) else 0,
        at=now,
        failed_at=last.failed_at or (now if failed else None),
        status=rolling.UNREADABLE,  # ListServiceDeployments: DescribeServices says enough in a local AWS
        absent_since=absent_since(last.absent_since, found, now),
    )


def _crashed(aws: Aws, place: Place, own: OwnDeployment) -> int:
    """How many tasks of the deployment ended by themselves: without a circuit breaker, ECS would start them forever."""
    arns = ecs.service_task_arns(aws, place.cluster, place.service, "STOPPED")
    stopped = ecs.tasks(aws, place.cluster, arns[: pace.MOST_STOPPED_TASKS])
    return sum(crashes.died(task, own) and crashes.crashed(task) for task in stopped)
