"""The loop: polls an execution to its verdict, and relays what its builds log."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import codebuild, codepipeline, logs
from ecs_cd.aws.errors import code, is_transient, transient_as_unreadable
from ecs_cd.handoff import builds
from ecs_cd.handoff.rules import actions, declaration, progress, rollback
from ecs_cd.handoff.rules.actions import Action
from ecs_cd.handoff.rules.progress import Snapshot
from ecs_cd.handoff.tracked import TrackedExecution
from ecs_cd.job.job import Job
from ecs_cd.job.watch import watch
from ecs_cd.model import pace
from ecs_cd.model.duration import words
from ecs_cd.model.errors import Unreadable
from ecs_cd.model.verdict import InProgress, Outcome, Verdict

FINAL = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")


def follow(tracked: TrackedExecution, deadline: float, job: Job) -> Verdict:
    """Polls until there is a verdict or the deadline passes; then the execution is still in progress."""
    timeout = max(0.0, deadline - job.clock.monotonic())
    verdict = watch(
        lambda: _look(tracked, job),
        lambda snapshot: _judge(tracked, snapshot, job),
        lambda path, watching: _say(path, watching, job),
        clock=job.clock,
        timeout=timeout,
        interval=lambda _: _interval(tracked, job),
        progress=job.ci.progress,
    )
    if verdict.outcome is Outcome.TIMED_OUT:
        verdict = progress.undecided(tracked.snapshot, words(timeout))
    if verdict.outcome not in (Outcome.TIMED_OUT, Outcome.UNKNOWN):
        job.state.end()
    return verdict


def _interval(tracked: TrackedExecution, job: Job) -> float:
    """The longer nothing has changed, the longer. A Failed is soon looked at again; after that, only what the pipeline
    does by itself can change it."""
    if tracked.failed_at is None:
        unchanged = job.clock.monotonic() - tracked.changed_at
        return min(pace.EXECUTION_EVERY, max(pace.EXECUTION_SOON, unchanged))
    is_first = job.clock.monotonic() - tracked.failed_at < pace.EXECUTION_CONFIRMED
    return pace.EXECUTION_CONFIRMED if is_first else pace.FAILED_EVERY


# ---- look ----


def _look(tracked: TrackedExecution, job: Job) -> Snapshot:
    """Two calls, in rotation: the execution, its actions, a build's log or what it waits for. A look that fails is made
    again. A final status needs more: everything that explains it.

    The actions decide when a stage is reached, and an execution ends only when none is running.
    """
    odd, decisive = not tracked.looks % 2, bool(tracked.plan.stage) and tracked.snapshot.runs
    with transient_as_unreadable():
        if odd or decisive:
            _read_actions(tracked, job)
        asks = odd or not decisive or not tracked.snapshot.runs
        if asks:
            _read_execution(tracked, job)
        if tracked.snapshot.status in FINAL:
            _read_end(tracked, job)
        elif not odd and not (decisive and asks):
            _read_details(tracked, job)
    tracked.looks += 1
    return tracked.snapshot


def _read_execution(tracked: TrackedExecution, job: Job) -> None:
    found = codepipeline.look_at_execution(job.aws, tracked.plan.pipeline.name, tracked.id)
    changed = progress.changed_words(tracked.snapshot.execution or tracked.plan.declaration, found or {})
    if changed:
        job.ci.warning(f"pipeline: {changed}")
    tracked.snapshot = replace(tracked.snapshot, execution=found)
    tracked.listed_at = tracked.listed_at if found is None else job.clock.monotonic()


def _read_actions(tracked: TrackedExecution, job: Job) -> None:
    details = codepipeline.look_at_actions(job.aws, tracked.plan.pipeline.name, tracked.id)
    if details is not None:
        declared = declaration.places(tracked.plan.declaration)
        before = tracked.snapshot.actions
        tracked.snapshot = replace(tracked.snapshot, actions=actions.newest(details, declared))
        if tracked.snapshot.actions != before:
            tracked.changed_at = job.clock.monotonic()


def _read_end(tracked: TrackedExecution, job: Job) -> None:
    """How it ended, and from the list who stopped the execution, superseded it or rolls its stage back."""
    _read_actions(tracked, job)
    if tracked.snapshot.status != "Succeeded":
        listed = codepipeline.executions(job.aws, tracked.plan.pipeline.name)
        tracked.snapshot = replace(tracked.snapshot, executions=tuple(listed))
    if tracked.snapshot.status == "Failed" and tracked.snapshot.failed is None:
        _read_stages(tracked, job)  # a condition has failed


def _read_details(tracked: TrackedExecution, job: Job) -> None:
    """The next running build's log, or why nothing runs. Neither decides, so a later look reads what this one can't."""
    running = [each for each in tracked.snapshot.actions if each.running]
    building = [each for each in running if each.provider == actions.CODEBUILD and each.external_id]
    with suppress(Unreadable), transient_as_unreadable():
        if building:
            _relay(tracked, building[tracked.looks // 2 % len(building)], job)
        elif not running:
            _read_stages(tracked, job)


def _read_stages(tracked: TrackedExecution, job: Job) -> None:
    stages = codepipeline.look_at_stages(job.aws, tracked.plan.pipeline.name)
    tracked.snapshot = replace(tracked.snapshot, stages=tuple(stages))


def _relay(tracked: TrackedExecution, action: Action, job: Job) -> None:
    """Shows the next page of the build's log, below whose it is; the first call finds out where it is. A log that can't
    be read is not tried again."""
    build = action.external_id
    log = tracked.logs.get(build)
    if log is None:
        tracked.logs[build] = _log_of(build, job)
        return
    trouble = log.trouble
    lines = list(logs.new_lines(job.aws, log, pages=1))
    if lines and tracked.shown != build:
        tracked.shown = build
        job.ci.line(f"{action.path}: the log of {build}")
    job.ci.relay(lines)
    if log.trouble != trouble:
        job.ci.line(f"pipeline: {log.trouble}")


def _log_of(build: str, job: Job) -> logs.Stream | None:
    """The log of the build, ``None`` if it has none yet."""
    try:
        found = codebuild.look_at_builds(job.aws, [build])
    except (ClientError, BotoCoreError) as error:
        if is_transient(error):
            raise
        trouble = f"the build {build} can't be read ({code(error) or error})"
        job.ci.line(f"pipeline: {trouble}")
        return logs.Stream("", "", region=None, trouble=trouble)
    return builds.stream(found[0]) if found else None


# ---- judge ----


def _judge(tracked: TrackedExecution, snapshot: Snapshot, job: Job) -> Verdict | Mapping[str, InProgress]:
    if snapshot.execution is None:
        return _not_listed(tracked, job)
    verdict = progress.judge(snapshot, tracked.wanted)
    if isinstance(verdict, Verdict) and verdict.outcome is Outcome.FAILED and snapshot.status == "Failed":
        return _failed(tracked, verdict, job)
    if tracked.failed_at is not None:
        tracked.failed_at = None
        job.ci.line("pipeline: the stage is being retried")
    if snapshot.status == "Succeeded" and progress.skipped(snapshot, tracked.wanted) and _may_be_late(tracked, job):
        return {"": InProgress("the execution has succeeded; not all of its actions are listed yet")}
    if isinstance(verdict, Verdict) and verdict.outcome is Outcome.SUCCEEDED and tracked.replaced_by:
        return Verdict(Outcome.SUPERSEDED, f"it has succeeded, but execution {tracked.replaced_by} is newer")
    return verdict


def _may_be_late(tracked: TrackedExecution, job: Job) -> bool:
    """Whether the actions of an execution that has succeeded may still be listed as they were before."""
    now = job.clock.monotonic()
    tracked.succeeded_at = now if tracked.succeeded_at is None else tracked.succeeded_at
    return now - tracked.succeeded_at < pace.ACTIONS_LISTED


def _not_listed(tracked: TrackedExecution, job: Job) -> Verdict:
    """CodePipeline may not know the execution for a while, above all right after the start; then it is gone."""
    if job.clock.monotonic() - tracked.listed_at < pace.EXECUTION_LISTED:
        raise Unreadable("CodePipeline does not list the execution")
    name = tracked.plan.pipeline.name
    return Verdict(Outcome.GONE, f"CodePipeline no longer knows execution {tracked.id}: was {name} deleted?")


def _failed(tracked: TrackedExecution, verdict: Verdict, job: Job) -> Verdict | Mapping[str, InProgress]:
    """A Failed counts once it has been seen twice, and the pipeline has neither retried nor rolled back the stage."""
    now, snapshot = job.clock.monotonic(), tracked.snapshot
    first = tracked.failed_at is None
    tracked.failed_at = now if tracked.failed_at is None else tracked.failed_at
    waits = rollback.waits(snapshot, tracked.plan.declaration, now - tracked.failed_at)
    if first or waits:
        return {"": InProgress(f"{verdict.message}{waits}", alarming=True)}
    return verdict


def _say(path: str, watching: InProgress, job: Job) -> None:
    job.ci.line(f"{path or 'pipeline'}: {watching.message}", alarming=watching.alarming)
