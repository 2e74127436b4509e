"""Several deployments at once: begun, followed in one loop, undone together, and proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd import gathering, rollouts
from ecs_cd.aws import ecr, ecs
from ecs_cd.aws.session import explain, looking, passing
from ecs_cd.core import proof, rollout
from ecs_cd.core.deployment import Mine
from ecs_cd.core.errors import OutcomeUnknown, Refused
from ecs_cd.core.references import repository, short
from ecs_cd.core.strategy import STARTED, Strategy, Until
from ecs_cd.core.verdict import Outcome, Verdict, Watching, combined
from ecs_cd.following import Following
from ecs_cd.job import Job, together
from ecs_cd.plan import Plan, Policy
from ecs_cd.watch import watch

_EVERY = 2.0  # seconds between two looks
_FIRST = 1.5  # seconds from UpdateService, whose answer tells as much as a look at once would, to the first look
_CALLS = 12  # that one look may cost, evidence included; those for the services themselves are always made
_FRESH = 5.0  # seconds for which a look at the service counts as one just before UpdateService
_PROOF_ATTEMPTS = 10

_UNDONE = (Outcome.SUCCEEDED, Outcome.IN_PROGRESS, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.PAUSED)
_FAILURES = (Outcome.FAILED, Outcome.ROLLED_BACK, Outcome.ROLLBACK_FAILED, Outcome.TIMED_OUT)


# ---- before: is the way clear? ----


def clear_the_way(job: Job, plans: Sequence[Plan], arns: Sequence[str], policy: Policy) -> list[Plan] | Verdict:
    """The plans with the services as they are now, once no deployment of somebody else is under way.

    ``arns`` are the revisions that are wanted, empty where they are still to be registered. A verdict where the time
    was over before. Raises ``Refused`` where ``on_conflict`` doesn't wait.
    """
    fresh = _fresh(job, plans)
    others = _others(job, fresh, arns)
    if not others:
        return fresh
    said = [f"{key}: {words}" for key, words in others.items()]
    if policy.on_conflict == "fail":
        remedy = "Let it come to its end, or set on-conflict to wait or supersede."
        raise Refused([f"somebody else's deployment is under way: {each}" for each in said], remedy)
    if policy.on_conflict == "supersede":
        busy = [
            plan.target.key for plan in fresh if plan.strategy is Strategy.CODE_DEPLOY and plan.target.key in others
        ]
        if busy:
            remedy = "CodeDeploy begins no second one, and ecs-cd stops nobody else's: set on-conflict to wait."
            raise Refused([f"{key}: {others[key]} can't be superseded" for key in busy], remedy)
        for each in said:
            job.ci.line(f"{each}; it is superseded, as on-conflict says")
        return fresh

    def look() -> dict[str, str]:
        nonlocal fresh
        fresh = _fresh(job, fresh)
        return _others(job, fresh, arns)

    def judge(others: Mapping[str, str]) -> Verdict | dict[str, Watching]:
        waiting = {key: Watching(f"{words}, somebody else's; waiting for its end") for key, words in others.items()}
        return waiting or Verdict(Outcome.SUCCEEDED, "")

    ended = watch(
        look,
        judge,
        lambda key, watching: job.ci.line(f"{key or 'deploy'}: {watching.message}"),
        clock=job.clock,
        timeout=policy.timeout,
        interval=lambda _: _EVERY,
    )
    return (
        fresh if ended.outcome is Outcome.SUCCEEDED else replace(ended, message=f"nothing was begun: {ended.message}")
    )


def _fresh(job: Job, plans: Sequence[Plan]) -> list[Plan]:
    """A migration may have taken long since the services were read."""
    now = job.clock.monotonic()
    if all(now - plan.seen_at < _FRESH for plan in plans):
        return list(plans)
    with looking():
        found = ecs.look_at_services(job.aws, plans[0].cluster, [plan.name for plan in plans])
    gone = [plan.name for plan in plans if found.get(plan.name, {}).get("status") != "ACTIVE"]
    if gone:
        raise Refused([f"the ECS service {name} is not there any more" for name in gone])
    return [replace(plan, service=found[plan.name], seen_at=now) for plan in plans]


def _others(job: Job, plans: Sequence[Plan], arns: Sequence[str]) -> dict[str, str]:
    with looking():
        found = {plan.target.key: rollouts.under_way(job, plan, arn) for plan, arn in zip(plans, arns, strict=True)}
    return {key: words for key, words in found.items() if words}


# ---- start ----


def start(job: Job, plans: Sequence[Plan], arns: Sequence[str], policy: Policy) -> list[Following]:
    """Begins the deployments of all, or with ``in_order`` each once the one before has succeeded.

    What can't be begun after another was is a verdict; nothing is left alone. Raises what AWS answers, or
    ``Refused``, where the first can't be begun: then nothing was.
    """
    group: list[Following] = []
    deadline = job.clock.monotonic() + policy.timeout
    for plan, arn in zip(plans, arns, strict=True):
        if policy.in_order:
            follow(job, group, replace(policy, timeout=max(0.0, deadline - job.clock.monotonic())))
        if policy.in_order and any(one.verdict and not one.verdict.outcome.green for one in group):
            break
        group.append(_start(job, plan, arn, group, policy))
    return group


def _start(job: Job, plan: Plan, arn: str, group: Sequence[Following], policy: Policy) -> Following:
    entries = [_entry(one.plan, one.mine.task_definition, one) for one in group]
    job.state.begin(
        kind="deployment",
        region=job.aws.region,
        on_cancel=policy.on_cancel,
        deployments=[*entries, _entry(plan, arn)],
    )
    try:
        mine = _begin(job, plan, arn, policy)
    except (ClientError, BotoCoreError, Refused) as error:
        if not group:
            job.state.end()  # ECS said no: nothing was changed
            raise
        why = error if isinstance(error, Refused) else explain(error)
        verdict = Verdict(Outcome.FAILED, f"the deployment could not be begun: {why}")
    except OutcomeUnknown as error:
        if not group:
            raise
        verdict = Verdict(Outcome.UNKNOWN, str(error))
    else:
        one = Following(plan, mine)
        job.state.begin(deployments=[*entries, _entry(plan, arn, one)])
        if policy.until.goal == STARTED:
            one.verdict = Verdict(Outcome.IN_PROGRESS, f"{_id(one)} has been started; nobody waits for its end")
        return one
    job.ci.error(verdict.message, title=plan.target.key)
    return Following(plan, _unbegun(plan, arn), verdict=verdict)


def _begin(job: Job, plan: Plan, arn: str, policy: Policy) -> Mine:
    """Somebody else may have been quicker since the way was clear."""
    deadline = job.clock.monotonic() + policy.timeout
    while True:
        try:
            return rollouts.start(job, plan, arn)
        except rollouts.Busy:
            left = deadline - job.clock.monotonic()
            if policy.on_conflict != "wait" or left <= 0:
                raise
            job.clock.sleep(_EVERY)
            cleared = clear_the_way(job, [plan], [arn], replace(policy, timeout=left))
            if isinstance(cleared, list):
                plan = cleared[0]


def _entry(plan: Plan, arn: str, one: Following | None = None) -> dict[str, Any]:
    """A deployment in the state file; ``rollouts.stop`` reads it."""
    return {
        "strategy": plan.strategy.value,
        "cluster": plan.cluster,
        "service": plan.name,
        "task_definition": arn,
        "id": one.mine.id if one else "",
        "previous_task_definition": (one.mine if one else _unbegun(plan, arn)).previous_task_definition,
    }


def _unbegun(plan: Plan, arn: str) -> Mine:
    return Mine(plan.strategy, "", arn, rollout.running(plan.service))


# ---- follow ----


def follow(job: Job, group: Sequence[Following], policy: Policy) -> None:
    """Looks at all that have no verdict yet until each has one, or the time is over."""
    active = [one for one in group if one.verdict is None]
    if not active:
        return
    if all(one.mine.id != rollout.primary(one.plan.service).get("id") for one in active):
        job.clock.sleep(_FIRST)
    ended = watch(
        lambda: _look(job, active),
        lambda _: _judge_all(job, active, policy, several=len(group) > 1),
        lambda key, watching: _say(job, active, key, watching),
        clock=job.clock,
        timeout=policy.timeout,
        interval=lambda _: _EVERY,
    )
    for one in active:
        if one.verdict is None and ended.outcome in (Outcome.TIMED_OUT, Outcome.UNKNOWN):
            one.verdict = _paused(one, policy) or ended


def _look(job: Job, active: Sequence[Following]) -> None:
    waiting = [one for one in active if one.verdict is None]
    before, end = [one.look for one in waiting], job.aws.calls + _CALLS
    rollouts.read(job, waiting)
    for one, last in zip(waiting, before, strict=True):
        _look_closer(job, one, last)
    gathering.gather(job, waiting, end - job.aws.calls)


def _judge_all(
    job: Job, active: Sequence[Following], policy: Policy, *, several: bool
) -> Verdict | dict[str, Watching]:
    """The states of those that are waited for; the verdict on all once there are none, or no use in waiting."""
    states: dict[str, Watching] = {}
    for one in (each for each in active if each.verdict is None):
        state = _judge(one, policy)
        if isinstance(state, Watching):
            states[one.key] = state
            continue
        one.verdict = state
        if several:
            job.ci.line(f"{one.key}: {state.outcome.words}: {state.message}")
    verdicts = {one.key: one.verdict for one in active if one.verdict}
    hopeless = policy.on_failure == "rollback" and any(v.outcome in _FAILURES for v in verdicts.values())
    return states if states and not hopeless else combined(verdicts)


def _look_closer(job: Job, one: Following, before: Any) -> None:
    service, now = rollouts.events(one), job.clock.monotonic()
    if service is not None:
        gathering.notice(job, one, service)
    if rollouts.worth_evidence(one, before):
        gathering.want(one, events=service is None)
    state = rollouts.judge(one, Until())
    if state != one.state:
        one.state, one.moved_at = state, now
    gathering.want_if_stalled(one, now, events=service is None)


def _judge(one: Following, policy: Policy) -> Verdict | Watching:
    state = rollouts.judge(one, policy.until)
    if isinstance(state, Watching) and policy.fail_fast and one.permanent:
        return Verdict(Outcome.FAILED, f"{one.permanent.cause}; that does not heal, and fail-fast ends the wait here")
    return state


def _paused(one: Following, policy: Policy) -> Verdict | None:
    """Where the time is over and somebody was waited for, that is how it ended."""
    state = rollouts.judge(one, replace(policy.until, through_pauses=False)) if one.look is not None else None
    return state if isinstance(state, Verdict) and state.outcome is Outcome.PAUSED else None


def _say(job: Job, active: Sequence[Following], key: str, watching: Watching) -> None:
    """What is new; the first alarm of a service as an error, for there are but ten annotations a step."""
    one = next((each for each in active if each.key == key), None)
    if one and watching.alarming and one.first_time("alarm"):
        job.ci.error(watching.message, title=key)
    else:
        job.ci.line(f"{key or 'deploy'}: {watching.message}")


def _id(one: Following) -> str:
    return f"deployment {short(one.mine.id)}" if one.mine.id else "the deployment"


# ---- after a failure: back ----


def failed(group: Sequence[Following]) -> bool:
    """Whether one of them has failed in a way that on-failure is about."""
    return any(one.verdict and one.verdict.outcome in _FAILURES for one in group)


def go_back(job: Job, group: Sequence[Following], policy: Policy) -> None:
    """Brings every service back to what it ran before, and waits for it; the verdicts tell how that went.

    A service that ECS rolled back already, or that is somebody else's by now, is left alone.
    """
    failed = {one.key: one.verdict for one in group if one.verdict and one.verdict.outcome in _FAILURES}
    why = "; ".join(f"{key}: {verdict.message}" for key, verdict in failed.items())
    backs: list[tuple[Following, Following]] = []
    for one in group:
        if one.mine.id and (one.verdict is None or one.verdict.outcome in _UNDONE):
            back = _undo(job, one, why)
            backs += [(one, back)] if back else []
    follow(
        job,
        [back for _, back in backs],
        replace(policy, until=Until(through_pauses=True), fail_fast=False, on_failure="report"),
    )
    for one, back in backs:
        assert back.verdict is not None
        target = short(str(one.mine.previous_task_definition))
        if back.verdict.outcome in (Outcome.SUCCEEDED, Outcome.ROLLED_BACK):
            one.verdict = Verdict(Outcome.ROLLED_BACK, f"back at {target}, as on-failure says: {why}")
        elif back.verdict.outcome is Outcome.UNKNOWN:
            one.verdict = back.verdict
        else:
            how = f"{back.verdict.outcome.words}: {back.verdict.message}"
            one.verdict = Verdict(
                Outcome.ROLLBACK_FAILED, f"it failed ({why}), and so did the way back to {target}: {how}"
            )


def _undo(job: Job, one: Following, why: str) -> Following | None:
    verdict = one.verdict or Verdict(Outcome.FAILED, f"given up: {why}")
    if not one.mine.previous_task_definition or one.mine.previous_task_definition == one.mine.task_definition:
        one.verdict = replace(verdict, message=f"{verdict.message}; there is nothing before it to go back to")
        return None
    job.ci.line(f"{one.key}: going back to {short(one.mine.previous_task_definition)}, as on-failure says")
    try:
        mine = rollouts.undo(job, one)
    except OutcomeUnknown as error:
        one.verdict = Verdict(Outcome.UNKNOWN, f"it failed ({why}), and the way back is not known: {error}")
        return None
    except (ClientError, BotoCoreError, Refused) as error:
        words = error if isinstance(error, Refused) else explain(error)
        one.verdict = Verdict(Outcome.ROLLBACK_FAILED, f"it failed ({why}), and can't go back: {words}")
        return None
    return Following(one.plan, mine)


# ---- the proof ----


def prove(job: Job, group: Sequence[Following]) -> None:
    """Green only if the running tasks run the digests that were asked for."""
    left = [one for one in group if one.verdict and one.verdict.outcome is Outcome.SUCCEEDED]
    missing: dict[str, list[str]] = {}
    children: dict[str, frozenset[str]] = {}
    for attempt in range(_PROOF_ATTEMPTS):
        if not left:
            return
        if attempt:
            job.clock.sleep(1)
        missing = {one.key: words for one, words in zip(left, _missing(job, left, children), strict=True) if words}
        left = [one for one in left if one.key in missing]
    for one in left:
        seconds, words = _PROOF_ATTEMPTS - 1, "; ".join(missing[one.key])
        one.verdict = Verdict(Outcome.FAILED, f"AWS says that it is done, but {seconds} seconds later {words}")


def _missing(job: Job, group: Sequence[Following], children: dict[str, frozenset[str]]) -> list[list[str]]:
    """What keeps each from being proved."""
    try:
        running = _running(job, group)
        found = [_unproved(one, running[one.key], children) for one in group]
        images = {image for one, words in zip(group, found, strict=True) if words for image in one.plan.images.values()}
        if images - set(children):
            children |= {image: proof.children(_manifest(image, job)) for image in images}
            found = [_unproved(one, running[one.key], children) for one in group]
        return found
    except (ClientError, BotoCoreError) as error:
        if not passing(error):
            raise
        return [["the running tasks could not be read"] for _ in group]


def _running(job: Job, group: Sequence[Following]) -> dict[str, list[Any]]:
    """The running tasks of each service: a ListTasks for each, and DescribeTasks for a hundred tasks."""
    arns = together(
        *(lambda one=one: ecs.service_task_arns(job.aws, one.plan.cluster, one.plan.name, "RUNNING") for one in group)
    )
    tasks = {
        str(task["taskArn"]): task
        for task in ecs.tasks(job.aws, group[0].plan.cluster, [arn for each in arns for arn in each])
    }
    return {one.key: [tasks[arn] for arn in each if arn in tasks] for one, each in zip(group, arns, strict=True)}


def _unproved(one: Following, running: Sequence[Any], children: Mapping[str, frozenset[str]]) -> list[str]:
    desired = int((rollouts.events(one) or one.plan.service).get("desiredCount", 0))
    if one.plan.strategy is not Strategy.ROLLING:  # which may keep the tasks of before for a while
        running = [task for task in running if task.get("taskDefinitionArn") == one.mine.task_definition]
    return proof.missing(running, desired, one.mine.task_definition, one.plan.images, children)


def _manifest(image: str, job: Job) -> str:
    name, _, digest = image.partition("@")
    return ecr.manifest(job.aws, repository(name), digest)
