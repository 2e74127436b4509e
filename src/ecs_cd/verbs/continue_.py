"""continue: resumes paused deployments and follows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from ecs_cd.deploy import existing, not_waiting, strategies
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.inputs.continue_ import Continue
from ecs_cd.job.job import Job, Result
from ecs_cd.locks.gate import Gate
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import short
from ecs_cd.model.verdict import Outcome, Verdict, combined
from ecs_cd.steps import github_deployment
from ecs_cd.steps.github_deployment import GitHubDeploymentStatus
from ecs_cd.steps.step import Step, run_step

STEP = Step("Deployment", result="result")

Requested = tuple[TrackedDeployment, Callable[[], OwnDeployment]]


def run(inputs: Continue, job: Job) -> int:
    """The verb; its exit code. Reads everything before it changes anything."""
    with github_deployment.kept(inputs, job, deploys=True, task="continue") as status:
        return _run(inputs, status, job)


def _run(inputs: Continue, status: GitHubDeploymentStatus, job: Job) -> int:
    selection = existing.select(inputs, job)
    plans = existing.plans(selection, inputs, job)
    waiting = [(plan, own) for plan in plans if (own := strategies.of(plan).waiting(job, plan))]
    others = [plan for plan in plans if all(plan is not each for each, _ in waiting)]
    missed = dict(zip((plan.target.key for plan in others), not_waiting.explain(others, job), strict=True))
    if not waiting:
        return _nothing_waits(missed, status, job)
    for key, verdict in missed.items():
        job.ci.line(f"{key}: {verdict.message}", alarming=verdict.outcome is not Outcome.SKIPPED)
    found = [TrackedDeployment(existing.with_definition(plan, own.task_definition, job), own) for plan, own in waiting]
    deployments = [(tracked, partial(_go_on, tracked, job)) for tracked in found]
    status.begin_requested()
    call = status.seen(STEP.title, lambda: _continue(inputs, deployments, _rolled_back(missed), selection.gate, job))
    return status.end(run_step(STEP, call, job))


def _continue(
    inputs: Continue, deployments: Sequence[Requested], back: Mapping[str, Verdict], gate: Gate, job: Job
) -> Result:
    """Not green if the release has lost a service on the way: ``back``."""
    gate.check(job)
    group, result = existing.carry_out(inputs, deployments, job)
    if not back:
        return result
    continued = ", ".join(tracked.key for tracked in group)
    verdict = combined({continued: result.verdict, **back})
    return replace(result, verdict=verdict, outputs={**result.outputs, "result": verdict.outcome.value})


def _rolled_back(missed: Mapping[str, Verdict]) -> dict[str, Verdict]:
    return {key: verdict for key, verdict in missed.items() if verdict.outcome is not Outcome.SKIPPED}


def _nothing_waits(missed: Mapping[str, Verdict], status: GitHubDeploymentStatus, job: Job) -> int:
    """Refused, unless a deployment was rolled back: then that is the result."""
    back = _rolled_back(missed)
    if not back:
        raise Refused(
            [f"{key}: {verdict.message}" for key, verdict in missed.items()],
            "Only a deployment with the result `paused` can continue.",
        )
    for key, verdict in missed.items():
        job.ci.line(f"{key}: {verdict.message}", alarming=key in back)
    verdict, remedy = combined(back), "Deploy the commit again; approve it before the pause expires."
    result = Result(verdict, {"result": verdict.outcome.value}, findings=[Finding("", next_step=remedy)])
    return status.end(run_step(STEP, status.seen(STEP.title, lambda: result), job))


def _go_on(tracked: TrackedDeployment, job: Job) -> OwnDeployment:
    continued = strategies.of(tracked.plan).go_on(job, tracked.plan, tracked.own)
    what = f"{tracked.key}: deployment {short(tracked.own.id)} to {short(tracked.own.task_definition)}"
    job.ci.line(f"{what} continues" if continued else f"{what} no longer waits at that pause; ecs-cd only follows it")
    return tracked.own
