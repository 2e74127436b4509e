"""Why a deployment fails: from the evidence to the likely causes, and what to do next."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ecs_cd.diagnosis import app_errors, details, stopped_tasks, telling
from ecs_cd.diagnosis.causes import (
    ALARM,
    CONTAINER,
    ENDED,
    ENDED_SOMEHOW,
    EXIT_CODES,
    GENERAL,
    HEALTH,
    OTHER_CPU,
    PLACEMENT,
    SIGNALS,
    SPOT,
    STOPPED_FROM_OUTSIDE,
    TASK,
    Known,
)
from ecs_cd.diagnosis.evidence import Evidence, Finding, StoppedTask
from ecs_cd.model.references import short

_LAST_EVENTS = 10  # of the service
_OTHERS = 3  # events or targets per cause, the newest
_NOT_ENDED = re.compile(r"ECS deployment \S+ (in progress|completed)\.?")
_ABOUT_WHOM = re.compile(r"^\(?service \(?[^\s)]+\)? ")  # the name is not part of ECS's message
# The lifecycle events at which CodeDeploy runs a Lambda function of the user.
_CODEDEPLOY_HOOKS = {
    "BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic",
}  # fmt: skip


# What tasks wait for that neither run nor stop.
WAITING = (
    "Look at its tasks in the ECS console: PROVISIONING waits for capacity or a network interface, PENDING "
    "for the image, "
    "ACTIVATING for the load balancer. Raise the timeout if they only need longer."
)
_FIX = "Fix this in the app or its settings, then deploy again."
_FIX_ONE_OFF = "Fix this, and check what it has already changed before you run it again."
_NO_LOG = (
    "Its log is empty or can't be read: run the image with the same `command` locally, and use logDriver awslogs with "
    "awslogs-group and awslogs-stream-prefix."
)


def task_failed(stopped: StoppedTask) -> Finding:
    """The likely cause of the end of a service's task."""
    culprits = stopped_tasks.failed_containers(stopped.task)
    return replace(_ended(stopped, culprits, lambda known: known.next_step, _FIX), page=stopped.page)


def one_off_failed(stopped: StoppedTask, named: str = "") -> Finding:
    """The likely cause of the failure of a one-off task, which nothing starts again. ``named`` is the container whose
    exit code decides, if one does."""
    culprits = stopped_tasks.to_blame(stopped.task, named)
    found = _ended(stopped, culprits, lambda known: known.one_off or known.next_step, _FIX_ONE_OFF)
    return replace(found, page=stopped.page)


def not_placed(failures: str) -> list[Finding]:
    """Why ECS can't place a one-off task, by RunTask's ``failures``; empty if no cause is known."""
    known = _known(failures)
    if not known:
        return []
    return [Finding(known.cause, (failures,), known.one_off or known.next_step, detail=_detail(known, failures))]


def one_off_undecided(task: StoppedTask, what: str, *, listed: bool, remedy: str) -> Finding:
    """Why a one-off task has no verdict after the timeout. ``task`` is as ECS last listed it, empty if it never
    did; ``remedy`` helps a task that only needs longer."""
    status = str(task.task.get("lastStatus", ""))
    if not listed:
        cause = "ECS no longer lists the task" if status else "ECS never listed the task"
        return Finding(cause, task.log, f"Check what became of it before you run the {what} again.")
    if status in ("PROVISIONING", "PENDING", "ACTIVATING"):
        step = "Check what it waits for: capacity, its image, its network interface or its volumes."
        return Finding(f"the {what} has not started: the task is {status}", task.log, step)
    if status != "RUNNING":
        step = f"The task is ending, but has no exit code yet. Check how it ended before you run the {what} again."
        return Finding(f"the {what} has not ended: the task is {status}", task.log, step)
    return Finding(f"the {what} was still running", task.log, remedy)


