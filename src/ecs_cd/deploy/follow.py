"""The loop: snapshots of all deployments, evidence, a verdict for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ecs_cd.deploy import evidence, strategies
from ecs_cd.deploy.plan import Policy
from ecs_cd.deploy.rules import rolling, snapshot
from ecs_cd.deploy.rules.snapshot import Snapshot
from ecs_cd.deploy.state_file import record
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.job.job import Job
from ecs_cd.job.watch import watch
from ecs_cd.model import pace
from ecs_cd.model.duration import words
from ecs_cd.model.lifecycle import Strategy, Until
from ecs_cd.model.verdict import InProgress, Outcome, Verdict, combined

FAILURES = (Outcome.FAILED, Outcome.ROLLED_BACK, Outcome.ROLLBACK_FAILED, Outcome.TIMED_OUT)


def follow(job: Job, group: Sequence[TrackedDeployment], policy: Policy, deadline: float) -> None:
    """Polls all deployments without a verdict until each has one, or the time runs out."""
    active = [tracked for tracked in group if tracked.verdict is None]
    if not active:
        return
    if all(tracked.own.id != rolling.primary(tracked.plan.service).get("id") for tracked in active):
        job.clock.sleep(pace.FIRST_LOOK)
    ended = watch(
        lambda: _read(job, active),
        lambda _: _judge_all(job, group, active, policy),
        lambda key, watching: say(job, key, watching),
        clock=job.clock,
        timeout=max(0.0, deadline - job.clock.monotonic()),
        interval=lambda _: pace.LOOK_EVERY,
        progress=lambda states: _show(job, active, states),
    )
    for tracked in active:
        if tracked.verdict is None and ended.outcome in (Outcome.TIMED_OUT, Outcome.UNKNOWN):
            tracked.verdict = _time_is_over(tracked, policy, ended.outcome)
            tracked.timeline.add(tracked.verdict.outcome, job.clock.monotonic())


def _read(job: Job, active: Sequence[TrackedDeployment]) -> None:
    waiting = [tracked for tracked in active if tracked.verdict is None]
    before, end = [tracked.snapshot for tracked in waiting], job.aws.calls + pace.LOOK_CALLS
    for tracked, last, now in zip(waiting, before, strategies.read(job, waiting), strict=True):
        tracked.snapshot = now
        _examine(job, tracked, last, now)
    evidence.gather(job, waiting, end - job.aws.calls)


def _examine(job: Job, tracked: TrackedDeployment, before: Snapshot | None, last: Snapshot) -> None:
    service, now = snapshot.service_with_events(last), job.clock.monotonic()
    if service is not None:
        evidence.notice(job, tracked, service)
    tracked.found.failures = max(tracked.found.failures, snapshot.failures(tracked.own, last))
    if snapshot.worth_evidence(tracked.own, before, last):
        evidence.want(tracked, events=service is None)
    state = tracked.judge(Until())
    if state != tracked.wanted.state:
        tracked.wanted.state, tracked.wanted.moved_at = state, now
    tracked.timeline.add(tracked.phase(), now)
    evidence.want_if_stalled(tracked, now, events=service is None)


def _judge_all(
    job: Job, group: Sequence[TrackedDeployment], active: Sequence[TrackedDeployment], policy: Policy
) -> Verdict | dict[str, InProgress]:
    """The states of the deployments still in progress; the verdict on all once none is left, or waiting is useless."""
    waiting = [tracked for tracked in active if tracked.verdict is None]
    states: dict[str, InProgress] = {}
    for tracked in waiting:
        state = _judge(tracked, policy)
        if isinstance(state, InProgress):
            states[tracked.key] = state
            continue
        tracked.verdict = state
        tracked.timeline.add(state.outcome, job.clock.monotonic())
        if len(group) > 1 or policy.in_order:
            job.ci.line(f"{tracked.key}: {state.outcome.words}: {state.message}")
    if len(states) < len(waiting):
        record(job, group, policy)
    verdicts = {tracked.key: tracked.verdict for tracked in active if tracked.verdict}
    hopeless = policy.on_failure == "rollback" and any(v.outcome in FAILURES for v in verdicts.values())
    return states if states and not hopeless else combined(verdicts)


def _judge(tracked: TrackedDeployment, policy: Policy) -> Verdict | InProgress:
    if tracked.back_to:
        return _judge_back(tracked, policy)
    state = tracked.judge(policy.until)
    if isinstance(state, InProgress) and policy.fail_fast and tracked.found.permanent:
        return Verdict(
            Outcome.FAILED, f"{tracked.found.permanent.words}; waiting does not help, so fail-fast ends the wait"
        )
    return state


def _judge_back(tracked: TrackedDeployment, policy: Policy) -> Verdict | InProgress:
    """The verdict on a way back: it succeeds when the service runs its previous revision again.

    That is either by deploying that revision or, if the deployment of another revision is rolled back, by its rollback.
    A forced deployment of the same revision is rolled back, too: then it replaces that revision itself.
    Not so a rolling update: its way back is always another deployment.
    """
    brings_it, previous = tracked.own.task_definition == tracked.back_to, tracked.own.previous_task_definition
    if brings_it and (tracked.own.strategy is Strategy.ROLLING or previous != tracked.back_to):
        return tracked.judge(policy.until)
    state = tracked.judge(Until(through_pauses=True))
    if isinstance(state, InProgress):
        return state
    if state.outcome is Outcome.SUCCEEDED:
        return Verdict(Outcome.FAILED, f"it ended before it could be rolled back: {state.message}")
    if state.outcome is Outcome.ROLLED_BACK:
        tracked.own = replace(
            tracked.own, task_definition=tracked.back_to, previous_task_definition=tracked.own.task_definition
        )
        return replace(state, outcome=Outcome.SUCCEEDED)
    return state


def _time_is_over(tracked: TrackedDeployment, policy: Policy, outcome: Outcome) -> Verdict:
    """If the deployment was waiting for an approval, that is the verdict."""
    seen = tracked.judge(replace(policy.until, through_pauses=False)) if tracked.snapshot else None
    if isinstance(seen, Verdict) and seen.outcome is Outcome.PAUSED:
        return seen
    goes_on = f"{strategies.of(tracked.plan).CARRIED_OUT_BY} continues the deployment"
    time = words(policy.timeout)
    if outcome is Outcome.UNKNOWN:
        return Verdict(outcome, f"AWS could not be read when the time limit of {time} was reached; {goes_on}")
    last = f"; last seen: {seen.message}" if seen else ""
    return Verdict(outcome, f"no verdict after {time}{last}; {goes_on}")


def say(job: Job, key: str, watching: InProgress) -> None:
    """Highlights bad news immediately; only the verdict is annotated, with the cause."""
    job.ci.line(f"{key or 'deploy'}: {watching.message}", alarming=watching.alarming)


def _show(job: Job, active: Sequence[TrackedDeployment], states: Mapping[str, str]) -> None:
    """Shows the deployments in progress, with their revisions, to anyone who watches live."""
    ways = {tracked.key: _named_way(tracked) for tracked in active}
    job.ci.progress({ways.get(key, key): words for key, words in states.items()})


def _named_way(tracked: TrackedDeployment) -> str:
    """The service with its revisions; once if the family has its name."""
    key, revisions = tracked.key, list(filter(None, tracked.way))
    named = bool(revisions) and all(revision.rpartition(":")[0] == key for revision in revisions)
    return " -> ".join(revisions) if named else " ".join([key, " -> ".join(revisions)]).strip()
