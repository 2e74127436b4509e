"""Evidence of running deployments: gathered read by read, and logged as soon as it is found.

Evidence never decides the verdict: a failed read is logged once and then left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import cloudwatch, ecs, elbv2, logs
from ecs_cd.aws.errors import code, is_transient
from ecs_cd.deploy import strategies
from ecs_cd.deploy.rules import crashes, snapshot
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.diagnosis import old_tasks, stopped_tasks
from ecs_cd.diagnosis.evidence import Evidence, Finding, StoppedTask
from ecs_cd.diagnosis.findings import diagnose, event_cause, new_events, task_failed
from ecs_cd.job.job import Job
from ecs_cd.model import pace
from ecs_cd.model.batches import batches
from ecs_cd.tasks.logs import log_stream, page

# ---- the reads that are still to be made ----


@dataclass(frozen=True)
class _Service:
    """The service's events, if the deployment's snapshot does not include them."""


@dataclass(frozen=True)
class _Stopped:
    """The ARNs of its stopped tasks."""


@dataclass(frozen=True)
class _Tasks:
    arns: tuple[str, ...]


@dataclass(frozen=True)
class _Old:
    """The service's tasks of earlier revisions."""


@dataclass(frozen=True)
class _Log:
    task: Mapping[str, Any]
    pages: int = pace.TAIL_PAGES


_Read = _Service | _Stopped | _Tasks | _Old | _Log


def want(tracked: TrackedDeployment, *, events: bool) -> None:
    """Something went wrong: queues reads of its dead tasks and, with ``events``, of its events."""
    old = [_Old()] if snapshot.waits_for_old_tasks(tracked.snapshot) else []
    wanted = [*([_Service()] if events else []), _Stopped(), *old]
    tracked.wanted.reads.extend(read for read in wanted if read not in tracked.wanted.reads)


def want_if_stalled(tracked: TrackedDeployment, now: float, *, events: bool) -> None:
    """If nothing changes for a long time, there may be a problem that no count shows."""
    if now - tracked.wanted.moved_at >= pace.STALLED:
        tracked.wanted.moved_at = now - pace.STALLED + pace.STALLED_EVERY
        want(tracked, events=events)


def gather(job: Job, group: Sequence[TrackedDeployment], most: int) -> None:
    """Makes the due reads in rotation, with at most ``most`` calls.

    The rest waits for the next time, when the deployment read last comes last.
    """
    end = job.aws.calls + most
    for tracked in itertools.cycle(
        sorted((each for each in group if each.wanted.reads), key=lambda each: each.wanted.read_at)
    ):
        if not any(each.wanted.reads and job.aws.calls + _calls(each.wanted.reads[0]) <= end for each in group):
            return
        if tracked.wanted.reads and job.aws.calls + _calls(tracked.wanted.reads[0]) <= end:
            tracked.wanted.read_at = job.clock.monotonic()
            _try(job, tracked, tracked.wanted.reads.popleft())


def _calls(read: _Read) -> int:
    return pace.TAIL_PAGES if isinstance(read, _Log) else 4 if isinstance(read, _Old) else 1


def notice(job: Job, tracked: TrackedDeployment, service: Mapping[str, Any]) -> None:
    """Logs the service's new events, and the cause if an event names one."""
    new = new_events(service, tracked.reported.events)
    tracked.reported.events |= {str(event["id"]) for event in service.get("events", ())}
    tracked.found.events += new
    for message in new:
        job.ci.line(f"  event: {message}")
        finding = event_cause(message)
        if finding:
            _report(job, tracked, finding, f"{tracked.key}: {finding.words}")


def look_once_more(job: Job, group: Sequence[TrackedDeployment]) -> None:
    """At the end: reads the tasks that have died since, and the logs that had no lines yet."""
    for tracked in group:
        want(tracked, events=False)
    gather(job, group, pace.LAST_EVIDENCE_CALLS * len(group))
    late = [(tracked, _Log(stopped.task, logs.PAGES)) for tracked in group for stopped in _without_lines(tracked)]
    if late:
        job.clock.sleep(pace.LATE_LOG)
    for tracked, read in late:
        _try(job, tracked, read)


def _without_lines(tracked: TrackedDeployment) -> list[StoppedTask]:
    """Some tasks of each cause that has no log so far."""
    logged = {task_failed(each).cause for each in tracked.found.stopped.values() if each.log}
    return [each for each in tracked.found.stopped.values() if task_failed(each).cause not in logged][
        : pace.TAILS_PER_CAUSE
    ]


