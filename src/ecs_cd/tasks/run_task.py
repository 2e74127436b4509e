"""RunTask: starts one task exactly once, and follows it until it stops."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecs
from ecs_cd.diagnosis import stopped_tasks
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.diagnosis.findings import not_placed
from ecs_cd.job.job import Job, Result
from ecs_cd.job.mutation import carry_out
from ecs_cd.job.state import client_token
from ecs_cd.model.references import short
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.tasks import earlier
from ecs_cd.tasks.rules import origin
from ecs_cd.tasks.standalone import NotStarted, StandaloneTask, begin
from ecs_cd.tasks.tracked import TrackedTask, follow


def run(standalone: StandaloneTask, arn: str, job: Job) -> Result:
    """Runs the task with the task definition ``arn``. Without waiting, the outcome is in progress, which is green.

    Sets the output for the task's ARN at once, even if there is no task. As in the official action, the task succeeds
    only if every container exits with 0. A result that is not green is the result of the verb.
    """
    deadline = job.clock.monotonic() + standalone.timeout
    try:
        task = earlier.of_this_run(standalone, arn, job) or start(standalone, arn, deadline, job)
    except NotStarted as not_started:
        job.ci.outputs({"run-task-arn": json.dumps([])})
        return _ended(not_started.verdict, arn, "", not_started.findings)
    job.ci.outputs({"run-task-arn": json.dumps([task])})
    if not standalone.wait:
        job.state.end()  # the task continues without ecs-cd
        return _ended(
            Verdict(Outcome.IN_PROGRESS, f"task {short(task)} is running; ecs-cd does not wait for it"), arn, task, []
        )
    tracked = TrackedTask(standalone, task, job)
    verdict = follow(tracked, deadline)
    if verdict.outcome in (Outcome.TIMED_OUT, Outcome.UNKNOWN):
        verdict, findings = tracked.undecided(verdict, "Raise wait-for-minutes if it needs longer.")
        return _ended(verdict, arn, task, findings)
    return _ended(verdict, arn, task, [] if verdict.outcome.green else [tracked.finding()])


def _ended(verdict: Verdict, arn: str, task: str, findings: Sequence[Finding]) -> Result:
    outputs = {"result": verdict.outcome.value, "task-definition-arn": arn}
    return Result(verdict, outputs, {"task definition": short(arn), "task": task}, findings)


def start(standalone: StandaloneTask, arn: str, deadline: float, job: Job) -> str:
    """Starts exactly one task and returns its ARN.

    A lost response doesn't start a second task: the clientToken makes ECS return the first one, and before a retry
    ecs-cd looks for a task with this token. If placement fails for lack of capacity, retries until the deadline; that
    answer is definite, so the retry is a new call, after another look for tasks of other runs.
    """
    attempt, said = 0, ""
    while True:
        request = _request(standalone, arn, attempt, job)
        # Without the ARN, a cancellation could stop a task that only looks like this one.
        begin(standalone, request["startedBy"], "leave" if standalone.started_by else standalone.on_cancel, job)
        task, failures = _run_once(standalone, request, job)
        if task:
            job.state.begin(task=task, on_cancel=standalone.on_cancel)
            job.ci.line(f"{standalone.what}: task {short(task)} started with {short(arn)}")
            return task
        job.state.end()
        words = stopped_tasks.failure_words(failures)
        if not stopped_tasks.placement_is_transient(failures) or job.clock.monotonic() >= deadline:
            reason = f"ECS can't place the {standalone.what} task: {words or 'RunTask gave no reason'}"
            raise NotStarted(Verdict(Outcome.FAILED, reason), not_placed(words))
        attempt += 1
        if words != said:
            job.ci.line(f"{standalone.what}: ECS can't place the task now ({words}); trying again until the time limit")
        said = words
        job.clock.sleep(min(15, 2 * attempt))
        other = "" if standalone.started_by else earlier.of_other_runs(standalone, job, lists_may_lag=False)
        if other:
            return other
        standalone.may_start()  # again: the wait takes its time


def _request(standalone: StandaloneTask, arn: str, attempt: int, job: Job) -> dict[str, Any]:
    call = {**standalone.call, "taskDefinition": arn, "count": 1}
    token = client_token(job.run, job.state.nonce, {**call, "what": standalone.what, "attempt": attempt})
    started_by = standalone.started_by or origin.started_by(standalone.origin, token)
    return {**call, "clientToken": token, "startedBy": started_by}


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
