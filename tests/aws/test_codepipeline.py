"""What each function asks CodePipeline, and what it makes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import codepipeline
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Refused
from tests.aws import requests
from tests.aws.conftest import SignedAws
from tests.aws.requests import Row
from tests.scripted_aws import Params, denied, error, server_error, throttled
from tests.scripted_aws.codepipeline import NAME, declaration
from tests.scripted_aws.course import execution_id

ID = execution_id(1)
MINE = {"pipelineName": NAME, "pipelineExecutionId": ID}
EXECUTION: Params = {"pipelineExecution": {**MINE, "status": "InProgress"}}
STATE: Params = {"stageStates": [{"stageName": "Deploy"}]}
SUMMARY: Params = {"pipelineExecutionId": ID, "status": "InProgress"}
ACTION: Params = {"stageName": "Deploy", "actionName": "Deploy"}
ACTIONS: Params = {"pipelineName": NAME, "filter": {"pipelineExecutionId": ID}, "maxResults": 100}
LISTED: Params = {"pipelineExecutionSummaries": [SUMMARY]}
STOP: Params = {**MINE, "abandon": False, "reason": "r" * 200}

ROWS = [
    Row("a pipeline", lambda aws: codepipeline.pipeline(aws, NAME)["pipelineType"], "codepipeline.GetPipeline",
     {"pipeline": declaration()}, {"name": NAME}, "V2"),
    Row("its stages", lambda aws: codepipeline.stages(aws, NAME), "codepipeline.GetPipelineState", STATE, {"name": NAME},
     STATE["stageStates"]),
    Row("look at its stages", lambda aws: codepipeline.look_at_stages(aws, NAME), "codepipeline.GetPipelineState", STATE,
     {"name": NAME}, STATE["stageStates"]),
    Row("an execution", lambda aws: codepipeline.execution(aws, NAME, ID)["status"],
     "codepipeline.GetPipelineExecution", EXECUTION, MINE, "InProgress"),
    Row("look at an execution", lambda aws: (codepipeline.look_at_execution(aws, NAME, ID) or {})["status"],
     "codepipeline.GetPipelineExecution", EXECUTION, MINE, "InProgress"),
    Row("the newest executions", lambda aws: codepipeline.executions(aws, NAME), "codepipeline.ListPipelineExecutions",
     LISTED, {"pipelineName": NAME, "maxResults": 100}, [SUMMARY]),
    Row("an execution's actions", lambda aws: codepipeline.actions(aws, NAME, ID),
     "codepipeline.ListActionExecutions", {"actionExecutionDetails": [ACTION]}, ACTIONS, [ACTION]),
    Row("look at its actions", lambda aws: codepipeline.look_at_actions(aws, NAME, ID),
     "codepipeline.ListActionExecutions", {"actionExecutionDetails": [ACTION]}, ACTIONS, [ACTION]),
    Row("start", lambda aws: codepipeline.start(aws, {"name": NAME, "clientRequestToken": "t"}),
     "codepipeline.StartPipelineExecution", {"pipelineExecutionId": ID}, {"name": NAME, "clientRequestToken": "t"}, ID),
    Row("stop", lambda aws: codepipeline.stop(aws, NAME, ID, "r" * 300), "codepipeline.StopPipelineExecution",
     {"pipelineExecutionId": ID}, STOP, True),
]  # fmt: skip


@requests.each(ROWS)
def test_a_function_makes_this_one_request(row: Row, aws: SignedAws, ours: Aws) -> None:
    """One call, with parameters that botocore's model has."""
    requests.check(row, aws, ours)


def test_every_page_of_the_actions_is_read(aws: SignedAws, ours: Aws) -> None:
    """In the order of AWS's list."""
    first = {"actionExecutionDetails": [ACTION], "nextToken": "2"}
    aws.on("codepipeline.ListActionExecutions", first)
    aws.on("codepipeline.ListActionExecutions", {"actionExecutionDetails": [ACTION]}, where={"nextToken": "2"})
    assert codepipeline.look_at_actions(ours, NAME, ID) == [ACTION, ACTION]


MISSING = [error("PipelineNotFoundException"), error("PipelineExecutionNotFoundException")]


