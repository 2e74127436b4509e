"""What the API answers about pipelines, from their states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ecs_cd.local.codepipeline.rules.service_error import ServiceError
from ecs_cd.local.codepipeline.rules.state import (
    IN_PROGRESS,
    PARALLEL,
    SUCCEEDED,
    Attempt,
    Execution,
    Pipeline,
    Revision,
)
from ecs_cd.model.references import S3Object

Json = dict[str, Any]
Params = Mapping[str, Any]


def pipeline(state: Pipeline) -> Json:
    """GetPipeline."""
    metadata = {"pipelineArn": state.arn, "created": state.created, "updated": state.created}
    return {"pipeline": {**state.declared, "version": state.version}, "metadata": metadata}


def pipelines(states: Iterable[Pipeline], params: Params) -> Json:
    """ListPipelines."""
    found = [
        {
            "name": each.name,
            "version": each.version,
            "pipelineType": each.declared.get("pipelineType", "V1"),
            "executionMode": each.mode,
            "created": each.created,
            "updated": each.created,
        }
        for each in sorted(states, key=lambda state: state.name)
    ]
    return _page("pipelines", found, params, 1000)


def _page(member: str, entries: Sequence[Json], params: Params, most: int = 100) -> Json:
    token = str(params.get("nextToken", "0"))
    if not (token.isascii() and token.isdigit()):
        raise ServiceError("InvalidNextTokenException", f"The next token '{token}' is not valid")
    end = int(token) + int(params.get("maxResults", most))
    more = {"nextToken": str(end)} if end < len(entries) else {}
    return {member: list(entries[int(token) : end]), **more}


def _given(**members: Any) -> Json:
    """Without the members that have no value: AWS leaves them out."""
    return {name: value for name, value in members.items() if value not in (None, "", {}, [])}


# --- executions ---


def execution(state: Pipeline, id: str) -> Json:
    """GetPipelineExecution."""
    found = state.execution(id)
    revisions = [
        {"name": artifact, "revisionId": read.id, **_given(revisionSummary=read.summary, created=read.created)}
        for attempt, read in _sources(state, found)
        for artifact in attempt.outputs
    ]
    values = [{"name": name, "resolvedValue": value} for name, value in found.variables.items()]
    about = {
        "pipelineName": state.name,
        "pipelineVersion": state.version,
        **_common(state, found),
        "artifactRevisions": revisions,
        **_given(variables=values),
    }
    return {"pipelineExecution": about}


def executions(state: Pipeline, params: Params) -> Json:
    """ListPipelineExecutions."""
    stage = params.get("filter", {}).get("succeededInStage", {}).get("stageName", "")
    if stage:
        state.stage(stage)
    found = [
        _summary(state, each)
        for each in reversed([*state.executions.values()])
        if not stage or state.succeeded_in(each, stage)
    ]
    return _page("pipelineExecutionSummaries", found, params)


def _summary(state: Pipeline, found: Execution) -> Json:
    revisions = [
        {"actionName": each.action, "revisionId": revision.id, **_given(revisionSummary=revision.summary)}
        for each, revision in _sources(state, found)
    ]
    return {
        **_common(state, found),
        "startTime": found.started,
        "lastUpdateTime": found.updated,
        "sourceRevisions": revisions,
        **_given(stopTrigger=_given(reason=found.stop_reason)),
    }


def _common(state: Pipeline, found: Execution) -> Json:
    trigger, detail = found.trigger
    return {
        "pipelineExecutionId": found.id,
        "status": found.status,
        "trigger": {"triggerType": trigger, "triggerDetail": detail},
        "executionMode": state.mode,
        "executionType": found.type,
        **_given(rollbackMetadata=_given(rollbackTargetPipelineExecutionId=found.target)),
    }


def _sources(state: Pipeline, found: Execution) -> list[tuple[Attempt, Revision]]:
    """What the sources have read; a rollback's are those of its target."""
    done = [attempt for _, attempt in state.done(found) if attempt.counts]
    return [(each, each.outcome.revision) for each in done if each.outcome.revision]


# --- actions ---


def action_executions(state: Pipeline, params: Params) -> Json:
    """ListActionExecutions, newest first. ``Latest`` has the last attempt of each action."""
    chosen = params.get("filter", {})
    latest = chosen.get("latestInPipelineExecution", {})
    id = chosen.get("pipelineExecutionId") or latest.get("pipelineExecutionId")
    if id:
        state.execution(id)
    found = [each for each in reversed([*state.attempts.values()]) if id in (None, each.execution)]
    if latest.get("startTimeRange") == "Latest":
        newest = {each.path: each.id for each in reversed(found)}
        found = [each for each in found if newest[each.path] == each.id]
    return _page("actionExecutionDetails", [_detail(state, each) for each in found], params)


