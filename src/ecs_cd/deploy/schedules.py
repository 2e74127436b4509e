"""Scheduled tasks: EventBridge rules and Scheduler schedules that run a task get its new revision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import events, scheduler
from ecs_cd.aws.errors import code, explain
from ecs_cd.deploy.rules import schedules
from ecs_cd.deploy.rules.schedules import Retargeted, Target
from ecs_cd.document.rules.document import Rule, Schedule, ScheduledTask
from ecs_cd.job.job import Job, concurrently
from ecs_cd.job.mutation import carry_out
from ecs_cd.model import pace
from ecs_cd.model.errors import OutcomeUnknown, Refused
from ecs_cd.model.references import short
from ecs_cd.tasks.loader import Loader
from ecs_cd.tasks.rules.task_definition import TaskDefinition

# EventBridge's error while another caller changes the same rule, and Scheduler's for the same schedule.
_BUSY = {"ConcurrentModificationException", "ConflictException"}


@dataclass(frozen=True)
class Prepared:
    """A scheduled task before any change.

    ``definition`` has the template's images until the commit's images replace them. ``targets`` are those of its rule
    or schedule that run a task of its family.
    """

    task: ScheduledTask
    definition: TaskDefinition
    targets: list[Target]

    @property
    def key(self) -> str:
        """The task's name in the document."""
        return self.task.key

    @property
    def task_definitions(self) -> list[str]:
        """What its targets run now: what a rollback returns to."""
        return schedules.task_definitions(self.targets)


def prepare(loader: Loader) -> list[Prepared]:
    """Checks everything that can be checked, and refuses, before anything changes."""
    calls = [partial(_prepare, task, loader) for task in loader.document.scheduled_tasks.values()]
    return concurrently(*calls) if calls else []


def update(scheduled: Prepared, arn: str, job: Job) -> str:
    """Makes the rule or schedule run the revision ``arn``. Returns what went wrong, as a sentence; empty if nothing
    did.

    ``arn`` may be the new revision or, to go back, one of ``scheduled.task_definitions``. Only writes the targets of
    the task's family, as they are at that moment.
    """
    try:
        words = _update(scheduled, arn, job)
    except (ClientError, BotoCoreError) as error:
        problem = explain(error).sentence
    except Refused as refused:
        problem = refused.sentence
    except OutcomeUnknown as unknown:
        problem = str(unknown)
    else:
        job.ci.line(f"scheduled task {scheduled.key}: {words}")
        return ""
    return f"scheduled task {scheduled.key}: the {_name(scheduled.task.trigger)} did not get {short(arn)}: {problem}"


def _prepare(task: ScheduledTask, loader: Loader) -> Prepared:
    (definition, _), read = concurrently(
        lambda: loader.load(task),
        lambda: _read(task.trigger, loader.job),
    )
    return Prepared(task, definition, _checked(task, definition["family"], *read))


def targets(task: ScheduledTask, family: str, job: Job) -> list[Target]:
    """The targets of its rule or schedule that run a task of this family. Raises ``Refused`` if there are none, or if
    they can't be changed."""
    return _checked(task, family, *_read(task.trigger, job))


def _checked(task: ScheduledTask, family: str, described: Mapping[str, Any], targets: list[Target]) -> list[Target]:
    place = f"scheduled-tasks.{task.key}: the {_name(task.trigger)}"
    if described.get("ManagedBy"):
        raise Refused(
            f"{place} is managed by {described['ManagedBy']}, and only that service may change its targets",
            "Name a rule that no AWS service manages.",
        )
    return schedules.of_family(targets, family, where=place)


def _update(scheduled: Prepared, arn: str, job: Job) -> str:
    """What was done, in words. Reads and tries again while another caller changes the same rule or schedule."""
    busy = ""
    for wait in pace.RETARGET_WAITS:
        job.clock.sleep(wait)
        try:
            return _update_now(scheduled, arn, job)
        except _Busy as error:
            busy = str(error)
    raise Refused(f"another caller kept changing it ({busy})", "Run the deployment again.")


def _update_now(scheduled: Prepared, arn: str, job: Job) -> str:
    trigger = scheduled.task.trigger
    described, change = _behind(scheduled, arn, job)
    disabled = " (DISABLED)" if described.get("State") == "DISABLED" else ""
    words = f"{_name(trigger)}{disabled}, {change.words}"

    def write() -> bool:
        _write(trigger, described, change, job)
        return True

    def find_written() -> bool | None:
        nonlocal described, change
        before = change.replaced
        described, change = _behind(scheduled, arn, job)  # a repetition writes the targets as they are then
        if theirs := sorted(change.replaced - before):
            raise Refused(f"another caller has set {', '.join(theirs)}, and ecs-cd does not replace it")
        return None if change.targets else True

    if change.targets:
        carry_out("PutTargets" if isinstance(trigger, Rule) else "UpdateSchedule", write, find_written, job)
    return words


def _behind(scheduled: Prepared, arn: str, job: Job) -> tuple[Mapping[str, Any], Retargeted]:
    """The rule or schedule as it is now, and its targets that do not run ``arn`` yet."""
    described, targets = _read(scheduled.task.trigger, job)
    found = schedules.of_family(targets, scheduled.definition["family"], where="it")
    return described, schedules.retarget(found, arn)


def _read(trigger: Rule | Schedule, job: Job) -> tuple[Mapping[str, Any], list[Target]]:
    """The rule or schedule as AWS describes it, and its targets."""
    if isinstance(trigger, Rule):
        described = events.rule(job.aws, trigger.name, trigger.event_bus)
        return described, list(events.targets(job.aws, trigger.name, trigger.event_bus))
    described = scheduler.schedule(job.aws, trigger.name, trigger.group)
    return described, [described["Target"]]


class _Busy(Exception):
    """AWS refused a change because another change of the same rule or schedule is being made."""


def _write(trigger: Rule | Schedule, described: Mapping[str, Any], change: Retargeted, job: Job) -> None:
    try:
        if isinstance(trigger, Rule):
            _put_targets(trigger, change, job)
        else:
            _update_schedule(described, change, job)
    except ClientError as error:
        if code(error) in _BUSY:
            raise _Busy(code(error)) from error
        raise


def _put_targets(rule: Rule, change: Retargeted, job: Job) -> None:
    failed = events.put_targets(job.aws, rule.name, rule.event_bus, change.targets)
    codes = {str(entry.get("ErrorCode", "")) for entry in failed}
    if codes and codes <= _BUSY:
        raise _Busy(", ".join(codes))
    if failed:
        raise Refused(f"target {entry.get('TargetId')}: {entry.get('ErrorMessage') or codes}" for entry in failed)


def _update_schedule(described: Mapping[str, Any], change: Retargeted, job: Job) -> None:
    request = schedules.update_schedule(described, change.targets[0], scheduler.shape(job.aws))
    try:
        scheduler.update(job.aws, request)
    except ClientError as error:
        # "The StartDate you specify cannot be earlier than 5 minutes ago."
        if "StartDate" not in request or code(error) != "ValidationException" or "StartDate" not in str(error):
            raise
        scheduler.update(job.aws, schedules.without_past_start(request))
        job.ci.line(f"schedule {request['Name']}: its StartDate has passed, and is left out")


def _name(trigger: Rule | Schedule) -> str:
    return f"{'rule' if isinstance(trigger, Rule) else 'schedule'} {trigger.name}"
