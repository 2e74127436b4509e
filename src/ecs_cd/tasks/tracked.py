"""A running task, followed to its verdict; its log is streamed into the job log."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ecs_cd.aws import ecs, logs
from ecs_cd.aws.errors import transient_as_unreadable
from ecs_cd.diagnosis import stopped_tasks
from ecs_cd.diagnosis.evidence import Finding, StoppedTask
from ecs_cd.diagnosis.findings import one_off_failed, one_off_undecided
from ecs_cd.job.job import Job
from ecs_cd.job.watch import watch
from ecs_cd.model import pace
from ecs_cd.model.verdict import InProgress, Outcome, Verdict
from ecs_cd.tasks.logs import log_stream, page
from ecs_cd.tasks.standalone import StandaloneTask


@dataclass
class TrackedTask:
    """Polls one task: its status and its new log lines."""

    standalone: StandaloneTask
    task: str
    job: Job
    last: Mapping[str, Any] = field(default_factory=dict)  # as ECS last listed it
    listed: bool = False  # whether ECS listed it in the last poll
    ended_by: str = ""  # the essential container that ended the task while the named one ran
    fresh: bool = False
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=logs.TAIL))

    def __post_init__(self) -> None:
        definition = self.standalone.definition
        streams = {name: log_stream(definition, name, self.task) for name in self.standalone.containers}
        self.logs = [log for log in streams.values() if log is not None]
        hidden = [f"`{name}`" for name, log in streams.items() if log is None]
        if hidden:
            self.job.ci.warning(
                f"the log of container {', '.join(hidden)} can't be shown: "
                "it needs logDriver awslogs with awslogs-group and awslogs-stream-prefix"
            )

    def poll(self) -> Mapping[str, Any]:
        with transient_as_unreadable():
            found = ecs.task(self.job.aws, self.standalone.cluster, self.task)
        self.last, self.listed = found or self.last, found is not None
        named, essential = self.standalone.named, self.standalone.essential
        self.ended_by = self.ended_by or stopped_tasks.ended_by_another(self.last, named, essential)
        self.fresh = self.relay()
        return found or {}

    def relay(self) -> bool:
        """Shows what the containers wrote since the last call; returns whether there was anything."""
        return sum(self._relay(log) for log in self.logs) > 0

    def _relay(self, log: logs.Stream) -> bool:
        trouble = log.trouble
        new = list(logs.new_lines(self.job.aws, log))
        self.lines.extend(new)
        self.job.ci.relay(new)
        if log.trouble and not trouble:
            self.job.ci.warning(log.trouble)
        return bool(new)

    def drain(self, delay: float) -> None:
        """Shows the rest of the log: waits ``delay`` seconds first, then polls until there is nothing new."""
        deadline = self.job.clock.monotonic() + pace.LONGEST_DRAIN
        fresh = self.fresh or delay > 0
        while fresh and self.job.clock.monotonic() < deadline:
            self.job.clock.sleep(delay or pace.LOG_EVERY)
            delay, fresh = 0.0, self.relay()

    def finding(self) -> Finding:
        """Why the task failed, with its last log lines, which the job log already has."""
        return self._in_log(one_off_failed(self._stopped(), self.standalone.named))

    def _stopped(self) -> StoppedTask:
        lines = tuple(self.lines)
        return (
            StoppedTask(self.last, lines, self.logs[0].group, self.logs[0].name, self.page)
            if self.logs
            else StoppedTask(self.last, lines)
        )

    @property
    def page(self) -> str:
        """The page of its first log in the AWS console; empty if there is none."""
        return page(self.job, self.logs[0]) if self.logs else ""

    def _in_log(self, finding: Finding) -> Finding:
        return replace(finding, in_log=frozenset(self.lines), page=self.page)

    def undecided(self, verdict: Verdict, remedy: str) -> tuple[Verdict, list[Finding]]:
        """A verdict without an end of the task: also says what is known of the task, and for a timeout why.
        ``remedy`` helps a task that only needs longer."""
        goes_on = self.listed and self.last.get("lastStatus") != "STOPPED"
        where = "the task keeps running" if goes_on and verdict.outcome is Outcome.TIMED_OUT else "the task"
        findings = []
        if verdict.outcome is Outcome.TIMED_OUT:
            what = self.standalone.what
            finding = one_off_undecided(self._stopped(), what, listed=self.listed, remedy=remedy)
            findings = [self._in_log(finding)]
        return Verdict(verdict.outcome, f"{verdict.message}; {where}: {self.task}"), findings


def follow(tracked: TrackedTask, deadline: float) -> Verdict:
    """Follows the task until there is a verdict on it or the deadline passes; then the task is still under way."""
    job, what = tracked.job, tracked.standalone.what

    def state(task: stopped_tasks.Task) -> Verdict | dict[str, InProgress]:
        if not task:
            missing = "ECS no longer lists the task" if tracked.last else "ECS does not list the task yet"
            return {what: InProgress(missing)}
        verdict = tracked.standalone.judge(task)
        if verdict is None:
            return {what: InProgress(stopped_tasks.status_words(task))}
        return stopped_tasks.cut_short(verdict, tracked.standalone.named, tracked.ended_by)

    verdict = watch(
        tracked.poll,
        state,
        lambda subject, watching: job.ci.line(f"{subject or what}: {watching.message}"),
        clock=job.clock,
        timeout=max(0.0, deadline - job.clock.monotonic()),
        interval=lambda elapsed: 0.25 if elapsed < 5 else 0.5 if elapsed < 60 else 1.0,
        progress=job.ci.progress,
    )
    if verdict.outcome not in (Outcome.TIMED_OUT, Outcome.UNKNOWN):
        job.state.end()
        # CloudWatch Logs has all lines of a stopped task; a container's last lines may come a moment after its end.
        ended = verdict.outcome.green and tracked.last.get("lastStatus") == "STOPPED"
        tracked.drain(0.0 if ended else pace.LATE_LOG)
    return verdict