def _detail(state: Pipeline, attempt: Attempt) -> Json:
    declared = state.action(attempt.stage, attempt.action)
    wanted = {
        "actionTypeId": declared["actionTypeId"],
        "configuration": declared.get("configuration", {}),
        "resolvedConfiguration": attempt.configuration,
        "inputArtifacts": _artifacts(attempt.inputs),
        **_given(roleArn=declared.get("roleArn"), region=declared.get("region"), namespace=declared.get("namespace")),
    }
    result = _given(
        externalExecutionId=attempt.external_id,
        externalExecutionSummary=attempt.outcome.summary,
        externalExecutionUrl=attempt.external_url,
        errorDetails=_error(attempt),
    )
    made = {
        "outputArtifacts": _artifacts(attempt.outputs if attempt.status == SUCCEEDED else {}),
        "executionResult": result,
        "outputVariables": attempt.outcome.variables,
    }
    return {
        "pipelineExecutionId": attempt.execution,
        "actionExecutionId": attempt.id,
        "pipelineVersion": state.version,
        "stageName": attempt.stage,
        "actionName": attempt.action,
        "startTime": attempt.began,
        "lastUpdateTime": attempt.updated,
        "status": attempt.status,
        "input": wanted,
        "output": made,
        **_given(updatedBy=attempt.updated_by),
    }


def _artifacts(places: Mapping[str, S3Object]) -> list[Json]:
    return [{"name": name, "s3location": {"bucket": place.bucket, "key": place.key}} for name, place in places.items()]


def _error(attempt: Attempt) -> Json:
    return _given(code=attempt.outcome.error_code, message=attempt.outcome.error_message)


# --- stages ---


def pipeline_state(state: Pipeline) -> Json:
    """GetPipelineState: each stage's newest execution, and what waits before it."""
    return {
        "pipelineName": state.name,
        "pipelineVersion": state.version,
        "stageStates": [_stage(state, each) for each in state.declared["stages"]],
        "created": state.created,
        "updated": state.created,
    }


def _stage(state: Pipeline, declared: Params) -> Json:
    name = declared["name"]
    there = state.executions[state.latest[name]] if name in state.latest else None
    inbound = [_stage_execution(each, IN_PROGRESS) for each in state.waiting(name)]
    return {
        "stageName": name,
        "inboundTransitionState": _transition(state, name),
        "actionStates": [_action_state(state, there, name, each["name"]) for each in declared["actions"]],
        **_given(
            inboundExecutions=inbound,
            inboundExecution=inbound[-1] if inbound else None,
            latestExecution=_stage_execution(there, state.stage_status(there, name)) if there else None,
        ),
    }


def _stage_execution(found: Execution, status: str) -> Json:
    return {"pipelineExecutionId": found.id, "status": status, "type": found.type}


def _transition(state: Pipeline, stage: str) -> Json:
    disabled = state.disabled.get(stage)
    if disabled is None:
        return {"enabled": True}
    changed = {"lastChangedBy": disabled.by, "lastChangedAt": disabled.at, "disabledReason": disabled.reason}
    return {"enabled": False, **changed}


def _action_state(state: Pipeline, there: Execution | None, stage: str, name: str) -> Json:
    """Its last attempt in the stage's newest execution."""
    mine = [
        each
        for each in state.attempts.values()
        if there and (each.execution, each.stage, each.action) == (there.id, stage, name)
    ]
    if not mine:
        return {"actionName": name}
    attempt, revision = mine[-1], mine[-1].outcome.revision
    latest = {
        "actionExecutionId": attempt.id,
        "status": attempt.status,
        "lastStatusChange": attempt.updated,
        **_given(
            summary=attempt.outcome.summary,
            token=attempt.token if attempt.status == IN_PROGRESS and state.mode != PARALLEL else "",
            lastUpdatedBy=attempt.updated_by,
            externalExecutionId=attempt.external_id,
            externalExecutionUrl=attempt.external_url,
            errorDetails=_error(attempt),
        ),
    }
    found: Json = {"actionName": name, "latestExecution": latest}
    if revision:
        ids = {"revisionId": revision.id, "revisionChangeId": revision.id}
        created = attempt.updated if revision.created is None else revision.created
        found |= {"currentRevision": {**ids, "created": created}}
    return found
