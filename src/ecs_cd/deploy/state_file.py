"""The state file's entries: which deployments are under way, written before each mutation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecs_cd.deploy.plan import Policy
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.job.job import Job


def record(job: Job, group: Sequence[TrackedDeployment], policy: Policy) -> None:
    """Writes into the state file what is under way; ``steps.unfinished`` and the strategies' ``stop`` read it."""
    job.state.begin(
        kind="deployment",
        region=job.aws.region,
        sign_in=job.aws.sign_in,
        on_cancel=policy.on_cancel,
        deployments=[_entry(tracked) for tracked in group if tracked.under_way],
    )


def _entry(tracked: TrackedDeployment) -> dict[str, Any]:
    return {
        "strategy": tracked.plan.strategy.value,
        "cluster": tracked.plan.cluster,
        "service": tracked.plan.name,
        "task_definition": tracked.own.task_definition,
        "id": tracked.own.id,
        "previous_task_definition": tracked.own.previous_task_definition,
        "previous_id": tracked.own.previous_id,
        "back_to": tracked.back_to,
    }
