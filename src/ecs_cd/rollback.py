"""rollback: back to what ran before, from a deployment that waits for somebody, or from a finished one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecs_cd import existing, rollouts
from ecs_cd.core import rollout
from ecs_cd.core.deployment import Mine
from ecs_cd.core.errors import Refused
from ecs_cd.core.references import short
from ecs_cd.core.verdict import Outcome, Verdict
from ecs_cd.following import Following
from ecs_cd.interface import Rollback
from ecs_cd.job import Job, Result
from ecs_cd.plan import Plan
from ecs_cd.step import Step, conduct

STEP = Step("Rollback", result="result")


def run(inputs: Rollback, job: Job) -> int:
    """The verb; its exit code. Everything is looked at before anything is changed."""
    plans = existing.plans(inputs, job)
    found = [_deployment(plan, job) for plan in plans]
    problems = [each for each in found if isinstance(each, str)]
    if problems:
        raise Refused(problems)
    backs = [
        (rollouts.prepare(job, existing.with_definition(plan, str(mine.previous_task_definition), job)), mine)
        for plan, mine in zip(plans, found, strict=True)
        if isinstance(mine, Mine)
    ]
    return conduct(STEP, lambda: _back(inputs, backs, job), job)


def _deployment(plan: Plan, job: Job) -> Mine | str:
    """What is taken back: the deployment that waits, or what the service runs; or else why nothing is."""
    waiting = rollouts.waiting(job, plan)
    if waiting:
        return waiting
    key, current = plan.target.key, rollout.running(plan.service)
    busy = rollouts.under_way(job, plan, "")
    if busy:
        return f"{key}: {busy}, and waits for nobody; let it come to its end first"
    previous = rollouts.previous(job, plan, str(current))
    if not previous:
        return f"{key}: nothing is known that ran before {short(str(current))}"
    job.ci.line(f"{key}: {short(str(current))} -> {short(previous)}")
    return Mine(plan.strategy, "", str(current), previous)


def _back(inputs: Rollback, backs: Sequence[tuple[Plan, Mine]], job: Job) -> Result:
    group = []
    for plan, mine in backs:
        began = rollouts.undo(job, Following(plan, mine))
        job.ci.line(f"{plan.target.key}: going back to {short(str(mine.previous_task_definition))}")
        group.append(Following(plan, began))
    result = existing.conclude(inputs, group, job)
    back = all(one.verdict and one.verdict.outcome in (Outcome.SUCCEEDED, Outcome.ROLLED_BACK) for one in group)
    if not back:
        return result
    words = "; ".join(
        f"{plan.target.key} is back at {short(str(mine.previous_task_definition))}" for plan, mine in backs
    )
    outputs = {**result.outputs, "result": Outcome.SUCCEEDED.value}
    return replace(result, verdict=Verdict(Outcome.SUCCEEDED, words), outputs=outputs, findings=())