@pytest.mark.parametrize("answer", MISSING, ids=lambda each: each.code)
@pytest.mark.parametrize(
    ("look", "operation"),
    [
        (codepipeline.look_at_execution, "codepipeline.GetPipelineExecution"),
        (codepipeline.look_at_actions, "codepipeline.ListActionExecutions"),
    ],
)
def test_what_is_not_there_is_none(
    look: Callable[..., Any], operation: str, answer: Any, aws: SignedAws, ours: Aws
) -> None:
    """Not yet, or no longer: the caller knows which."""
    aws.on(operation, answer)
    assert look(ours, NAME, ID) is None


@pytest.mark.parametrize("answer", MISSING, ids=lambda each: each.code)
def test_an_execution_that_has_to_be_there_is_refused(answer: Any, aws: SignedAws, ours: Aws) -> None:
    """With the names of both, and the region."""
    aws.on("codepipeline.GetPipelineExecution", answer)
    with pytest.raises(Refused, match=f"the pipeline {NAME} in ap-northeast-1 has no execution {ID}"):
        codepipeline.execution(ours, NAME, ID)


def test_a_pipeline_that_is_gone_has_no_stages(aws: SignedAws, ours: Aws) -> None:
    """For polls; before the start it is a refusal, with its name and the region."""
    aws.on("codepipeline.GetPipelineState", MISSING[0])
    aws.on("codepipeline.GetPipeline", MISSING[0])
    assert codepipeline.look_at_stages(ours, NAME) == []
    with pytest.raises(Refused, match=f"there is no pipeline {NAME} in ap-northeast-1"):
        codepipeline.pipeline(ours, NAME)


@pytest.mark.parametrize("code", ["PipelineExecutionNotStoppableException", "DuplicatedStopRequestException"])
def test_what_has_ended_needs_no_stop(code: str, aws: SignedAws, ours: Aws) -> None:
    """Nor what is being stopped."""
    aws.on("codepipeline.StopPipelineExecution", error(code))
    assert codepipeline.stop(ours, NAME, ID, "cancelled") is False


FOLLOWING = ("GetPipelineExecution", "ListActionExecutions", "ListPipelineExecutions")


def following(aws: SignedAws) -> None:
    aws.on("codepipeline.GetPipelineExecution", error("PipelineExecutionNotFoundException"))
    aws.on("codepipeline.ListActionExecutions", {"actionExecutionDetails": []})
    aws.on("codepipeline.ListPipelineExecutions", {"pipelineExecutionSummaries": []})


def test_a_role_that_may_follow_is_no_error(aws: SignedAws, ours: Aws) -> None:
    """Also if the pipeline has had no execution yet."""
    following(aws)
    codepipeline.try_to_follow(ours, NAME)
    assert [call.operation.partition(".")[2] for call in aws.calls] == list(FOLLOWING)


@pytest.mark.parametrize("operation", FOLLOWING)
def test_a_role_that_may_not_follow_is_one(operation: str, aws: SignedAws, ours: Aws) -> None:
    """AWS checks the role before it looks for the execution."""
    following(aws)
    aws.on(f"codepipeline.{operation}", denied(operation))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        codepipeline.try_to_follow(ours, NAME)


LOOKS: list[tuple[str, Callable[[Aws], Any]]] = [
    ("GetPipelineExecution", lambda aws: codepipeline.look_at_execution(aws, NAME, ID)),
    ("ListActionExecutions", lambda aws: codepipeline.look_at_actions(aws, NAME, ID)),
    ("GetPipelineState", lambda aws: codepipeline.look_at_stages(aws, NAME)),
    ("StartPipelineExecution", lambda aws: codepipeline.start(aws, {"name": NAME})),
]


@pytest.mark.parametrize(("operation", "call"), LOOKS, ids=[name for name, _ in LOOKS])
@pytest.mark.parametrize("fault", [throttled(), server_error()], ids=["throttled", "503"])
def test_polls_and_the_start_are_made_once(
    operation: str, call: Callable[[Aws], Any], fault: Any, aws: SignedAws, ours: Aws
) -> None:
    """The next poll is the retry, and the start has its own."""
    aws.on(f"codepipeline.{operation}", fault)
    with pytest.raises(ClientError):
        call(ours)
    assert aws.count(f"codepipeline.{operation}") == 1
