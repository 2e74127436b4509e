"""What differs between two states of a pipeline: lines for the log, and events."""

from __future__ import annotations

from collections.abc import Iterator

from ecs_cd.local.codepipeline.rules.state import APPROVAL, FAILED, IN_PROGRESS, Attempt, Execution, Pipeline


def lines(old: Pipeline, new: Pipeline, now: float) -> Iterator[str]:
    """A line for each change, with the seconds since the execution's or the action's begin."""
    for id, execution in new.executions.items():
        if id not in old.executions:
            yield f"{_who(new, id)}  started by {execution.trigger[0]}"
    for id, attempt in new.attempts.items():
        before = old.attempts.get(id)
        if before is None or before.status != attempt.status:
            yield f"{_who(new, attempt.execution)}  {attempt.path} {_attempt_words(new, attempt)}"
    for id, execution in new.executions.items():
        words = _execution_words(new, old.executions.get(id), execution, now)
        if words:
            yield f"{_who(new, id)}  {words}"


def _who(state: Pipeline, id: str) -> str:
    return f"{state.name} {id[:8]}"


def _attempt_words(state: Pipeline, attempt: Attempt) -> str:
    if attempt.status == IN_PROGRESS:
        category = state.action(attempt.stage, attempt.action)["actionTypeId"]["category"]
        return f"{attempt.status}: waits for an approval" if category == APPROVAL else attempt.status
    took = f"{attempt.status} {attempt.updated - attempt.began:.1f} s"
    return f"{took}: {attempt.outcome.error_message}" if attempt.status == FAILED else took


def _execution_words(state: Pipeline, before: Execution | None, execution: Execution, now: float) -> str:
    status = execution.status
    if before is not None and before.status != status:
        return f"{status} {now - execution.started:.1f} s"
    if before is not None and (before.stage, before.entered) == (execution.stage, execution.entered):
        return ""
    if execution.entered or not execution.runs:
        return ""
    why = "its transition is disabled" if execution.stage in state.disabled else "other executions come first"
    return f"waits before stage {execution.stage}: {why}"


def events(old: Pipeline, new: Pipeline) -> list[tuple[str, str]]:
    """The executions whose state changed, and the new state.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
    """
    found = []
    for id, execution in new.executions.items():
        before = old.executions.get(id)
        if before is None:
            found.append((id, "STARTED"))
        if (before.status if before else IN_PROGRESS) != execution.status:
            found.append((id, "RESUMED" if execution.status == IN_PROGRESS else execution.status.upper()))
    return found
