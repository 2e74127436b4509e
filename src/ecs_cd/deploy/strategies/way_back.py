"""The way back to what ran before one of our deployments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules import standing
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.job.job import Job
from ecs_cd.job.services import active_service
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import short


class Replaced(Refused):
    """Another deployment has replaced this step's, and ecs-cd does not undo it."""


def way_back(job: Job, tracked: TrackedDeployment) -> tuple[DeploymentPlan, str]:
    """The plan to deploy, with the service as it is now, and the revision.

    Raises ``Replaced`` if another deployment has replaced it, and ``Refused`` if nothing ran before.
    """
    own, plan = tracked.own, tracked.plan
    service = _service_now(job, tracked)
    previous = own.previous_task_definition
    newer = standing.replaced_by(own, service)
    is_back = previous != own.task_definition and _is_at(previous, service)
    if own.theirs or (newer and not is_back):
        theirs = newer or standing.words(standing.current(service))
        raise Replaced(f"{theirs} has replaced it; ecs-cd leaves that deployment alone")
    if previous in (None, own.task_definition):
        raise Refused(f"service {plan.name} ran nothing before {short(own.task_definition)} to go back to")
    return replace(plan, service=service, update={}, force=False, undoes=own.task_definition), str(previous)


def _service_now(job: Job, tracked: TrackedDeployment) -> Mapping[str, Any]:
    """The service, read again while DescribeServices seems to lag: it would show what ran before as if it ran still."""
    deadline = job.clock.monotonic() + pace.ABSENT
    while True:
        service = active_service(job, tracked.plan.cluster, tracked.plan.name)
        if not standing.lags(tracked.own, service) or job.clock.monotonic() >= deadline:
            return service
        job.clock.sleep(pace.LOOK_EVERY)


def _is_at(previous: str | None, service: Mapping[str, Any]) -> bool:
    """Whether the service runs the previous revision already, or is on the way to it: then nothing is changed."""
    now = standing.current(service)
    return bool(previous and now.get("taskDefinition") == previous and now.get("rolloutState") != "FAILED")
