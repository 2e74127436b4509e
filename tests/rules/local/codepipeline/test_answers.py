"""ecs_cd.local.codepipeline.rules.answers: each answer has the shape of botocore's model."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.local.codepipeline.rules import answers, executions
from ecs_cd.local.codepipeline.rules.service_error import ServiceError
from ecs_cd.local.codepipeline.rules.state import Outcome
from tests.rules.local.codepipeline.course import (
    APPROVE,
    BUILD,
    DEPLOY,
    FAILS,
    SOURCE,
    USER,
    Course,
    course,
    id_of,
    read,
)
from tests.scripted_aws import wire
from tests.scripted_aws.codepipeline import ARN


def shaped(operation: str, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, if the model allows it."""
    wire.check(wire.operation_model(f"codepipeline.{operation}").output_shape, answer, operation)
    return answer


def states() -> list[Course]:
    """Pipelines in which everything has happened that an answer can contain."""
    found = [course(variables=["V"])]
    retried = course(SOURCE, {**BUILD, "onFailure": {"result": "RETRY"}}, DEPLOY, APPROVE)
    retried.start()
    retried.ends("Source/Image", read())
    retried.ends("Build/Lint", FAILS)
    retried.passes("Build")
    retried.ends("Deploy/Deploy", FAILS)
    retried.retry(1, "Deploy")
    retried.passes("Deploy")
    retried.start()
    found.append(retried)
    stopped = course(SOURCE, DEPLOY, variables=["V"])
    stopped.disable("Deploy")
    for number in (1, 2):
        stopped.start()
        stopped.ends("Source/Image", read(f"sha256:{number}"))
    stopped.enable("Deploy")
    stopped.passes("Deploy", 1)
    stopped.stop(2, reason="why", abandon=True)
    stopped.roll_back("Deploy", 1)
    stopped.disable("Deploy")
    found.append(stopped)
    return found


@pytest.mark.parametrize("there", states())
def test_shapes(there: Course) -> None:
    """Whatever the state, AWS could have answered it."""
    shaped("GetPipeline", answers.pipeline(there.state))
    shaped("GetPipelineState", answers.pipeline_state(there.state))
    shaped("ListPipelines", answers.pipelines([there.state], {}))
    shaped("ListPipelineExecutions", answers.executions(there.state, {}))
    shaped("ListActionExecutions", answers.action_executions(there.state, {}))
    for id in there.state.executions:
        shaped("GetPipelineExecution", answers.execution(there.state, id))


def test_an_execution() -> None:
    """With what its sources have read and its variables."""
    there = course(SOURCE, DEPLOY, variables=["V"])
    there.start()
    there.ends("Source/Image", read())
    assert answers.execution(there.state, id_of(1)) == {
        "pipelineExecution": {
            "pipelineName": "my-app-deploy",
            "pipelineVersion": 3,
            "pipelineExecutionId": id_of(1),
            "status": "InProgress",
            "trigger": {"triggerType": "StartPipelineExecution", "triggerDetail": USER},
            "executionMode": "QUEUED",
            "executionType": "STANDARD",
            "artifactRevisions": [
                {
                    "name": "Image",
                    "revisionId": "sha256:1",
                    "revisionSummary": "pushed",
                    "created": 900.0,
                }
            ],
            "variables": [{"name": "V", "resolvedValue": "none"}],
        }
    }
    with pytest.raises(ServiceError, match="does not have an execution"):
        answers.execution(there.state, id_of(2))


def test_executions_are_listed_newest_first() -> None:
    """In pages; or those that succeeded in a stage."""
    there = course(SOURCE, DEPLOY)
    for number in (1, 2, 3):
        there.start()
        there.passes("Source", number)
    first = answers.executions(there.state, {"maxResults": 2})
    rest = answers.executions(there.state, {"maxResults": 2, "nextToken": first["nextToken"]})
    pages = [first["pipelineExecutionSummaries"], rest["pipelineExecutionSummaries"]]
    assert [[each["pipelineExecutionId"] for each in page] for page in pages] == [[id_of(3), id_of(2)], [id_of(1)]]
    assert "nextToken" not in rest
    there.passes("Deploy", 1)
    found = answers.executions(there.state, {"filter": {"succeededInStage": {"stageName": "Deploy"}}})
    assert [each["pipelineExecutionId"] for each in found["pipelineExecutionSummaries"]] == [id_of(1)]
    with pytest.raises(ServiceError) as error:
        answers.executions(there.state, {"nextToken": "x"})
    assert error.value.code == "InvalidNextTokenException"


