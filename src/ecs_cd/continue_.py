"""continue: lets deployments that wait for somebody go on, and follows them."""

from __future__ import annotations

from collections.abc import Sequence

from ecs_cd import existing, rollouts
from ecs_cd.core.deployment import Mine
from ecs_cd.core.errors import Refused
from ecs_cd.core.references import short
from ecs_cd.following import Following
from ecs_cd.interface import Continue
from ecs_cd.job import Job, Result
from ecs_cd.plan import Plan
from ecs_cd.step import Step, conduct

STEP = Step("Deployment", result="result")


def run(inputs: Continue, job: Job) -> int:
    """The verb; its exit code."""
    plans = existing.plans(inputs, job)
    waiting = [(plan, mine) for plan in plans if (mine := rollouts.waiting(job, plan))]
    if not waiting:
        names = ", ".join(plan.target.key for plan in plans)
        raise Refused(f"no deployment of {names} waits for anybody", "A deployment that does says so as `paused`.")
    return conduct(STEP, lambda: _go_on(inputs, waiting, job), job)


def _go_on(inputs: Continue, waiting: Sequence[tuple[Plan, Mine]], job: Job) -> Result:
    group = []
    for plan, mine in waiting:
        rollouts.go_on(job, plan, mine)
        job.ci.line(f"{plan.target.key}: deployment {short(mine.id)} to {short(mine.task_definition)} goes on")
        group.append(Following(existing.with_definition(plan, mine.task_definition, job), mine))
    return existing.conclude(inputs, group, job)
