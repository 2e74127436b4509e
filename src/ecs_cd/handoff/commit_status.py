"""Shows an execution, as it is now, as the status of its commit on GitHub: events come late, twice and in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from ecs_cd.aws import codepipeline
from ecs_cd.ci import commit_status
from ecs_cd.ci.commit_status import Commit
from ecs_cd.ci.rules.github_deployment import Status
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.handoff import builds, causes
from ecs_cd.handoff.rules import actions, links
from ecs_cd.handoff.rules import commit_status as rules
from ecs_cd.handoff.rules.progress import Snapshot
from ecs_cd.inputs.commit_status import CommitStatus
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused, Unreadable
from ecs_cd.model.verdict import Outcome, Verdict


@dataclass(frozen=True)
class _Seen:
    """The execution at one moment, and why it failed if it did."""

    snapshot: Snapshot
    status: Status
    findings: Sequence[Finding] = ()


def execute(inputs: CommitStatus, job: Job) -> Result:
    """Posts the status until the execution has not changed meanwhile, then the cause of a failure."""
    api = commit_status.connect(job.environ, inputs.repository, job.clock)
    seen = _see(inputs, job)
    commit = Commit(api, _commit(inputs, seen, job))
    url = links.execution(job.aws.region, inputs.pipeline, inputs.execution_id)
    pages = {"execution": url} if job.aws.console("codepipeline").region else {}
    try:
        seen = _post(inputs, seen, commit, url, job)
    except Unreadable as error:
        return Result(Verdict(Outcome.FAILED, str(error)), links=pages)
    if seen.status.state == "failure":
        _comment(inputs, seen, commit, url, job)
    facts = {"pipeline": inputs.pipeline, "execution": inputs.execution_id}
    words = f"{commit.sha[:7]} of {inputs.repository} is {seen.status.state}: {seen.status.description}"
    result = Result(Verdict(Outcome.SUCCEEDED, words), facts=facts, findings=seen.findings, links=pages)
    return result.of_commit(commit.sha, job.run)


def _commit(inputs: CommitStatus, seen: _Seen, job: Job) -> str:
    found = rules.commit(seen.snapshot.execution or {}, inputs.repository)
    if not found:
        job.ci.line(f"{inputs.pipeline}: {seen.status.state}: {seen.status.description}")
        raise Refused(
            f"execution {inputs.execution_id} of {inputs.pipeline} shows no commit that could have a status on GitHub",
            "A connection source shows its commit once it has succeeded. With an S3 or ECR source, give the pipeline a "
            "variable that holds the commit, such as the document's `pipeline.commit`.",
        )
    return found


def _post(inputs: CommitStatus, seen: _Seen, commit: Commit, url: str, job: Job) -> _Seen:
    """Whoever read the execution earlier may post later, so this reads it again after it has posted."""
    for _ in range(pace.STATUS_CHANGES):
        commit.set_status(seen.status, f"ecs-cd/{inputs.pipeline}", url)
        now = codepipeline.execution(job.aws, inputs.pipeline, inputs.execution_id)
        if now.get("status") == seen.snapshot.status:
            break
        job.ci.line(f"{inputs.pipeline}: the execution is {now.get('status')} by now")
        seen = _see(inputs, job)
    return seen


def _comment(inputs: CommitStatus, seen: _Seen, commit: Commit, url: str, job: Job) -> None:
    """The whole cause, once per execution. Without it, the status has the cause in short."""
    begun = min((action.started for action in seen.snapshot.actions if action.started is not None), default=None)
    since = "" if begun is None else datetime.fromtimestamp(begun, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = rules.comment(inputs.pipeline, seen.snapshot, seen.findings, url)
    try:
        said = commit.comment(rules.marker(inputs.pipeline, inputs.execution_id), text, since)
    except Refused as refused:
        said = f"no comment with the whole cause: {refused.sentence}"
    except Unreadable as error:
        said = f"no comment with the whole cause: {error}"
    job.ci.line(f"{inputs.pipeline}: {said}")


# ---- the execution as it is now ----


def _see(inputs: CommitStatus, job: Job) -> _Seen:
    began = job.clock.monotonic()
    snapshot = _read(inputs, job)
    while job.clock.monotonic() - began < rules.patience(snapshot, inputs.repository):
        job.clock.sleep(pace.EXECUTION_EVERY)
        snapshot = _read(inputs, job)
    if snapshot.status != "Failed" or snapshot.failed is None:
        return _Seen(snapshot, rules.status(snapshot))
    failed = [action for action in snapshot.actions if action.status == actions.FAILED]
    read = builds.read(failed, rules.nonce(snapshot.execution or {}), job)
    findings = causes.find(inputs.pipeline, snapshot, read, job)
    own = read.get(failed[0].external_id)
    cause = rules.cause(failed[0], findings, own.verdict if own else None)
    return _Seen(snapshot, rules.status(snapshot, cause), findings)


def _read(inputs: CommitStatus, job: Job) -> Snapshot:
    """The actions are read last, and an execution ends only when none is running."""
    execution = codepipeline.execution(job.aws, inputs.pipeline, inputs.execution_id)
    details = codepipeline.actions(job.aws, inputs.pipeline, inputs.execution_id)
    begun = [(str(each["stageName"]), str(each["actionName"])) for each in reversed(details)]
    found = Snapshot(execution, actions.newest(details, begun))
    lists, stages = concurrently(
        lambda: _executions(found, inputs, job),
        lambda: codepipeline.stages(job.aws, inputs.pipeline) if _needs_stages(found) else [],
    )
    return replace(found, executions=tuple(lists), stages=tuple(stages))


def _executions(found: Snapshot, inputs: CommitStatus, job: Job) -> list[dict[str, object]]:
    """Who stopped the execution, superseded it or rolls it back; not for one that goes on or has succeeded."""
    ended_badly = found.status not in ("InProgress", "Succeeded")
    return codepipeline.executions(job.aws, inputs.pipeline) if ended_badly else []


def _needs_stages(found: Snapshot) -> bool:
    """Whether only the stages show what it waits for, or which condition has failed."""
    waits = found.status == "InProgress" and bool(found.actions) and not found.runs
    return waits or (found.status == "Failed" and found.failed is None)
