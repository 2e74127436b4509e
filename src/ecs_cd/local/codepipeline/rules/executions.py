"""The state machine of a pipeline: what is due, and what follows when something changes.

https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ecs_cd.local.codepipeline.rules.state import (
    FAILED,
    IN_PROGRESS,
    PARALLEL,
    QUEUED,
    STANDARD,
    STOPPED,
    STOPPING,
    SUCCEEDED,
    SUPERSEDED,
    Attempt,
    Execution,
    Outcome,
    Pipeline,
)

Due: TypeAlias = tuple[Execution, Mapping[str, Any]]  # with the action's declaration

_MESSAGE = 5000  # characters, at most
_SUMMARY = 2048


def due(state: Pipeline) -> list[Due]:
    """The actions to begin now: in each stage those of the lowest run order that has not succeeded."""
    return [
        (execution, action)
        for execution in state.executions.values()
        if execution.status == IN_PROGRESS and execution.entered
        for action in _due(state, execution)
    ]


def _due(state: Pipeline, execution: Execution) -> list[Mapping[str, Any]]:
    begun = state.current(execution.id, execution.stage)
    actions = state.stage(execution.stage)["actions"]
    left = [each for each in actions if each["name"] not in begun or begun[each["name"]].status != SUCCEEDED]
    first = min((_order(each) for each in left), default=0)
    return [each for each in left if _order(each) == first and each["name"] not in begun]


def _order(action: Mapping[str, Any]) -> int:
    return int(action.get("runOrder", 1))


def begin(state: Pipeline, attempt: Attempt) -> Pipeline:
    """An action starts."""
    return with_execution(
        replace(state, attempts={**state.attempts, attempt.id: attempt}), attempt.execution, updated=attempt.began
    )


def report(state: Pipeline, id: str, external_id: str, external_url: str, now: float) -> Pipeline:
    """The external execution of a running action is known."""
    known = {"external_id": external_id, "external_url": external_url, "updated": now}
    return with_attempt(state, id, **known) if state.attempts[id].status == IN_PROGRESS else state


def end(state: Pipeline, id: str, outcome: Outcome, now: float, by: str = "") -> Pipeline:
    """An action has ended. An abandoned one stays abandoned."""
    attempt = state.attempts[id]
    if attempt.status != IN_PROGRESS:
        return state
    cut = replace(
        outcome, error_message=outcome.error_message[:_MESSAGE].strip(), summary=outcome.summary[:_SUMMARY].strip()
    )
    ended = with_attempt(
        state, id, status=FAILED if outcome.error_code else SUCCEEDED, outcome=cut, updated=now, updated_by=by
    )
    return settle(with_execution(ended, attempt.execution, updated=now), now)


# --- what follows ---


def settle(state: Pipeline, now: float) -> Pipeline:
    """Ends stages and executions, and lets executions enter stages, until nothing moves any more."""
    while True:
        moved = _step(state, now)
        if moved is state:
            return state
        state = moved


def _step(state: Pipeline, now: float) -> Pipeline:
    """The first change that follows; the oldest execution comes first."""
    for execution in state.executions.values():
        if execution.runs:
            moved = _in_stage(state, execution, now) if execution.entered else _before_stage(state, execution, now)
            if moved is not state:
                return moved
    return state


def _in_stage(state: Pipeline, execution: Execution, now: float) -> Pipeline:
    statuses = {each.status for each in state.current(execution.id, execution.stage).values()}
    if IN_PROGRESS in statuses:
        return state
    if execution.status == STOPPING:
        return with_execution(state, execution.id, status=STOPPED, updated=now)
    status = state.stage_status(execution, execution.stage)
    if status == SUCCEEDED:
        return _leave(state, execution, now)
    return _fail(state, execution, now) if status == FAILED else state


def _leave(state: Pipeline, execution: Execution, now: float) -> Pipeline:
    """After its last stage, which is the only one of a rollback, an execution has succeeded."""
    following = "" if execution.target else state.after(execution.stage)
    if following:
        return with_execution(state, execution.id, stage=following, entered=False, updated=now)
    return with_execution(state, execution.id, status=SUCCEEDED, updated=now)


def _fail(state: Pipeline, execution: Execution, now: float) -> Pipeline:
    """https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_FailureConditions.html"""
    stage = state.stage(execution.stage)
    on_failure = stage.get("onFailure", {})
    result = on_failure.get("result", "FAIL")
    if result == "RETRY" and execution.stage not in execution.retried:
        mode = on_failure.get("retryConfiguration", {}).get("retryMode", "FAILED_ACTIONS")
        retried = with_execution(state, execution.id, retried=(*execution.retried, execution.stage))
        return again(retried, execution, mode, now)
    failed = with_execution(state, execution.id, status=FAILED, updated=now)
    target = _last_success(state, execution) if result == "ROLLBACK" and execution.type == STANDARD else None
    if target is None:
        return failed
    id = str(uuid.uuid5(uuid.UUID(execution.id), f"{execution.stage} {len(state.attempts)}"))
    return roll_back(failed, execution.stage, target, id, ("AutomatedRollback", execution.id), now)


def _last_success(state: Pipeline, execution: Execution) -> Execution | None:
    older = [
        each
        for each in state.executions.values()
        if each.type == STANDARD and each.id != execution.id and state.succeeded_in(each, execution.stage)
    ]
    return older[-1] if older else None


def _before_stage(state: Pipeline, execution: Execution, now: float) -> Pipeline:
    """An execution enters alone. One that waits can be stopped or, unless the mode keeps it, superseded."""
    if execution.status == STOPPING:
        return with_execution(state, execution.id, status=STOPPED, updated=now)
    if state.mode not in (QUEUED, PARALLEL) and state.waiting(execution.stage)[-1].id != execution.id:
        return with_execution(state, execution.id, status=SUPERSEDED, updated=now)
    held = state.mode != PARALLEL and state.occupied(execution.stage)
    return state if held or execution.stage in state.disabled else _enter(state, execution, now)


def _enter(state: Pipeline, execution: Execution, now: float) -> Pipeline:
    entered = with_execution(state, execution.id, entered=True, updated=now)
    return replace(entered, latest={**state.latest, execution.stage: execution.id})


def again(state: Pipeline, execution: Execution, mode: str, now: float) -> Pipeline:
    """Retries the stage that the execution is in: the actions that failed or were abandoned, or all of them."""
    for attempt in state.current(execution.id, execution.stage).values():
        if mode == "ALL_ACTIONS" or attempt.status != SUCCEEDED:
            state = with_attempt(state, attempt.id, counts=False)
    return with_execution(state, execution.id, status=IN_PROGRESS, stop_reason="", updated=now)


def roll_back(
    state: Pipeline, stage: str, target: Execution, id: str, trigger: tuple[str, str], now: float
) -> Pipeline:
    """A new execution runs this stage alone, with the target's variables and artifacts."""
    begun = Execution(
        id, now, now, trigger, stage, variables=target.variables, revisions=target.revisions, target=target.id
    )
    return _enter(replace(state, executions={**state.executions, id: begun}), begun, now)


# --- copies with changes ---


def with_execution(state: Pipeline, id: str, **changes: Any) -> Pipeline:
    return replace(state, executions={**state.executions, id: replace(state.executions[id], **changes)})


def with_attempt(state: Pipeline, id: str, **changes: Any) -> Pipeline:
    return replace(state, attempts={**state.attempts, id: replace(state.attempts[id], **changes)})