def findings(job: Job, tracked: TrackedDeployment, shown: Evidence) -> list[Finding]:
    """The causes of a failure, with what the target groups and alarms show.

    ``shown`` is what the snapshot of the deployment itself shows.
    """
    targets = [target for arn in _target_groups(tracked) for target in _unhealthy(job, tracked, arn)]
    names = [str(alarm["AlarmName"]) for alarm in shown.alarms if alarm.get("AlarmName")]
    alarms = _try_list(job, tracked, lambda: cloudwatch.in_alarm(job.aws, names)) if names else []
    return known(tracked, replace(shown, targets=tuple(targets), alarms=tuple(alarms) or shown.alarms))


def known(tracked: TrackedDeployment, shown: Evidence) -> list[Finding]:
    """The causes found so far."""
    stopped, events = tuple(tracked.found.stopped.values()), tuple(tracked.found.events[-10:])
    # What an earlier look found is told only if the deployment still waits at the end.
    waiting = (tracked.found.waiting,) if tracked.found.waiting and shown.waiting else shown.waiting
    found = diagnose(replace(shown, stopped=stopped, events=events, waiting=waiting))
    return [replace(finding, in_log=frozenset(finding.evidence) & tracked.reported.lines) for finding in found]


def _unhealthy(job: Job, tracked: TrackedDeployment, arn: str) -> list[dict[str, Any]]:
    """The targets of the group that are not healthy, with how it checks them if the role may read that."""
    targets = _try_list(job, tracked, lambda: elbv2.unhealthy(job.aws, arn))
    if not targets:
        return []
    group: dict[str, Any] = {}
    with suppress(ClientError, BotoCoreError):
        group = elbv2.target_group(job.aws, arn) or {}
    return [{**target, "TargetGroup": group} for target in targets]


def _target_groups(tracked: TrackedDeployment) -> list[str]:
    """The target groups that may hold the failing tasks: for a blue/green service, both."""
    if not strategies.of(tracked.plan).SERVICE_NAMES_TARGET_GROUPS:
        return []
    balancers = tracked.plan.service.get("loadBalancers", ())
    arns = [each.get("targetGroupArn") for each in balancers]
    arns += [each.get("advancedConfiguration", {}).get("alternateTargetGroupArn") for each in balancers]
    return [str(arn) for arn in dict.fromkeys(arns) if arn]


def _try(job: Job, tracked: TrackedDeployment, read: _Read) -> None:
    try:
        _make(job, tracked, read)
    except (ClientError, BotoCoreError) as error:
        _unreadable(job, tracked, error)


def _make(job: Job, tracked: TrackedDeployment, read: _Read) -> None:
    match read:
        case _Service():
            service = ecs.look_at_service(job.aws, tracked.plan.cluster, tracked.plan.name)
            if service:
                notice(job, tracked, service)
        case _Stopped():
            arns = ecs.service_task_arns(job.aws, tracked.plan.cluster, tracked.plan.name, "STOPPED")
            seen = tracked.found.stopped.keys() | tracked.found.others
            new = [arn for arn in arns if arn not in seen][
                : max(0, pace.MOST_STOPPED_TASKS - len(tracked.found.stopped))
            ]
            tracked.wanted.reads.extendleft(_Tasks(tuple(batch)) for batch in batches(new, ecs.TASKS_A_CALL))
        case _Tasks(arns):
            _read_tasks(job, tracked, arns)
        case _Old():
            _read_old(job, tracked)
        case _Log(task, pages):
            known = _with_log(job, tracked, task, pages)
            tracked.found.stopped[str(task["taskArn"])] = known
            finding = task_failed(known)
            if known.log and tracked.reported.first_time(f"log: {finding.cause}"):
                _relay(job, tracked, known.log)


def _read_tasks(job: Job, tracked: TrackedDeployment, arns: Sequence[str]) -> None:
    """Keeps the tasks that died, and remembers the others, so that the next search reads those after them."""
    for task in ecs.tasks(job.aws, tracked.plan.cluster, arns):
        if crashes.died(task, tracked.own):
            _keep(job, tracked, task)
        elif task.get("lastStatus") == "STOPPED":
            tracked.found.others.add(str(task["taskArn"]))


