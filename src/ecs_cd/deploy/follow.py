"""Several deployments at once: begun, followed in one loop, and brought back together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecs
from ecs_cd.aws.errors import code, explain, is_transient, transient_as_unreadable
from ecs_cd.deploy import evidence, strategies
from ecs_cd.deploy.plan import Plan, Policy
from ecs_cd.deploy.rules import rolling, snapshot
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.rules.snapshot import Snapshot
from ecs_cd.deploy.strategies.busy import Busy
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.job.job import Job
from ecs_cd.job.watch import watch
from ecs_cd.model.duration import words
from ecs_cd.model.errors import OutcomeUnknown, Refused
from ecs_cd.model.lifecycle import STARTED, Until
from ecs_cd.model.references import short
from ecs_cd.model.verdict import InProgress, Outcome, Verdict, combined

_EVERY = 2.0  # seconds between two looks
_FIRST = 1.5  # seconds from UpdateService, whose answer tells as much as a look at once would, to the first look
_CALLS = 12  # that one look may cost, evidence included; those for the services themselves are always made
_FRESH = 5.0  # seconds for which a look at the service counts as one just before UpdateService
_NAMED = 3  # failures that are told in the verdict on another service

_UNDONE = (Outcome.SUCCEEDED, Outcome.IN_PROGRESS, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.PAUSED)
_FAILURES = (Outcome.FAILED, Outcome.ROLLED_BACK, Outcome.ROLLBACK_FAILED, Outcome.TIMED_OUT)


# ---- before: is the way clear? ----


def resolve_conflicts(
    job: Job, plans: Sequence[Plan], arns: Sequence[str], policy: Policy, deadline: float
) -> list[Plan] | Verdict:
    """The plans with the services as they are now, once no deployment of somebody else is under way.

    ``arns`` are the revisions that are wanted, empty where they are still to be registered. A verdict where the time
    was over before. Raises ``Refused`` where ``on_conflict`` doesn't wait.
    """
    fresh = {plan.target.key: plan for plan in plans}
    wanted = dict(zip(fresh, arns, strict=True))
    others: dict[str, str] = {}  # whose deployment is under way, in words, the longest not asked first
    seen_all = False

    def look() -> None:
        nonlocal seen_all
        asked = _affordable([fresh[key] for key in others]) or list(fresh.values())
        with transient_as_unreadable():
            for plan in asked if _all_fresh(job, asked) and not others else _renewed(job, asked):
                key = plan.target.key
                fresh[key] = plan
                found = strategies.of(plan).under_way(job, plan, wanted[key])
                others.pop(key, None)
                others.update({key: found} if found else {})
        seen_all = len(asked) == len(plans)  # else the rest may have changed while some were waited for

    def judge(_: None) -> Verdict | dict[str, InProgress]:
        if not others:
            return Verdict(Outcome.SUCCEEDED, "") if seen_all else {}
        if policy.on_conflict != "wait":
            _refuse_or_supersede(job, fresh, others, policy)
            return Verdict(Outcome.SUCCEEDED, "")
        return {key: InProgress(f"{found}, somebody else's; waiting for its end") for key, found in others.items()}

    ended = watch(
        look,
        judge,
        lambda key, watching: _say(job, key, watching),
        clock=job.clock,
        timeout=max(0.0, deadline - job.clock.monotonic()),
        interval=lambda _: _EVERY,
        progress=job.ci.progress,
    )
    if ended.outcome is Outcome.SUCCEEDED:
        return list(fresh.values())
    return replace(ended, message=f"nothing was begun: {ended.message}")


def _affordable(plans: Sequence[Plan]) -> list[Plan]:
    """The first of these, as many as one look can ask: DescribeServices takes ten, and tells all of a rolling update;
    any other costs two calls besides."""
    cost, found = 0.9, []
    for plan in plans:
        cost += strategies.of(plan).CALLS_PER_LOOK
        if cost <= _CALLS:
            found.append(plan)
    return found


def _all_fresh(job: Job, plans: Sequence[Plan]) -> bool:
    """Whether nobody can have begun much since the services were read: a migration may have taken long."""
    return all(job.clock.monotonic() - plan.seen_at < _FRESH for plan in plans)


def _renewed(job: Job, plans: Sequence[Plan]) -> list[Plan]:
    now = job.clock.monotonic()
    found = ecs.look_at_services(job.aws, plans[0].cluster, [plan.name for plan in plans])
    gone = [plan.name for plan in plans if found.get(plan.name, {}).get("status") != "ACTIVE"]
    if gone:
        raise Refused([f"the ECS service {name} is not there any more" for name in gone])
    return [replace(plan, service=found[plan.name], seen_at=now) for plan in plans]


def _refuse_or_supersede(job: Job, plans: dict[str, Plan], others: dict[str, str], policy: Policy) -> None:
    said = [f"{key}: {found}" for key, found in others.items()]
    if policy.on_conflict == "fail":
        remedy = "Let it come to its end, or set on-conflict to wait or supersede."
        raise Refused([f"somebody else's deployment is under way: {each}" for each in said], remedy)
    busy = [
        f"{key}: {others[key]} can't be superseded" for key in others if not strategies.of(plans[key]).CAN_BE_SUPERSEDED
    ]
    if busy:
        raise Refused(busy, "CodeDeploy begins no second one, and ecs-cd stops nobody else's: set on-conflict to wait.")
    for each in said:
        job.ci.line(f"{each}; it is superseded, as on-conflict says")


# ---- start ----


def start(
    job: Job,
    group: list[TrackedDeployment],
    plans: Sequence[Plan],
    arns: Sequence[str],
    policy: Policy,
    deadline: float,
) -> None:
    """Begins the deployments of all, or with ``in_order`` each once the one before has succeeded; ``group`` gets them
    one by one, so that it tells what was begun if it does not come to its end.

    What can't be begun after another was is a verdict; nothing is left alone. Raises what AWS answers, or
    ``Refused``, where the first can't be begun: then nothing was.
    """
    for plan, arn in zip(plans, arns, strict=True):
        one = TrackedDeployment(plan, OwnDeployment(plan.strategy, "", arn, rolling.running(plan.service)))
        if policy.in_order:
            follow(job, group, policy, deadline)
        one.verdict = _left_out(job, group, policy, deadline)
        if one.verdict:
            group.append(one)
        else:
            begin(job, group, one, policy, partial(_start, job, group, one, policy, deadline))


def _left_out(job: Job, group: Sequence[TrackedDeployment], policy: Policy, deadline: float) -> Verdict | None:
    """Where one before it has not succeeded, or has taken all of the time to be begun."""
    bad = [one.key for one in group if policy.in_order and one.verdict and not one.verdict.outcome.green]
    if bad:
        return Verdict(Outcome.SKIPPED, f"not begun, because {bad[0]} has not succeeded")
    late = group and job.clock.monotonic() >= deadline
    return Verdict(Outcome.SKIPPED, f"not begun: the time of {words(policy.timeout)} was over") if late else None


def begin(
    job: Job,
    group: list[TrackedDeployment],
    one: TrackedDeployment,
    policy: Policy,
    call: Callable[[], OwnDeployment | Verdict],
) -> None:
    """Adds a deployment to the group, and begins it by ``call``, which may find that it can't be begun in time.

    Raises what AWS answers, or ``Refused``, where it is the first: then nothing was begun.
    """
    one.said_of_any = group[0].said_of_any if group else one.said_of_any
    group.append(one)
    try:
        began = call()
    except OutcomeUnknown as error:
        if len(group) == 1:
            raise
        one.verdict = Verdict(Outcome.UNKNOWN, str(error))
    except (ClientError, BotoCoreError, Refused) as error:
        one.begun = False  # AWS said no: nothing was changed
        if len(group) == 1:
            job.state.end()
            raise
        one.verdict = Verdict(Outcome.FAILED, f"the deployment could not be begun: {explain(error)}")
    else:
        _has_begun(job, one, began, policy)
    if one.verdict and not one.verdict.outcome.green and len(group) > 1:
        job.ci.line(f"{one.key}: {one.verdict.message}", alarming=True)
    note(job, group, policy)


def _has_begun(job: Job, one: TrackedDeployment, began: OwnDeployment | Verdict, policy: Policy) -> None:
    if isinstance(began, Verdict):
        one.verdict = began
        return
    one.own = began
    if policy.until.goal == STARTED:
        name = f"deployment {short(began.id)}" if began.id else "the deployment"
        one.verdict = Verdict(Outcome.IN_PROGRESS, f"{name} has been started; nobody waits for its end")
        one.tell(one.verdict.outcome, job.clock.monotonic())


def _start(
    job: Job, group: Sequence[TrackedDeployment], one: TrackedDeployment, policy: Policy, deadline: float
) -> OwnDeployment | Verdict:
    """Once the way is clear: since it was looked at all, others may have begun theirs."""
    arn = one.own.task_definition
    while True:
        if not _all_fresh(job, [one.plan]):
            cleared = resolve_conflicts(job, [one.plan], [arn], policy, deadline)
            if isinstance(cleared, Verdict):
                return cleared
            one.renew(cleared[0])
        try:
            return ask(job, group, one, policy, lambda: strategies.of(one.plan).start(job, one.plan, arn), deadline)
        except Busy:
            one.begun = False
            if policy.on_conflict != "wait" or job.clock.monotonic() >= deadline:
                raise
            job.clock.sleep(_EVERY)
            one.plan = replace(one.plan, seen_at=float("-inf"))


def ask(
    job: Job,
    group: Sequence[TrackedDeployment],
    one: TrackedDeployment,
    policy: Policy,
    call: Callable[[], OwnDeployment],
    deadline: float,
) -> OwnDeployment:
    """Asks AWS for a deployment, which is written down before. A read that fails before that is made again."""
    one.begun, one.asked_at = True, job.clock.monotonic()
    note(job, group, policy)
    while True:
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            # A mutation whose answer may have been lost is an `OutcomeUnknown`: see mutation.carry_out.
            if not is_transient(error) or job.clock.monotonic() >= deadline:
                raise
            if one.first_time("asking"):
                job.ci.line(
                    f"{one.key}: can't be begun at the moment ({code(error) or type(error).__name__}); trying on"
                )
            job.clock.sleep(_EVERY)


def note(job: Job, group: Sequence[TrackedDeployment], policy: Policy) -> None:
    """Writes into the state file what is under way; ``clean_up`` and ``rollouts.stop`` read it."""
    job.state.begin(
        kind="deployment",
        region=job.aws.region,
        sign_in=job.aws.sign_in,
        on_cancel=policy.on_cancel,
        deployments=[_entry(one) for one in group if one.under_way],
    )


def _entry(one: TrackedDeployment) -> dict[str, Any]:
    return {
        "strategy": one.plan.strategy.value,
        "cluster": one.plan.cluster,
        "service": one.plan.name,
        "task_definition": one.own.task_definition,
        "id": one.own.id,
        "previous_task_definition": one.own.previous_task_definition,
        "back_to": one.back_to,
    }


# ---- follow ----


def follow(job: Job, group: Sequence[TrackedDeployment], policy: Policy, deadline: float) -> None:
    """Looks at all that have no verdict yet until each has one, or the time is over."""
    active = [one for one in group if one.verdict is None]
    if not active:
        return
    if all(one.own.id != rolling.primary(one.plan.service).get("id") for one in active):
        job.clock.sleep(_FIRST)
    ended = watch(
        lambda: _look(job, active),
        lambda _: _judge_all(job, group, active, policy),
        lambda key, watching: _say(job, key, watching),
        clock=job.clock,
        timeout=max(0.0, deadline - job.clock.monotonic()),
        interval=lambda _: _EVERY,
        progress=lambda states: _show(job, active, states),
    )
    for one in active:
        if one.verdict is None and ended.outcome in (Outcome.TIMED_OUT, Outcome.UNKNOWN):
            one.verdict = _time_is_over(one, policy, ended.outcome)
            one.tell(one.verdict.outcome, job.clock.monotonic())


def _look(job: Job, active: Sequence[TrackedDeployment]) -> None:
    waiting = [one for one in active if one.verdict is None]
    before, end = [one.snapshot for one in waiting], job.aws.calls + _CALLS
    for one, last, now in zip(waiting, before, strategies.read(job, waiting), strict=True):
        one.snapshot = now
        _look_closer(job, one, last, now)
    evidence.gather(job, waiting, end - job.aws.calls)


def _look_closer(job: Job, one: TrackedDeployment, before: Snapshot | None, last: Snapshot) -> None:
    service, now = snapshot.service_with_events(last), job.clock.monotonic()
    if service is not None:
        evidence.notice(job, one, service)
    if snapshot.worth_evidence(one.own, before, last):
        evidence.want(one, events=service is None)
    state = one.judge(Until())
    if state != one.state:
        one.state, one.moved_at = state, now
    one.tell(one.phase(), now)
    evidence.want_if_stalled(one, now, events=service is None)


def _judge_all(
    job: Job, group: Sequence[TrackedDeployment], active: Sequence[TrackedDeployment], policy: Policy
) -> Verdict | dict[str, InProgress]:
    """The states of those that are waited for; the verdict on all once there are none, or no use in waiting."""
    waiting = [one for one in active if one.verdict is None]
    states: dict[str, InProgress] = {}
    for one in waiting:
        state = _judge(one, policy)
        if isinstance(state, InProgress):
            states[one.key] = state
            continue
        one.verdict = state
        one.tell(state.outcome, job.clock.monotonic())
        if len(group) > 1 or policy.in_order:
            job.ci.line(f"{one.key}: {state.outcome.words}: {state.message}")
    if len(states) < len(waiting):
        note(job, group, policy)
    verdicts = {one.key: one.verdict for one in active if one.verdict}
    hopeless = policy.on_failure == "rollback" and any(v.outcome in _FAILURES for v in verdicts.values())
    return states if states and not hopeless else combined(verdicts)


def _judge(one: TrackedDeployment, policy: Policy) -> Verdict | InProgress:
    if one.back_to:
        return _judge_back(one, policy)
    state = one.judge(policy.until)
    if isinstance(state, InProgress) and policy.fail_fast and one.permanent:
        return Verdict(Outcome.FAILED, f"{one.permanent.cause}; that does not heal, and fail-fast ends the wait here")
    return state


def _judge_back(one: TrackedDeployment, policy: Policy) -> Verdict | InProgress:
    """On the way back it has succeeded if what ran before runs: by a deployment of that, or where the one that brought
    something else is taken back, by its rollback."""
    if one.own.task_definition == one.back_to:
        return one.judge(policy.until)
    state = one.judge(Until(through_pauses=True))
    if isinstance(state, InProgress):
        return state
    if state.outcome is Outcome.SUCCEEDED:
        return Verdict(Outcome.FAILED, f"it came to its end before it could be taken back: {state.message}")
    if state.outcome is Outcome.ROLLED_BACK:
        one.own = replace(one.own, task_definition=one.back_to, previous_task_definition=one.own.task_definition)
        return replace(state, outcome=Outcome.SUCCEEDED)
    return state


def _time_is_over(one: TrackedDeployment, policy: Policy, outcome: Outcome) -> Verdict:
    """Where somebody was waited for, that is how it ended."""
    seen = one.judge(replace(policy.until, through_pauses=False)) if one.snapshot else None
    if isinstance(seen, Verdict) and seen.outcome is Outcome.PAUSED:
        return seen
    goes_on = f"{strategies.of(one.plan).CARRIED_OUT_BY} goes on with the deployment"
    time = words(policy.timeout)
    if outcome is Outcome.UNKNOWN:
        return Verdict(outcome, f"AWS could not be asked when the time of {time} was over; {goes_on}")
    last = f"; last seen: {seen.message}" if seen else ""
    return Verdict(outcome, f"no verdict after {time}{last}; {goes_on}")


def _say(job: Job, key: str, watching: InProgress) -> None:
    """In red at once, where it is bad; it is the verdict that is annotated, with the cause."""
    job.ci.line(f"{key or 'deploy'}: {watching.message}", alarming=watching.alarming)


def _show(job: Job, active: Sequence[TrackedDeployment], states: Mapping[str, str]) -> None:
    """What is waited for, with the revisions, to whoever sees it live."""
    ways = {one.key: f"{one.key} {' -> '.join(filter(None, one.way))}" for one in active}
    job.ci.progress({ways.get(key, key): words for key, words in states.items()})


# ---- after a failure: back ----


def failed(group: Sequence[TrackedDeployment]) -> list[TrackedDeployment]:
    """Those that have failed in a way that on-failure is about."""
    return [one for one in group if one.verdict and one.verdict.outcome in _FAILURES]


def go_back(job: Job, group: Sequence[TrackedDeployment], policy: Policy) -> None:
    """Brings every service back to what it ran before, and waits for it, in a time of its own; the verdicts tell how
    that went.

    A service that ECS rolled back already, or that is somebody else's by now, is left alone.
    """
    deadline = job.clock.monotonic() + policy.timeout
    policy = replace(policy, until=Until(through_pauses=True), fail_fast=False, on_failure="report", in_order=False)
    why = _in_short([f"{one.key}: {one.verdict.message}" for one in failed(group) if one.verdict])
    now = list(group)  # with the ways back in the place of what they undo
    try:
        for number, one in enumerate(group):
            if one.begun and (one.verdict is None or one.verdict.outcome in _UNDONE):
                _undo(job, now, number, why, policy, deadline)
        follow(job, now, policy, deadline)
    finally:
        for one, back in zip(group, now, strict=True):
            if back is not one:
                one.moments += back.moments
                one.verdict = _brought_back(back.verdict, short(back.back_to), why)
                if one.verdict:
                    one.tell(one.verdict.outcome, one.moments[-1][1])


def _in_short(failures: Sequence[str]) -> str:
    more = len(failures) - _NAMED
    return "; ".join([*failures[:_NAMED], *([f"and {more} more"] if more > 0 else [])])


def _undo(job: Job, now: list[TrackedDeployment], number: int, why: str, policy: Policy, deadline: float) -> None:
    """Puts the way back in the place of the deployment, or writes into its verdict why there is none."""
    one = now[number]
    verdict = one.verdict or Verdict(Outcome.FAILED, f"given up: {why}")
    nothing = _nothing_to_undo(one)
    if nothing:
        one.verdict = replace(verdict, message=f"{verdict.message}; {nothing}")
        return
    previous = str(one.own.previous_task_definition)
    job.ci.line(f"{one.key}: going back to {short(previous)}, as on-failure says")
    back = TrackedDeployment(
        one.plan, one.own, back_to=previous, seen_events=one.seen_events, said_of_any=one.said_of_any
    )
    now[number] = back
    try:
        back.own = ask(job, now, back, policy, lambda: strategies.of(one.plan).undo(job, one), deadline)
    except OutcomeUnknown as error:
        now[number] = one
        one.verdict = Verdict(Outcome.UNKNOWN, f"it failed ({why}), and the way back is not known: {error}")
    except (ClientError, BotoCoreError, Refused) as error:
        now[number] = one
        one.verdict = Verdict(Outcome.ROLLBACK_FAILED, f"it failed ({why}), and can't go back: {explain(error)}")
    note(job, now, policy)


def _nothing_to_undo(one: TrackedDeployment) -> str:
    """Why there is no way back; empty where there is one."""
    before = rolling.primary(one.plan.service)
    if before and before["id"] in (one.own.id, one.own.started_by) and before.get("rolloutState") == "COMPLETED":
        return "the service had it before this deployment, and keeps it"
    if one.own.previous_task_definition in (None, one.own.task_definition):
        return "there is nothing before it to go back to"
    return ""


def _brought_back(verdict: Verdict | None, target: str, why: str) -> Verdict | None:
    """By the verdict on the way back; ``None``: it was cancelled on the way."""
    if verdict is None or verdict.outcome is Outcome.UNKNOWN:
        return verdict
    if verdict.outcome is Outcome.SUCCEEDED:
        return Verdict(Outcome.ROLLED_BACK, f"back at {target}, as on-failure says: {why}")
    how = f"{verdict.outcome.words}: {verdict.message}"
    return Verdict(Outcome.ROLLBACK_FAILED, f"it failed ({why}), and so did the way back to {target}: {how}")