def _ended(
    stopped: StoppedTask, culprits: Sequence[Mapping[str, Any]], next_step: Callable[[Known], str], fix: str
) -> Finding:
    """The cause that ECS's words name, else the stop code, else the first culprit's exit code. ``fix`` is what helps
    against an error of the app that is not known."""
    task, culprit = stopped.task, culprits[0] if culprits else {}
    name, code = str(culprit.get("name", "")), culprit.get("exitCode")
    reasons = [str(task.get("stoppedReason", "")), *(str(c.get("reason", "")) for c in culprits)]
    words = " ".join(dict.fromkeys(filter(None, reasons)))  # ECS may give the same reason for both
    evidence = (f"task {short(str(task.get('taskArn', '')))}: {words or 'no reason given'}", *stopped.log)
    # Its stop code can also be TerminationNotice:
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
    interrupted = SPOT if re.search(SPOT.words, words) else None
    outside = interrupted or STOPPED_FROM_OUTSIDE.get(str(task.get("stopCode", "")))
    known = outside or _known(words) or _last_words(stopped.log)
    if known:
        whose = f" (container `{name}`)" if name and known in CONTAINER else ""
        detail = _detail(known, words, task, culprit, stopped.group)
        return Finding(
            known.cause.format(name) + whose, evidence, next_step(known), permanent=known.permanent, detail=detail
        )
    if code is not None:
        return _exited(stopped, name, code, evidence, next_step, fix)
    if name and task.get("stopCode") == "EssentialContainerExited":
        step = "The task ended before it started: check `dependsOn`, and which containers are `essential`."
        return Finding(f"container `{name}` never ran", evidence, step)
    step = "See the task in the ECS console, which keeps stopped tasks for an hour."
    return Finding(str(task.get("stopCode") or "a task stopped"), evidence, step, detail=details.reason(words))


def _exited(
    stopped: StoppedTask,
    name: str,
    code: int,
    evidence: tuple[str, ...],
    next_step: Callable[[Known], str],
    fix: str,
) -> Finding:
    """The cause that an exit code names, with the telling line of the log."""
    known = EXIT_CODES.get(code) or SIGNALS.get(code)
    detail = telling.error_line(stopped.log) if known else telling.telling(stopped.log)
    step = next_step(known) if known else app_errors.next_step(detail, fix) if stopped.log else _NO_LOG
    cause = known.cause.format(name) if known else f"container `{name}` exited with {code}"
    log = details.log_command(stopped.group, stopped.stream) if stopped.log else ""
    return Finding(cause, evidence, step, detail=detail, log=log)


def _detail(
    known: Known,
    words: str,
    task: Mapping[str, Any] | None = None,
    container: Mapping[str, Any] | None = None,
    group: str = "",
) -> str:
    """What makes a known cause this one."""
    if known in HEALTH:
        return details.health(words, {})
    if known.cause == "the container ran out of memory":
        return details.memory(task or {}, container or {})
    found = details.named(known.cause, words, container or {}, group)
    return found or (details.reason(words) if known.quotes else "")


def event_cause(message: str) -> Finding | None:
    """The cause that an event of the service names; ``None`` for events of every deployment, and for mere consequences
    of another cause, such as the circuit breaker."""
    clue = _event(message)
    return clue.finding if clue and clue.rank < _LAST else None


def diagnose(evidence: Evidence) -> list[Finding]:
    """The likely causes, each once, followed by the service's events.

    First what ended the deployment if that is a cause in itself (an alarm, a hook), then why tasks died, the most
    frequent reason first, then what events and targets show, then alarms that no event mentions. Mere consequences of
    another cause, such as the circuit breaker, only appear if no other cause is known.
    """
    known = list(_clues(evidence))
    clues = [clue for clue in known if clue.rank < _LAST] or known
    causes = list(dict.fromkeys(clue.finding.cause for clue in clues))
    by_cause: dict[str, list[_Clue]] = {}
    for clue in clues:
        by_cause.setdefault(_most_specific(clue.finding.cause, causes), []).append(clue)
    groups = sorted(by_cause.items(), key=lambda group: (min(c.rank for c in group[1]), -sum(c.task for c in group[1])))
    found = [*evidence.waiting, *(_merged(cause, group) for cause, group in groups)]
    if evidence.events:
        what = "the service's events" if found else "no task stopped by itself"
        step = "" if found else WAITING
        found.append(Finding(what, evidence.events[-_LAST_EVENTS:], step, logged=True))
    return found


