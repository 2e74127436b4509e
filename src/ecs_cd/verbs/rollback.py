"""rollback: takes back a deployment under way, or goes back to what last ran well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ecs_cd.deploy import existing, list_targets, rollback, strategies
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.rules.rollback import Choice, Way
from ecs_cd.deploy.strategies.way_back import way_back
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.inputs.rollback import Rollback
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.locks.gate import Gate
from ecs_cd.model.errors import Refused
from ecs_cd.model.exhaustive import assert_never
from ecs_cd.model.references import REVISION, short
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.steps import github_deployment
from ecs_cd.steps.github_deployment import GitHubDeploymentStatus
from ecs_cd.steps.step import Step, run_step

STEP = Step("Rollback", result="result")


def run(inputs: Rollback, job: Job) -> int:
    """The verb; its exit code. Reads everything before it changes anything."""
    with github_deployment.kept(inputs, job, deploys=not inputs.list, task="rollback") as status:
        return _run(inputs, status, job)


def _run(inputs: Rollback, status: GitHubDeploymentStatus, job: Job) -> int:
    inputs = replace(inputs, to=inputs.target)
    selection = existing.select(inputs, job)
    plans = existing.plans(selection, inputs, job)
    if len(plans) > 1 and REVISION.fullmatch(inputs.to):
        raise Refused("to: a revision is the target of one service", "Name the service with --service, or a commit.")
    if inputs.list:
        selection.gate.say(job)
        return run_step(STEP, lambda: list_targets.result(plans, selection, inputs, job), job)
    choices: list[Choice] = concurrently(*(partial(rollback.decide, plan, selection, inputs, job) for plan in plans))
    for plan, choice in zip(plans, choices, strict=True):
        job.ci.line(f"{plan.target.key}: {choice.words}")
    plans = [existing.with_definition(plan, choice.back_to, job) for plan, choice in zip(plans, choices, strict=True)]
    plans = concurrently(*(partial(strategies.of(plan).prepare, job, plan) for plan in plans))
    rollbacks = [
        (TrackedDeployment(plan, choice.own, back_to=choice.back_to), choice.way)
        for plan, choice in zip(plans, choices, strict=True)
    ]
    status.begin_requested()
    call = status.seen(STEP.title, lambda: _roll_back(inputs, rollbacks, selection.gate, job))
    return status.end(run_step(STEP, call, job))


def _roll_back(inputs: Rollback, rollbacks: Sequence[tuple[TrackedDeployment, Way]], gate: Gate, job: Job) -> Result:
    if any(way is not Way.FOLLOW for _, way in rollbacks):
        gate.check(job)
    calls = [(tracked, partial(_begin, tracked, way, job)) for tracked, way in rollbacks]
    group, result = existing.carry_out(inputs, calls, job)
    if result.verdict.outcome is not Outcome.SUCCEEDED:
        return result
    words = "; ".join(f"{tracked.key} is back at {short(tracked.back_to)}" for tracked in group)
    return replace(result, verdict=Verdict(Outcome.SUCCEEDED, words))


def _begin(tracked: TrackedDeployment, way: Way, job: Job) -> OwnDeployment:
    began = _carried_out(tracked, way, job)
    job.ci.line(f"{tracked.key}: going back to {short(tracked.back_to)}")
    return began


def _carried_out(tracked: TrackedDeployment, way: Way, job: Job) -> OwnDeployment:
    plan, own = tracked.plan, tracked.own
    strategy = strategies.of(plan)
    match way:
        case Way.FOLLOW:
            return own
        case Way.UNDO:
            return strategy.undo(job, tracked)
        case Way.DEPLOY if own.task_definition == tracked.back_to:
            return strategy.start(job, plan, tracked.back_to)
        case Way.DEPLOY:
            return strategy.start(job, *way_back(job, tracked))
        case _:
            assert_never(way)
