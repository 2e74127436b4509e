"""UpdateService, called once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecs_cd.aws import ecs
from ecs_cd.deploy.plan import Plan
from ecs_cd.deploy.rules import rolling
from ecs_cd.job.job import Job
from ecs_cd.job.mutation import carry_out


def update(job: Job, plan: Plan, arn: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The PRIMARY deployment before UpdateService, and the one after it, which is our deployment.

    After a lost answer, reads the service before repeating the call. If only other settings change, ECS may keep the
    current PRIMARY: then both are the same.
    """
    before = rolling.primary(plan.service)
    # Deploying the same revision again after it failed takes force.
    again = before.get("taskDefinition") == arn and before.get("rolloutState") == "FAILED"

    def call() -> Mapping[str, Any]:
        updated = ecs.update_service(job.aws, plan.cluster, plan.name, arn, force=plan.force or again, more=plan.update)
        return rolling.primary(updated)

    def look() -> Mapping[str, Any] | None:
        current = rolling.primary(ecs.active_service(job.aws, plan.cluster, plan.name))
        is_ours = current.get("taskDefinition") == arn and current.get("id") != before.get("id")
        return current if is_ours else None

    return before, carry_out("UpdateService", call, look, job)
