"""RunTask: starts one task exactly once, follows it until it stops, and streams its log into the job log."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecs, logs
from ecs_cd.aws.errors import transient_as_unreadable
from ecs_cd.diagnosis import stopped_tasks
from ecs_cd.diagnosis.evidence import Finding, StoppedTask
from ecs_cd.diagnosis.findings import task_failed
from ecs_cd.job.job import Job, Result
from ecs_cd.job.mutation import carry_out
from ecs_cd.job.state import client_token
from ecs_cd.job.watch import watch
from ecs_cd.model import pace
from ecs_cd.model.references import short
from ecs_cd.model.verdict import InProgress, Outcome, Verdict
from ecs_cd.tasks.logs import log_stream
from ecs_cd.tasks.rules.task_definition import TaskDefinition

OURS = "ecs-cd/"  # the prefix of the startedBy that ecs-cd sets

Judge = Callable[[stopped_tasks.Task], Verdict | None]


@dataclass(frozen=True)
class StandaloneTask:
    """A task to run. ``what`` is its display name; ``call`` holds RunTask's members except those that ecs-cd sets.

    The job log shows the logs of ``containers``. Without ``started_by``, ecs-cd sets a unique one, by which it can find
    the task; other tasks may carry the same value as a given ``started_by``.
    """

    what: str
    call: Mapping[str, Any]
    definition: TaskDefinition
    containers: tuple[str, ...]
    on_cancel: str = "leave"
    timeout: float = 1800.0
    wait: bool = True
    started_by: str = ""

    @property
    def cluster(self) -> str:
        return str(self.call["cluster"])

    @property
    def family(self) -> str:
        return str(self.definition["family"])


class NotPlaced(Exception):
    """RunTask could not place the task, and started nothing."""


def run(standalone: StandaloneTask, arn: str, job: Job) -> Result:
    """Runs the task with the task definition ``arn``. Without waiting, the outcome is in progress, which is green.

    Sets the output for the task's ARN at once, even if there is no task. As in the official action, the task succeeds
    only if every container exits with 0. A result that is not green is the result of the verb.
    """
    deadline = job.clock.monotonic() + standalone.timeout
    try:
        task = start(standalone, arn, deadline, job)
    except NotPlaced as not_placed:
        job.ci.outputs({"run-task-arn": json.dumps([])})
        return _ended(Verdict(Outcome.FAILED, str(not_placed)), arn, "", [])
    job.ci.outputs({"run-task-arn": json.dumps([task])})
    if not standalone.wait:
        job.state.end()  # the task continues without ecs-cd
        return _ended(
            Verdict(Outcome.IN_PROGRESS, f"task {short(task)} is running; ecs-cd does not wait for it"), arn, task, []
        )
    tracked = TrackedTask(standalone, task, job)
    verdict = follow(tracked, _every_container, deadline)
    if verdict.outcome in (Outcome.TIMED_OUT, Outcome.UNKNOWN):
        verdict = Verdict(verdict.outcome, f"{verdict.message}; the task keeps running: {task}")
        evidence = [Finding(f"the {standalone.what} task was still running", tuple(tracked.lines))]
        return _ended(verdict, arn, task, evidence if verdict.outcome is Outcome.TIMED_OUT else [])
    return _ended(verdict, arn, task, [] if verdict.outcome.green else [tracked.finding()])


def _ended(verdict: Verdict, arn: str, task: str, findings: Sequence[Finding]) -> Result:
    outputs = {"result": verdict.outcome.value, "task-definition-arn": arn}
    return Result(verdict, outputs, {"task definition": short(arn), "task": task}, findings)


def start(standalone: StandaloneTask, arn: str, deadline: float, job: Job) -> str:
    """Starts exactly one task and returns its ARN.

    A lost response doesn't start a second task: the clientToken makes ECS return the first one, and before a retry
    ecs-cd looks for a task with this token. If placement fails for lack of capacity, retries until the deadline; that
    answer is definite, so the retry is a new call.
    """
    attempt = 0
    while True:
        request = _request(standalone, arn, attempt, job)
        job.state.begin(
            kind="task",
            what=standalone.what,
            cluster=standalone.cluster,
            family=standalone.family,
            started_by=request["startedBy"],
            # Without the ARN, a cancellation could stop a task that only looks like this one.
            on_cancel="leave" if standalone.started_by else standalone.on_cancel,
            region=job.aws.region,
            sign_in=job.aws.sign_in,
        )
        task, failures = _run_once(standalone, request, job)
        if task:
            job.state.begin(task=task, on_cancel=standalone.on_cancel)
            job.ci.line(f"{standalone.what}: task {short(task)} started with {short(arn)}")
            return task
        words = stopped_tasks.failure_words(failures)
        if not stopped_tasks.placement_is_transient(failures) or job.clock.monotonic() >= deadline:
            job.state.end()
            raise NotPlaced(f"ECS can't place the {standalone.what} task: {words or 'RunTask gave no reason'}")
        attempt += 1
        job.ci.line(f"{standalone.what}: ECS can't place the task now ({words}); trying again")
        job.clock.sleep(min(15, 2 * attempt))


def _request(standalone: StandaloneTask, arn: str, attempt: int, job: Job) -> dict[str, Any]:
    call = {**standalone.call, "taskDefinition": arn, "count": 1}
    token = client_token(job.run, job.state.nonce, {**call, "attempt": attempt})
    return {**call, "clientToken": token, "startedBy": standalone.started_by or f"{OURS}{token}"}


def _run_once(standalone: StandaloneTask, request: dict[str, Any], job: Job) -> tuple[str, list[ecs.Json]]:
    """RunTask's answer: the task's ARN, or its failures. Every retry has the same clientToken."""

    def call() -> tuple[str, list[ecs.Json]]:
        task, failures = ecs.run_task(job.aws, request)
        return (str(task["taskArn"]) if task else ""), failures

    def find_started() -> tuple[str, list[ecs.Json]] | None:
        if standalone.started_by:
            return None  # other tasks may carry it too; the clientToken must suffice
        found = ecs.started_by(job.aws, standalone.cluster, standalone.family, request["startedBy"])
        return (found, []) if found else None

    try:
        return carry_out("RunTask", call, find_started, job, idempotent=True)  # thanks to the clientToken
    except (ClientError, BotoCoreError):
        job.state.end()  # ECS refused the call and started nothing
        raise


# ---- the running task ----


@dataclass
class TrackedTask:
    """Polls one task: its status and its new log lines."""

    standalone: StandaloneTask
    task: str
    job: Job
    last: Mapping[str, Any] = field(default_factory=dict)
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
            self.last = ecs.task(self.job.aws, self.standalone.cluster, self.task) or {}
        self.fresh = self.relay()
        return self.last

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
        """Why the task failed, with its last log lines."""
        return task_failed(StoppedTask(self.last, tuple(self.lines)))


def follow(tracked: TrackedTask, judge: Judge, deadline: float) -> Verdict:
    """Follows the task until ``judge`` has a verdict or the deadline passes; then the task is still under way."""
    job, what = tracked.job, tracked.standalone.what

    def state(task: stopped_tasks.Task) -> Verdict | dict[str, InProgress]:
        if not task:
            return {what: InProgress("ECS does not list the task yet")}
        return judge(task) or {what: InProgress(stopped_tasks.status_words(task))}

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
        tracked.drain(0.0 if verdict.outcome.green else pace.LATE_LOG)
    return verdict


def _every_container(task: stopped_tasks.Task) -> Verdict | None:
    """``None`` until the task is STOPPED. A container without an exit code never ran, which is a failure."""
    if task.get("lastStatus") != "STOPPED":
        return None
    codes = {str(container.get("name")): container.get("exitCode") for container in task.get("containers", ())}
    failed = {name: code for name, code in codes.items() if code != 0}
    if codes and not failed:
        return Verdict(Outcome.SUCCEEDED, f"task {short(str(task['taskArn']))} ended; every container exited with 0")
    how = [
        f"container `{name}` " + ("never ran" if code is None else f"exited with {code}")
        for name, code in failed.items()
    ]
    reason = next(
        (stopped_tasks.reason(task, name) for name in failed), str(task.get("stoppedReason", "no reason given"))
    )
    stop_code = task.get("stopCode") or "no stop code"
    return Verdict(Outcome.FAILED, f"{', '.join(how) or 'no container ran'} ({stop_code}: {reason})")
