"""After a failure: returns every service to what it ran before, if on-failure says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import explain
from ecs_cd.deploy import strategies
from ecs_cd.deploy.begin import ask
from ecs_cd.deploy.follow import FAILURES, follow
from ecs_cd.deploy.plan import Policy
from ecs_cd.deploy.rules import rolling, standing
from ecs_cd.deploy.state_file import record
from ecs_cd.deploy.strategies.way_back import Replaced
from ecs_cd.deploy.tracked import Reported, TrackedDeployment
from ecs_cd.job.job import Job
from ecs_cd.model.errors import OutcomeUnknown, Refused
from ecs_cd.model.lifecycle import Until
from ecs_cd.model.references import short
from ecs_cd.model.verdict import Outcome, Verdict

_NAMED = 3  # failures named in the verdict on another service
_UNDONE = (Outcome.SUCCEEDED, Outcome.IN_PROGRESS, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.PAUSED)


def failed(group: Sequence[TrackedDeployment]) -> list[TrackedDeployment]:
    """The deployments whose failure on-failure applies to."""
    return [tracked for tracked in group if tracked.verdict and tracked.verdict.outcome in FAILURES]


def go_back(job: Job, group: Sequence[TrackedDeployment], policy: Policy, why: str = "") -> None:
    """Returns every service to what it ran before and waits for it, with a new timeout; the verdicts show the result.

    ``why`` is the failure, if it is not one of these deployments. Leaves alone a service that ECS has already rolled
    back, or where another deployment has replaced it.
    """
    deadline = job.clock.monotonic() + policy.timeout
    policy = replace(policy, until=Until(through_pauses=True), fail_fast=False, on_failure="report", in_order=False)
    why = why or in_short(
        [
            f"{tracked.key}: {tracked.verdict.message}" if len(group) > 1 else tracked.verdict.message
            for tracked in failed(group)
            if tracked.verdict
        ]
    )
    now = list(group)  # with each way back replacing the deployment that it undoes
    try:
        for number, tracked in enumerate(group):
            if tracked.started and (tracked.verdict is None or tracked.verdict.outcome in _UNDONE):
                _undo(job, now, number, why, policy, deadline)
        follow(job, now, policy, deadline)
    finally:
        for tracked, back in zip(group, now, strict=True):
            if back is not tracked:
                tracked.timeline.moments += back.timeline.moments
                tracked.snapshot = back.snapshot
                tracked.verdict = _brought_back(back.verdict, short(back.back_to), why)
                if tracked.verdict:
                    tracked.timeline.add(tracked.verdict.outcome, tracked.timeline.moments[-1][1])


def in_short(failures: Sequence[str]) -> str:
    """The first failures, and how many more there are."""
    more = len(failures) - _NAMED
    return "; ".join([*failures[:_NAMED], *([f"and {more} more"] if more > 0 else [])])


def _undo(job: Job, now: list[TrackedDeployment], number: int, why: str, policy: Policy, deadline: float) -> None:
    """Replaces the deployment with its way back, or adds to its verdict why it has no way back."""
    tracked = now[number]
    verdict = tracked.verdict or Verdict(Outcome.FAILED, f"given up: {why}")
    nothing = _nothing_to_undo(tracked)
    if nothing:
        tracked.verdict = replace(verdict, message=f"{verdict.message}; {nothing}")
        return
    previous = str(tracked.own.previous_task_definition)
    job.ci.line(f"{tracked.key}: going back to {short(previous)} (on-failure: rollback)")
    back = TrackedDeployment(
        tracked.plan,
        tracked.own,
        back_to=previous,
        reported=Reported(tracked.reported.events, of_any=tracked.reported.of_any),
    )
    now[number] = back
    try:
        back.own = ask(job, now, back, policy, lambda: strategies.of(tracked.plan).undo(job, tracked), deadline)
    except OutcomeUnknown as error:
        now[number] = tracked
        tracked.verdict = Verdict(
            Outcome.UNKNOWN, f"it failed ({why}), and the outcome of the rollback is unknown: {error}"
        )
    except Replaced as error:
        now[number] = tracked
        failed_before = tracked.verdict is not None and tracked.verdict.outcome is Outcome.FAILED
        outcome = Outcome.FAILED if failed_before else Outcome.SUPERSEDED
        tracked.verdict = Verdict(outcome, f"{verdict.message}; {error}")
    except (ClientError, BotoCoreError, Refused) as error:
        now[number] = tracked
        tracked.verdict = Verdict(
            Outcome.ROLLBACK_FAILED, f"it failed ({why}), and can't be rolled back: {explain(error).sentence}"
        )
    record(job, now, policy)


def _nothing_to_undo(tracked: TrackedDeployment) -> str:
    """Why it has no way back; empty if it has one."""
    service = tracked.plan.service
    before = standing.current(service)
    completed = "externalId" in before or rolling.state(before, service) == "COMPLETED"
    if before and standing.is_ours(tracked.own, before) and completed:
        return "the service ran it before this deployment, and keeps it"
    if tracked.own.theirs:
        return f"{short(tracked.own.id)} is another deployment of the same revision; ecs-cd leaves it alone"
    if tracked.own.previous_task_definition in (None, tracked.own.task_definition):
        return "there is nothing to go back to"
    return ""


def _brought_back(verdict: Verdict | None, target: str, why: str) -> Verdict | None:
    """The verdict, from the verdict on the way back; ``None`` if the job was cancelled on the way."""
    if verdict is None or verdict.outcome is Outcome.UNKNOWN:
        return verdict
    if verdict.outcome is Outcome.SUCCEEDED:
        return Verdict(Outcome.ROLLED_BACK, f"back at {target} (on-failure: rollback): {why}")
    how = f"{verdict.outcome.words}: {verdict.message}"
    return Verdict(Outcome.ROLLBACK_FAILED, f"it failed ({why}), and so did the rollback to {target}: {how}")
