"""Requests that change a pipeline's state, and what CodePipeline refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ecs_cd.local.codepipeline.rules import variables
from ecs_cd.local.codepipeline.rules.executions import again, end, roll_back, settle, with_attempt, with_execution
from ecs_cd.local.codepipeline.rules.infra import actions, provider
from ecs_cd.local.codepipeline.rules.service_error import ServiceError, invalid
from ecs_cd.local.codepipeline.rules.state import (
    ABANDONED,
    FAILED,
    IN_PROGRESS,
    PARALLEL,
    QUEUED,
    ROLLBACK,
    STOPPED,
    STOPPING,
    Attempt,
    Disabled,
    Execution,
    Outcome,
    Pipeline,
    transition_into,
)

Params = Mapping[str, Any]

# https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
_WAITING = 50
# https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-trigger-source-overrides.html
_REVISIONS = {"ECR": "IMAGE_DIGEST", "S3": "S3_OBJECT_VERSION_ID", "CodeStarSourceConnection": "COMMIT_ID"}


def start(state: Pipeline, request: Params, id: str, trigger: tuple[str, str], now: float) -> tuple[Pipeline, str]:
    """StartPipelineExecution. The same token is the same execution. Returns its id."""
    token = str(request.get("clientRequestToken", ""))
    if token and token in state.tokens:
        return state, state.tokens[token]
    values = variables.given(state.declared, request.get("variables", ()))
    revisions = tuple(dict(each) for each in request.get("sourceRevisions", ()))
    _check_revisions(state, revisions)
    if state.mode == QUEUED and sum(each.runs and not each.entered for each in state.executions.values()) >= _WAITING:
        words = f"Pipeline '{state.name}' has reached the limit of {_WAITING} queued executions"
        raise ServiceError("ConcurrentPipelineExecutionsLimitExceededException", words)
    begun = Execution(id, now, now, trigger, state.stages[0], variables=values, revisions=revisions)
    tokens = {**state.tokens, token: id} if token else state.tokens
    return settle(replace(state, executions={**state.executions, id: begun}, tokens=tokens), now), id


def _check_revisions(state: Pipeline, revisions: tuple[Mapping[str, str], ...]) -> None:
    sources = {
        action["name"]: provider(action)
        for _, action in actions(state.declared)
        if action["actionTypeId"]["category"] == "Source"
    }
    for each in revisions:
        name, kind = each["actionName"], each["revisionType"]
        if name not in sources:
            raise invalid(f"Pipeline '{state.name}' does not have a source action named '{name}'")
        if kind != _REVISIONS.get(sources[name]):
            raise invalid(f"Source action '{name}' with provider {sources[name]} does not support revision type {kind}")


def stop(state: Pipeline, request: Params, now: float) -> Pipeline:
    """StopPipelineExecution: running actions finish first, or are abandoned."""
    id, abandon = request["pipelineExecutionId"], bool(request.get("abandon"))
    found = state.executions.get(id)
    if found is None or not found.runs:
        is_now = f"is {found.status}" if found else "does not exist"
        raise ServiceError("PipelineExecutionNotStoppableException", f"Pipeline execution '{id}' {is_now}")
    if found.status == STOPPING and not abandon:
        raise ServiceError("DuplicatedStopRequestException", f"Pipeline execution '{id}' is already in Stopping state")
    reason = str(request.get("reason", "")) or found.stop_reason
    state = with_execution(state, id, status=STOPPING, stop_reason=reason, updated=now)
    for attempt in state.attempts.values() if abandon else ():
        if attempt.execution == id and attempt.status == IN_PROGRESS:
            state = with_attempt(state, attempt.id, status=ABANDONED, updated=now)
    return settle(state, now)


def retry(state: Pipeline, request: Params, now: float) -> Pipeline:
    """RetryStageExecution, until a newer execution enters the stage."""
    stage, id = request["stageName"], request["pipelineExecutionId"]
    state.stage(stage)
    found = state.executions.get(id)
    if found is None or (state.mode != PARALLEL and state.latest.get(stage) != id):
        words = f"Pipeline execution '{id}' is not the latest in stage '{stage}'"
        raise ServiceError("NotLatestPipelineExecutionException", words)
    if found.stage != stage or not found.entered or found.status not in (FAILED, STOPPED):
        words = f"Stage '{stage}' has no failed actions of pipeline execution '{id}' to retry"
        raise ServiceError("StageNotRetryableException", words)
    return settle(again(state, found, request["retryMode"], now), now)


def rollback(state: Pipeline, request: Params, id: str, user: str, now: float) -> Pipeline:
    """RollbackStage. https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html"""
    stage = request["stageName"]
    state.stage(stage)
    target = state.execution(request["targetPipelineExecutionId"])
    problem = _not_to_roll_back(state, stage, target)
    if problem:
        raise ServiceError("UnableToRollbackStageException", f"Stage '{stage}' cannot be rolled back: {problem}")
    return settle(roll_back(state, stage, target, id, ("ManualRollback", user), now), now)


def _not_to_roll_back(state: Pipeline, stage: str, target: Execution) -> str:
    if state.mode == PARALLEL:
        return "stage rollback is not available in PARALLEL mode"
    if stage == state.stages[0]:
        return "it is the source stage"
    if state.occupied(stage):
        return "it is running"
    if target.type == ROLLBACK:
        return f"pipeline execution '{target.id}' is a rollback itself"
    return "" if state.succeeded_in(target, stage) else f"pipeline execution '{target.id}' has not succeeded in it"


def answer_approval(state: Pipeline, request: Params, user: str, now: float) -> Pipeline:
    """PutApprovalResult."""
    stage, action, token = request["stageName"], request["actionName"], request["token"]
    state.action(stage, action)
    found = _approval(state, stage, action, token)
    if found.status != IN_PROGRESS:
        raise ServiceError("ApprovalAlreadyCompletedException", f"The approval {stage}/{action} is {found.status}")
    result = request["result"]
    summary = str(result["summary"])
    outcome = Outcome(summary=summary)
    if result["status"] == "Rejected":
        words = f"Manual approval {stage}/{action} was rejected" + (f": {summary}" if summary else "")
        outcome = Outcome("ApprovalRejected", words, summary)
    return end(state, found.id, outcome, now, user)


def _approval(state: Pipeline, stage: str, action: str, token: str) -> Attempt:
    for each in state.attempts.values():
        if (each.stage, each.action, each.token) == (stage, action, token):
            return each
    raise ServiceError("InvalidApprovalTokenException", f"The approval {stage}/{action} has another token")


def disable(state: Pipeline, request: Params, user: str, now: float) -> Pipeline:
    """DisableStageTransition."""
    into = transition_into(state, request["stageName"], request["transitionType"])
    return replace(state, disabled={**state.disabled, into: Disabled(user, now, request["reason"])})


def enable(state: Pipeline, request: Params, now: float) -> Pipeline:
    """EnableStageTransition: waiting executions continue."""
    into = transition_into(state, request["stageName"], request["transitionType"])
    left = {stage: each for stage, each in state.disabled.items() if stage != into}
    return settle(replace(state, disabled=left), now)
