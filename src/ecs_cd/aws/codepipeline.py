"""CodePipeline: a pipeline's declaration and state, executions and their actions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws, pages
from ecs_cd.model.errors import Refused

Json = dict[str, Any]

MISSING_PIPELINE = "PipelineNotFoundException"
MISSING_EXECUTION = "PipelineExecutionNotFoundException"
_NO_EXECUTION = "00000000-0000-0000-0000-000000000000"
_PAGE = 100  # the maximum for ListActionExecutions and ListPipelineExecutions
_STOP_REASON = 200  # characters, at most


def pipeline(aws: Aws, name: str) -> Json:
    """Returns the pipeline's declaration. Raises ``Refused`` if the pipeline does not exist."""
    try:
        answer = aws.client("codepipeline").get_pipeline(name=name)
    except ClientError as error:
        if code(error) == MISSING_PIPELINE:
            raise Refused(
                f"there is no pipeline {name} in {aws.region}",
                "The infra repo creates it; `pipeline.name` in the document names it. Check the region, too.",
            ) from error
        raise
    found: Json = answer["pipeline"]
    return found


def stages(aws: Aws, name: str) -> list[Json]:
    """Returns the state of the pipeline's stages: about each stage's newest execution."""
    found: list[Json] = aws.client("codepipeline").get_pipeline_state(name=name)["stageStates"]
    return found


def look_at_stages(aws: Aws, name: str) -> list[Json]:
    """The same, for polling: no retries. Without the pipeline there are no stages."""
    try:
        found: list[Json] = aws.once("codepipeline").get_pipeline_state(name=name)["stageStates"]
    except ClientError as error:
        if code(error) == MISSING_PIPELINE:
            return []
        raise
    return found


def execution(aws: Aws, name: str, execution_id: str) -> Json:
    """Returns an execution. Raises ``Refused`` if CodePipeline does not know it."""
    client = aws.client("codepipeline")
    try:
        answer = client.get_pipeline_execution(pipelineName=name, pipelineExecutionId=execution_id)
    except ClientError as error:
        if code(error) in (MISSING_PIPELINE, MISSING_EXECUTION):
            raise Refused(
                f"the pipeline {name} in {aws.region} has no execution {execution_id}",
                "Check the pipeline's name, the execution's id and the region.",
            ) from error
        raise
    found: Json = answer["pipelineExecution"]
    return found


def look_at_execution(aws: Aws, name: str, execution_id: str) -> Json | None:
    """Returns an execution, or ``None`` if CodePipeline does not know it. For polling: no retries."""
    client = aws.once("codepipeline")
    try:
        answer = client.get_pipeline_execution(pipelineName=name, pipelineExecutionId=execution_id)
    except ClientError as error:
        if code(error) in (MISSING_PIPELINE, MISSING_EXECUTION):
            return None
        raise
    found: Json = answer["pipelineExecution"]
    return found


def executions(aws: Aws, name: str, most: int = _PAGE) -> list[Json]:
    """Returns the summaries of the newest executions, newest first."""
    client = aws.client("codepipeline")
    found: list[Json] = client.list_pipeline_executions(pipelineName=name, maxResults=most)[
        "pipelineExecutionSummaries"
    ]
    return found


def try_to_follow(aws: Aws, name: str) -> None:
    """Makes the calls that follow an execution, for one that does not exist. Raises AWS's error if one is denied."""
    client = aws.client("codepipeline")
    pipeline: Json = {"pipelineName": name}
    calls = (
        partial(client.get_pipeline_execution, **pipeline, pipelineExecutionId=_NO_EXECUTION),
        partial(client.list_action_executions, **pipeline, maxResults=1),
        partial(client.list_pipeline_executions, **pipeline, maxResults=1),
    )
    for call in calls:
        try:
            call()
        except ClientError as error:
            if code(error) not in (MISSING_PIPELINE, MISSING_EXECUTION):
                raise


def actions(aws: Aws, name: str, execution_id: str) -> list[Json]:
    """Returns the execution's actions, newest first."""
    return _actions(aws.client("codepipeline"), name, execution_id)


def look_at_actions(aws: Aws, name: str, execution_id: str) -> list[Json] | None:
    """The same, or ``None`` if CodePipeline does not know the execution. For polling: no retries."""
    try:
        return _actions(aws.once("codepipeline"), name, execution_id)
    except ClientError as error:
        if code(error) in (MISSING_PIPELINE, MISSING_EXECUTION):
            return None
        raise


def _actions(client: Any, name: str, execution_id: str) -> list[Json]:
    request: Json = {"pipelineName": name, "maxResults": _PAGE, "filter": {"pipelineExecutionId": execution_id}}
    return [each for page in pages(client.list_action_executions, request) for each in page["actionExecutionDetails"]]


def start(aws: Aws, request: Mapping[str, Any]) -> str:
    """Calls StartPipelineExecution and returns the execution's id. Never retries."""
    return str(aws.once("codepipeline").start_pipeline_execution(**request)["pipelineExecutionId"])


def stop(aws: Aws, name: str, execution_id: str, reason: str) -> bool:
    """Stops the execution after its running actions. Returns ``False`` if it has ended or is already stopping."""
    try:
        aws.client("codepipeline").stop_pipeline_execution(
            pipelineName=name, pipelineExecutionId=execution_id, abandon=False, reason=reason[:_STOP_REASON]
        )
    except ClientError as error:
        if code(error) in ("PipelineExecutionNotStoppableException", "DuplicatedStopRequestException"):
            return False
        raise
    return True