def deaths(stopped: Sequence[StoppedTask]) -> str:
    """What died before a success, as in ``2 tasks died: container `app` exited with 1``; empty if nothing did."""
    if not stopped:
        return ""
    causes = Counter(task_failed(each).cause for each in stopped)
    words = ", ".join(cause for cause, _ in causes.most_common(_OTHERS))
    return f"{len(stopped)} task{'s' * (len(stopped) > 1)} died: {words}"


def new_events(service: Mapping[str, Any], seen: set[str]) -> list[str]:
    """The messages of the service's events that are not in ``seen``, the oldest first."""
    newest_first = sorted(service.get("events", ()), key=lambda event: str(event.get("createdAt", "")), reverse=True)
    return [str(event["message"]) for event in reversed(newest_first) if event["id"] not in seen]


class _Clue(NamedTuple):
    """A finding from one piece of evidence; a lower ``rank`` is reported earlier."""

    rank: int
    finding: Finding
    task: bool = False


_ENDED_IT, _DIED, _STATED, _UNBLAMED, _LAST = range(5)


def _clues(evidence: Evidence) -> Iterator[_Clue]:
    yield from (_Clue(_DIED, task_failed(stopped), task=True) for stopped in evidence.stopped)
    said = [clue for message in evidence.events if (clue := _event(message))]
    if evidence.reason and not _NOT_ENDED.fullmatch(evidence.reason):
        words = details.reason(evidence.reason)
        unknown = Finding(ENDED_SOMEHOW.cause, (evidence.reason,), ENDED_SOMEHOW.next_step, detail=words)
        said.append(_clue(evidence.reason) or _Clue(_LAST, unknown))
    yield from said
    yield from map(_target_clue, evidence.targets)
    yield from (_Clue(_ENDED_IT, finding) for hook in evidence.hooks if (finding := _hook_finding(hook)))
    yield from (clue for event in evidence.lifecycle if (clue := _lifecycle_clue(event)))
    if evidence.alarms:
        blamed = any(clue.finding.cause == ALARM.cause for clue in said)
        yield _Clue(_UNBLAMED, _alarms_finding(evidence.alarms, ALARM.cause if blamed else "an alarm is in ALARM"))


def _event(message: str) -> _Clue | None:
    clue = _clue(_ABOUT_WHOM.sub("", message))
    return clue and clue._replace(finding=replace(clue.finding, evidence=(message,), logged=True))


def _clue(words: str) -> _Clue | None:
    known = _known(words)
    if known is None:
        return None
    rank = _ENDED_IT if known in ENDED else _LAST if known in GENERAL else _STATED
    detail = _detail(known, words)
    return _Clue(rank, Finding(known.cause, (words,), known.next_step, permanent=known.permanent, detail=detail))


def _target_clue(description: Mapping[str, Any]) -> _Clue:
    target, health = description.get("Target", {}), description.get("TargetHealth", {})
    why = ": ".join(str(health[name]) for name in ("Reason", "Description") if health.get(name))
    line = f"target {target.get('Id')}:{target.get('Port')} is {health.get('State')} ({why or 'no reason given'})"
    step = (
        "Compare `healthCheckGracePeriodSeconds`, interval and HealthyThresholdCount with the time that the targets "
        "had."
    )
    not_yet = Finding("the load balancer does not report the new targets as healthy yet", (line,), step)
    clue = _clue(line)
    if clue is None:
        return _Clue(_LAST, not_yet)  # initial, unavailable
    detail = details.health(line, description.get("TargetGroup", {}))
    return clue._replace(finding=replace(clue.finding, detail=detail))