def test_an_action() -> None:
    """Its configuration before and after, its artifacts, its result and its variables."""
    there = course(SOURCE, DEPLOY)
    there.start()
    (attempt,) = there.state.attempts.values()
    there.change(lambda state, now: executions.report(state, attempt.id, "ext", "https://ext", now))
    there.ends("Source/Image", read())
    found = answers.action_executions(there.state, {})["actionExecutionDetails"][-1]
    place = attempt.outputs["Image"]
    assert found == {
        "pipelineExecutionId": id_of(1),
        "actionExecutionId": attempt.id,
        "pipelineVersion": 3,
        "stageName": "Source",
        "actionName": "Image",
        "startTime": 1001.0,
        "lastUpdateTime": 1003.0,
        "status": "Succeeded",
        "input": {
            "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "ECR", "version": "1"},
            "configuration": {"RepositoryName": "my-app"},
            "resolvedConfiguration": {"RepositoryName": "my-app"},
            "inputArtifacts": [],
            "namespace": "Image",
        },
        "output": {
            "outputArtifacts": [{"name": "Image", "s3location": {"bucket": place.bucket, "key": place.key}}],
            "executionResult": {"externalExecutionId": "ext", "externalExecutionUrl": "https://ext"},
            "outputVariables": {"ImageDigest": "sha256:1"},
        },
    }


def test_actions_by_execution() -> None:
    """All of them, or the latest attempt of each; newest first."""
    there = course(DEPLOY)
    there.start()
    there.ends("Deploy/Deploy", FAILS)
    there.retry(1, "Deploy")
    there.passes("Deploy")
    there.start()

    def statuses(**chosen: Any) -> list[str]:
        found = answers.action_executions(there.state, {"filter": chosen} if chosen else {})
        return [each["status"] for each in found["actionExecutionDetails"]]

    assert statuses() == ["InProgress", "Succeeded", "Failed"]
    assert statuses(pipelineExecutionId=id_of(1)) == ["Succeeded", "Failed"]
    for range, expected in (("All", ["Succeeded", "Failed"]), ("Latest", ["Succeeded"])):
        latest = {"pipelineExecutionId": id_of(1), "startTimeRange": range}
        assert statuses(latestInPipelineExecution=latest) == expected
    with pytest.raises(ServiceError) as error:
        statuses(pipelineExecutionId=id_of(9))
    assert error.value.code == "PipelineExecutionNotFoundException"


def test_a_failed_action() -> None:
    """With the code and the message, in the list and in the stage; its artifacts are not made."""
    there = course(SOURCE)
    there.start()
    there.ends("Source/Image", Outcome("JobFailed", "no such image"))
    (found,) = answers.action_executions(there.state, {})["actionExecutionDetails"]
    assert found["output"]["executionResult"] == {"errorDetails": {"code": "JobFailed", "message": "no such image"}}
    assert found["output"]["outputArtifacts"] == []
    (stage,) = answers.pipeline_state(there.state)["stageStates"]
    assert stage["latestExecution"]["status"] == "Failed"
    assert stage["actionStates"][0]["latestExecution"]["errorDetails"]["message"] == "no such image"


def test_stages() -> None:
    """The newest execution of each, and those before it."""
    there = course(SOURCE, DEPLOY)
    for number in (1, 2, 3):
        there.start()
        there.ends("Source/Image", read(f"sha256:{number}"))
    source, deploy = answers.pipeline_state(there.state)["stageStates"]
    assert source["latestExecution"] == {"pipelineExecutionId": id_of(3), "status": "Succeeded", "type": "STANDARD"}
    assert source["actionStates"][0]["currentRevision"]["revisionId"] == "sha256:3"
    assert deploy["latestExecution"] == {"pipelineExecutionId": id_of(1), "status": "InProgress", "type": "STANDARD"}
    assert [each["pipelineExecutionId"] for each in deploy["inboundExecutions"]] == [id_of(2), id_of(3)]
    assert deploy["inboundTransitionState"] == {"enabled": True}


@pytest.mark.parametrize(("mode", "shown"), [("QUEUED", True), ("PARALLEL", False)])
def test_the_token_of_an_approval(mode: str, shown: bool) -> None:
    """It is in the state while the approval waits; in PARALLEL it is the external id in the list."""
    there = course(APPROVE, mode=mode)
    there.start()
    (attempt,) = there.state.attempts.values()

    def latest() -> dict[str, Any]:
        stage = answers.pipeline_state(there.state)["stageStates"][0]
        return dict(stage["actionStates"][0]["latestExecution"])

    assert latest().get("token") == (attempt.token if shown else None)
    (listed,) = answers.action_executions(there.state, {})["actionExecutionDetails"]
    assert listed["output"]["executionResult"] == ({} if shown else {"externalExecutionId": attempt.token})
    there.approve(summary="yes")
    assert "token" not in latest()
    assert (latest()["summary"], latest()["lastUpdatedBy"]) == ("yes", USER)


def test_stops_and_rollbacks_are_told() -> None:
    """Why it was stopped, and what it goes back to."""
    _, _, stopped = states()
    found = answers.executions(stopped.state, {})["pipelineExecutionSummaries"]
    assert found[0]["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": id_of(1)}
    assert (found[0]["executionType"], found[0]["trigger"]["triggerType"]) == ("ROLLBACK", "ManualRollback")
    assert found[1]["stopTrigger"] == {"reason": "why"}


def test_the_pipeline() -> None:
    """As declared, with its ARN."""
    there = course()
    assert answers.pipeline(there.state)["pipeline"] == there.state.declared
    assert answers.pipeline(there.state)["metadata"]["pipelineArn"] == ARN
    assert [each["name"] for each in answers.pipelines([there.state], {})["pipelines"]] == ["my-app-deploy"]
