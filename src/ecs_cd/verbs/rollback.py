"""rollback: goes back to what ran before a paused or finished deployment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ecs_cd.aws import task_definitions
from ecs_cd.deploy import existing, strategies
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules import rolling
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.inputs.rollback import Rollback
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import family, short
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.steps.step import Step, run_step
from ecs_cd.tasks.rules import revisions

STEP = Step("Rollback", result="result")


def run(inputs: Rollback, job: Job) -> int:
    """The verb; its exit code. Reads everything before it changes anything."""
    plans = existing.plans(inputs, job)
    found = [_deployment(plan, job) for plan in plans]
    problems = [each for each in found if isinstance(each, str)]
    if problems:
        raise Refused(problems)
    deployments = [each for each in found if isinstance(each, OwnDeployment)]
    plans = [
        existing.with_definition(plan, str(own.previous_task_definition), job)
        for plan, own in zip(plans, deployments, strict=True)
    ]
    plans = concurrently(*(partial(strategies.of(plan).prepare, job, plan) for plan in plans))
    rollbacks = [
        TrackedDeployment(plan, own, back_to=str(own.previous_task_definition))
        for plan, own in zip(plans, deployments, strict=True)
    ]
    return run_step(STEP, lambda: _roll_back(inputs, rollbacks, job), job)


def _deployment(plan: DeploymentPlan, job: Job) -> OwnDeployment | str:
    """What to roll back: the paused deployment, or what the service runs; otherwise the reason why not."""
    waiting = strategies.of(plan).waiting(job, plan)
    if waiting:
        return waiting
    key, current = plan.target.key, rolling.running(plan.service)
    busy = strategies.of(plan).under_way(job, plan, "")
    if busy:
        return f"{key}: {busy} and is not paused; wait until it ends"
    previous = _previous(job, plan, str(current))
    if not previous:
        return f"{key}: ecs-cd can't find what ran before {short(str(current))}"
    job.ci.line(f"{key}: {short(str(current))} -> {short(previous)}")
    return OwnDeployment(plan.strategy, "", str(current), previous)


def _previous(job: Job, plan: DeploymentPlan, current: str) -> str | None:
    """What the service ran before ``current``: as AWS lists it, or else the family's previous revision."""
    known = strategies.of(plan).previous(job, plan, current)
    return known or revisions.before(current, task_definitions.active(job.aws, family(current)))


def _roll_back(inputs: Rollback, rollbacks: Sequence[TrackedDeployment], job: Job) -> Result:
    group, result = existing.carry_out(inputs, [(tracked, partial(_undo, tracked, job)) for tracked in rollbacks], job)
    if result.verdict.outcome is not Outcome.SUCCEEDED:
        return result
    words = "; ".join(f"{tracked.key} is back at {short(tracked.back_to)}" for tracked in group)
    return replace(result, verdict=Verdict(Outcome.SUCCEEDED, words))


def _undo(tracked: TrackedDeployment, job: Job) -> OwnDeployment:
    began = strategies.of(tracked.plan).undo(job, tracked)
    job.ci.line(f"{tracked.key}: going back to {short(tracked.back_to)}")
    return began