def _hook_finding(hook: Mapping[str, Any]) -> Finding | None:
    """The cause if the hook failed, or timed out so that ECS rolls back."""
    status, kind = hook.get("status"), hook.get("targetType")
    if status != "FAILED" and (status != "TIMED_OUT" or hook.get("timeoutAction") == "CONTINUE"):
        return None
    name = str(hook.get("targetArn") or hook.get("hookId")).rpartition(":")[2]
    line = f"hook {hook.get('hookId')} ({kind}, {hook.get('targetArn', 'no target')}) is {status}"
    if kind == "PAUSE":
        step = "Continue the deployment before the pause expires, or raise `timeoutConfiguration` of the hook."
        return Finding(f"a lifecycle hook failed: the deployment was not continued after {name}", (line,), step)
    return Finding(f"a lifecycle hook failed: {name}", (line,), f"Read the log group /aws/lambda/{name}.")


def _lifecycle_clue(event: Mapping[str, Any]) -> _Clue | None:
    if event.get("status") != "Failed":
        return None
    name, about = str(event.get("lifecycleEventName")), event.get("diagnostics", {})
    first = f"{name}: {' '.join(str(about[key]) for key in ('errorCode', 'message') if about.get(key)) or 'Failed'}"
    lines = (first, *str(about.get("logTail", "")).splitlines())
    if name in _CODEDEPLOY_HOOKS:
        step = f"Read the log of the Lambda function that the appspec names for {name}."
        return _Clue(_ENDED_IT, Finding(f"a lifecycle hook failed: {name}", lines, step))
    return _Clue(_LAST, Finding(f"CodeDeploy's {name} failed", lines))


def _alarms_finding(alarms: Sequence[Mapping[str, Any]], what: str) -> Finding:
    names = ", ".join(f"`{alarm.get('AlarmName')}`" for alarm in alarms)
    lines = tuple(f"alarm {alarm.get('AlarmName')}: {alarm.get('StateReason', 'no reason given')}" for alarm in alarms)
    return Finding(f"{what}: {names}", lines, ALARM.next_step)


def _known(words: str) -> Known | None:
    for known in (*ENDED, *CONTAINER, *TASK, *HEALTH, *PLACEMENT, *GENERAL):
        if re.search(known.words, words, re.IGNORECASE | re.DOTALL):
            return known
    return None


def _last_words(log: Sequence[str]) -> Known | None:
    """The error of a container's runtime if the program can't run: it is the only line of the log."""
    return OTHER_CPU if len(log) == 1 and re.match(r"(exec|standard_init_linux).*exec format error", log[0]) else None


def _most_specific(cause: str, causes: Sequence[str]) -> str:
    """The same cause as another clue states it more precisely, with a detail or the container."""
    better = next((precise for precise in causes if precise != cause and _is_of(cause, precise)), None)
    return _most_specific(better, causes) if better else cause


def _is_of(cause: str, precise: str) -> bool:
    what, _, container = cause.partition(" (container ")
    precise_what, _, precise_container = precise.partition(" (container ")
    return container in ("", precise_container) and (what == precise_what or precise_what.startswith(f"{what}:"))


def _merged(cause: str, group: Sequence[_Clue]) -> Finding:
    """All clues to one cause as a finding: the dead task with the most evidence, then the other clues."""
    dead = [clue.finding for clue in group if clue.task]
    others = [clue.finding for clue in group if not clue.task][-_OTHERS:]
    lines = [line for finding in others for line in finding.evidence]
    best = max(dead, key=lambda finding: len(finding.evidence)) if dead else others[-1]
    if dead:
        # For exactly the same cause, an event only repeats the task's reason.
        lines = [*best.evidence, *(lines if best.cause != cause else ())]
    # What the precise cause says counts more than what a general one says, and a longer detail more than a shorter one.
    ranked = [(finding.cause == cause, finding is best, len(finding.detail), finding) for finding in (*others, best)]
    says_most = max(ranked, key=lambda each: (bool(each[3].detail), *each[:3]))[3]
    steps = (*([best] if dead else []), *(clue.finding for clue in group))
    return Finding(
        cause + (f" ({len(dead)} tasks)" if len(dead) > 1 else ""),
        tuple(dict.fromkeys(lines)),
        next(finding.next_step for finding in steps if finding.cause == cause),
        logged=all(clue.finding.logged for clue in group),
        permanent=any(clue.finding.permanent for clue in group),
        detail=says_most.detail,
        log=best.log,
        page=best.page,
    )
