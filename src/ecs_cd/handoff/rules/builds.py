"""A CodeBuild build, as BatchGetBuilds returns it: its log, and why it failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ecs_cd.diagnosis import telling
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.report import verdict_line
from ecs_cd.report.summary import Part
from ecs_cd.report.verdict_line import VerdictLine

Build = Mapping[str, Any]

_ROLLED_BACK = (Outcome.ROLLBACK_FAILED, Outcome.ROLLED_BACK)  # the worst first
_LAST_LINES = 20  # of the log

# CodeBuild's own troubles, not the commands'.
_INFRASTRUCTURE = {
    "FAULT": "CodeBuild had an internal error (FAULT)",
    "TIMED_OUT": "the build reached its timeout (TIMED_OUT)",
}
_AGAIN = "If the migration has not started, retry the stage: {}. Otherwise check first what it has changed."


def stream(build: Build) -> tuple[str, str] | None:
    """The log group and stream; ``None`` without a log yet."""
    logs = build.get("logs", {})
    group, name = logs.get("groupName"), logs.get("streamName")
    return (str(group), str(name)) if group and name else None


def log_link(build: Build) -> str:
    return str(build.get("logs", {}).get("deepLink", ""))


def failed_phase(build: Build) -> Mapping[str, Any] | None:
    """The first phase that did not succeed; later phases fail because of it, or run in spite of it."""
    bad = (phase for phase in build.get("phases", ()) if phase.get("phaseStatus") not in (None, "SUCCEEDED"))
    return next(bad, None)


def retry(pipeline: str, execution: str, stage: str) -> str:
    """The command that retries a stage."""
    return (
        f"aws codepipeline retry-stage-execution --pipeline-name {pipeline} --stage-name {stage} "
        f"--pipeline-execution-id {execution} --retry-mode FAILED_ACTIONS"
    )


def finding(build: Build, path: str, log: Sequence[str], again: str) -> Finding:
    """Why the build of the action ``path`` failed: CodeBuild's status, the first failed phase, the log's last lines.
    ``again`` is the command that retries its stage."""
    status, phase = str(build.get("buildStatus", "")), failed_phase(build)
    contexts = [
        f"{each.get('statusCode', '')}: {each.get('message', '')}".strip(": ")
        for each in (phase or {}).get("contexts", ())
        if each.get("message") or each.get("statusCode")
    ]
    infrastructure = _INFRASTRUCTURE.get(status, "")
    where = f" in phase {phase['phaseType']}" if phase else ""
    cause = f"{path}: {infrastructure}{where}" if infrastructure else f"{path}: the build failed{where}"
    link = log_link(build)
    next_step = [_AGAIN.format(again) if infrastructure else "", f"The log: {link}" if link else ""]
    detail = "" if infrastructure else telling.telling(log)
    return Finding(cause, (*contexts, *log), " ".join(filter(None, next_step)), detail=detail)


def by_ecs_cd(verdict: VerdictLine, path: str) -> list[Finding]:
    """What ecs-cd found in the build of the action ``path``, as if it had run here; empty if all went well there."""
    return [finding for part in verdict.parts if part.bad for finding in _of_part(part, path)]


def with_rollback(verdict: Verdict, builds: Iterable[VerdictLine]) -> Verdict:
    """The verdict on a failed execution, as rolled back if ecs-cd says so in one of the ``builds`` that failed."""
    ended = {part.state for each in builds for part in each.parts}
    outcome = next((each for each in _ROLLED_BACK if each in ended), verdict.outcome)
    return replace(verdict, outcome=outcome)


def _of_part(part: Part, path: str) -> list[Finding]:
    """The part's findings, the first with how the part ended."""
    words = f"{path}: {part.title} {part.words}{': ' + part.message if part.message else ''}"
    first, *more = part.findings or [Finding("")]
    cause = words if first.cause in part.message else f"{words}. {first.cause}"
    return [replace(first, cause=cause, logged=False), *more]


def last_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """The end of the log, without verdict lines: they are for programs."""
    shown = [line.rstrip() for line in lines if not line.startswith(verdict_line.PREFIX)]
    return tuple(shown[-_LAST_LINES:])
