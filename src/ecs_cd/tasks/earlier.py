"""Before a task starts: looks for those that earlier runs and attempts started, follows or awaits them, or refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ecs_cd.aws import ecs
from ecs_cd.aws.errors import transient_as_unreadable
from ecs_cd.diagnosis.stopped_tasks import Task
from ecs_cd.job.job import Job
from ecs_cd.job.watch import watch
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused, Unreadable
from ecs_cd.model.references import short
from ecs_cd.model.verdict import InProgress, Outcome, Verdict
from ecs_cd.tasks.rules import earlier, origin
from ecs_cd.tasks.rules.earlier import Earlier
from ecs_cd.tasks.standalone import NotStarted, StandaloneTask, begin

_CLEAR = Verdict(Outcome.SUCCEEDED, "")  # nothing is in the way


def of_other_runs(standalone: StandaloneTask, job: Job, *, lists_may_lag: bool = True) -> str:
    """The ARN of the task that does what this one would do; empty once nothing else runs and a new one may start.

    Waits for other tasks of the family that ecs-cd started, and in a re-run until ECS lists what the previous attempt
    started, unless ``lists_may_lag`` is false. Raises ``NotStarted`` if the time runs out first, and ``Refused`` if
    ``on_conflict`` is ``fail``.
    """
    found, listed_by = Earlier(), _listed_by(job) if lists_may_lag else 0.0

    def judge(tasks: Sequence[Task]) -> Verdict | dict[str, InProgress]:
        nonlocal found
        found = earlier.find(tasks, standalone.origin, standalone.judge, standalone.essential)
        followed = found.same if standalone.on_conflict == "follow" else None
        if found.done or followed or (found.previous and not found.running):
            return _CLEAR
        if not found.running:
            return _clear(standalone, listed_by, job)
        words = "; ".join(earlier.words(task, standalone.origin) for task in found.running)
        if standalone.on_conflict == "fail":
            remedy = "Let it end, or let on-conflict wait for it."
            raise Refused(f"another {standalone.what} is running: {words}", remedy)
        return {standalone.what: InProgress(f"{words}; waiting for it to end")}

    _look(standalone, judge, job)
    return _done(standalone, found.done, job) if found.done else _followed(standalone, found.same, job)


def of_this_run(standalone: StandaloneTask, arn: str, job: Job) -> str:
    """The ARN of the running task that an earlier attempt of this run started; empty without such a task.

    The official action's startedBy is that of other runs' tasks too, so only a re-run looks, and only for a task with
    the revision ``arn`` and the same overrides.
    """
    if not job.run.is_rerun:
        return ""
    request = {**standalone.call, "taskDefinition": arn, "startedBy": standalone.started_by}
    found: Task | None = None
    listed_by = _listed_by(job)

    def judge(tasks: Sequence[Task]) -> Verdict | dict[str, InProgress]:
        nonlocal found
        found = earlier.repeated(tasks, request, standalone.judge)
        return _CLEAR if found else _clear(standalone, listed_by, job)

    _look(standalone, judge, job)
    return _followed(standalone, found, job)


def _listed_by(job: Job) -> float:
    """When ECS lists what an earlier attempt of this run has started; a list without it proves nothing until then."""
    return job.clock.monotonic() + (pace.EARLIER_LISTED_WITHIN if job.run.is_rerun else 0.0)


def _clear(standalone: StandaloneTask, listed_by: float, job: Job) -> Verdict | dict[str, InProgress]:
    """Nothing is in the way, if ECS has had the time to list it."""
    if job.clock.monotonic() >= listed_by:
        return _CLEAR
    return {standalone.what: InProgress("looking for the task of an earlier attempt, which ECS may list late")}


def _look(
    standalone: StandaloneTask, judge: Callable[[Sequence[Task]], Verdict | dict[str, InProgress]], job: Job
) -> None:
    """Reads the family's tasks until ``judge`` says that the way is clear.

    Raises ``NotStarted`` if it never does, and ``Refused`` if AWS can't be read.
    """
    described_by = job.clock.monotonic() + pace.DESCRIBED_WITHIN

    def read() -> list[ecs.Json]:
        with transient_as_unreadable():
            tasks, missing = ecs.tasks_of_family(job.aws, standalone.cluster, standalone.family)
        if missing and job.clock.monotonic() < described_by:
            raise Unreadable("ECS lists a task that it does not describe yet")
        return tasks

    ended = watch(
        read,
        judge,
        lambda subject, waiting: job.ci.line(f"{subject or standalone.what}: {waiting.message}"),
        clock=job.clock,
        timeout=standalone.timeout,
        interval=lambda _: pace.LOOK_EVERY,
        progress=job.ci.progress,
    )
    if ended.outcome is Outcome.UNKNOWN:
        raise Refused(f"the {standalone.what} was not started: {ended.message}", "Run the job again.")
    if ended is not _CLEAR:
        raise NotStarted(replace(ended, message=f"nothing was started: {ended.message}"))


def _done(standalone: StandaloneTask, task: Task, job: Job) -> str:
    arn, found = str(task["taskArn"]), origin.read(str(task["startedBy"]))
    attempt = f"attempt {found.attempt}" if found else "an earlier attempt"
    job.ci.line(
        f"{standalone.what}: task {short(arn)} has succeeded in {attempt} of this run, so it does not run again"
    )
    return arn


def _followed(standalone: StandaloneTask, task: Task | None, job: Job) -> str:
    """Takes over the task. A cancellation stops it only if this run started it."""
    if task is None:
        return ""
    arn, started_by = str(task["taskArn"]), str(task["startedBy"])
    found = origin.read(started_by)
    on_cancel = standalone.on_cancel if found and found.run == standalone.origin.run else "leave"
    begin(standalone, started_by, on_cancel, job, task=arn)
    words = earlier.words(task, standalone.origin)
    job.ci.line(f"{standalone.what}: {words}; following it instead of starting another")
    return arn
