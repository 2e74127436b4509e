"""UpdateService, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecs_cd.aws import ecs
from ecs_cd.deploy.plan import Plan
from ecs_cd.deploy.rules import rolling
from ecs_cd.job.job import Job
from ecs_cd.job.mutation import carry_out


def update(job: Job, plan: Plan, arn: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The PRIMARY deployment before UpdateService, and the one after it, which is ours.

    After a lost answer the service is looked at before the call is repeated. Where nothing but other settings
    changes, ECS may go on with the PRIMARY that there was: the two are the same then.
    """
    before = rolling.primary(plan.service)
    # The same revision again, after it failed, is a deployment only by force.
    again = before.get("taskDefinition") == arn and before.get("rolloutState") == "FAILED"

    def call() -> Mapping[str, Any]:
        updated = ecs.update_service(job.aws, plan.cluster, plan.name, arn, force=plan.force or again, more=plan.update)
        return rolling.primary(updated)

    def look() -> Mapping[str, Any] | None:
        current = rolling.primary(ecs.active_service(job.aws, plan.cluster, plan.name))
        is_ours = current.get("taskDefinition") == arn and current.get("id") != before.get("id")
        return current if is_ours else None

    return before, carry_out("UpdateService", call, look, job)