def _read_old(job: Job, tracked: TrackedDeployment) -> None:
    """Reports why earlier revisions still run; without the permission for task protection, leaves that out."""
    cluster, name = tracked.plan.cluster, tracked.plan.name
    arns = [arn for status in ("RUNNING", "STOPPED") for arn in ecs.service_task_arns(job.aws, cluster, name, status)]
    tasks = ecs.tasks(job.aws, cluster, arns[: ecs.TASKS_A_CALL])
    earlier = old_tasks.of_earlier(tasks, tracked.own.task_definition)
    running = [str(task["taskArn"]) for task in earlier if task.get("lastStatus") == "RUNNING"]
    protected = (
        _try_list(job, tracked, lambda: ecs.protected_until(job.aws, cluster, running).items()) if running else []
    )
    tracked.found.waiting = old_tasks.finding(earlier, dict(protected))
    if tracked.found.waiting:
        _report(job, tracked, tracked.found.waiting, f"{tracked.key}: {tracked.found.waiting.words}")


def _keep(job: Job, tracked: TrackedDeployment, task: Mapping[str, Any]) -> None:
    """Keeps a task that died, reports its cause, and queues the read of its log."""
    noted = _noted(job, tracked, task)
    finding = task_failed(noted)
    alike = sum(task_failed(each).cause == finding.cause for each in tracked.found.stopped.values())
    tracked.found.stopped[str(task["taskArn"])] = noted
    _report(job, tracked, finding, f"{tracked.key}: a task died: {finding.words}")
    if alike < pace.TAILS_PER_CAUSE and _streams(tracked, task):
        tracked.wanted.reads.append(_Log(task))


def _report(job: Job, tracked: TrackedDeployment, finding: Finding, words: str) -> None:
    """Logs a cause once, and keeps the first one that waiting does not resolve.

    An event and a dead task report the same cause, and the event does not know the container.

    Adds the next step if waiting does not help, or if the cause is not repeated at the end.
    """
    if tracked.reported.first_time(finding.cause.partition(" (container ")[0]):
        job.ci.line(words)
        _relay(job, tracked, () if finding.logged else finding.evidence)
        if finding.remedy and (finding.logged or finding.permanent):
            job.ci.line(f"-> {finding.remedy}")
    if finding.permanent and tracked.found.permanent is None:
        tracked.found.permanent = finding


def _relay(job: Job, tracked: TrackedDeployment, lines: Sequence[str]) -> None:
    """Shows evidence, and remembers that the log has it."""
    job.ci.relay(lines)
    tracked.reported.lines |= {*lines}


def _streams(tracked: TrackedDeployment, task: Mapping[str, Any]) -> list[logs.Stream]:
    """The log streams of the containers that took the task down, if they can be determined."""
    names = [str(each.get("name", "")) for each in stopped_tasks.failed_containers(task)]
    found = (log_stream(tracked.plan.definition, name, str(task["taskArn"])) for name in names)
    return [log for log in found if log]


def _with_log(job: Job, tracked: TrackedDeployment, task: Mapping[str, Any], pages: int) -> StoppedTask:
    for log in _streams(tracked, task):
        lines = logs.tail(job.aws, log, pages)
        if log.trouble and tracked.reported.first_of_any(log.trouble):
            say = job.ci.warning if tracked.reported.first_of_any("a log can't be read") else job.ci.line
            say(log.trouble)
        if lines:
            return StoppedTask(task, lines, log.group, log.name, page(job, log))
    return _noted(job, tracked, task)


def _noted(job: Job, tracked: TrackedDeployment, task: Mapping[str, Any]) -> StoppedTask:
    """A stopped task without its log, and where that is."""
    log = next(iter(_streams(tracked, task)), None)
    return StoppedTask(task, (), log.group, log.name, page(job, log)) if log else StoppedTask(task)


def _try_list(job: Job, tracked: TrackedDeployment, read: Any) -> list[Any]:
    try:
        return list(read())
    except (ClientError, BotoCoreError) as error:
        _unreadable(job, tracked, error)
        return []


def _unreadable(job: Job, tracked: TrackedDeployment, error: Exception) -> None:
    """Warned about once, not for every service: the role lacks a permission."""
    what = f"{getattr(error, 'operation_name', 'AWS')} answered {code(error) or type(error).__name__}"
    if not is_transient(error) and tracked.reported.first_of_any(what):
        say = job.ci.warning if tracked.reported.first_of_any("evidence is missing") else job.ci.line
        say(f"{tracked.key}: some evidence is missing: {what}")
