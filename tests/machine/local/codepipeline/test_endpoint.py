"""ecs_cd.local.codepipeline.endpoint: AWS's own clients against it."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd.local.codepipeline import wire
from ecs_cd.local.codepipeline.rules.state import Outcome
from tests.machine.local.codepipeline.serving import ACCOUNT, REGION, Served, served
from tests.rules.local.codepipeline.course import APPROVE, DEPLOY, SOURCE
from tests.scripted_aws.codepipeline import declaration

NAME = "my-app-deploy"
TARGET = "CodePipeline_20150709"
PREFIXES = {"codepipeline": TARGET, "codebuild": "CodeBuild_20161006", "codedeploy": "CodeDeploy_20141006"}


@pytest.fixture
def there() -> Iterator[Served]:
    with served(declaration(SOURCE, APPROVE, DEPLOY, variables=["V"])) as found:
        yield found


def code_of(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call()
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def token(client: Any) -> str:
    state = client.get_pipeline_state(name=NAME)["stageStates"][1]["actionStates"][0]
    return str(state["latestExecution"]["token"])


def approve(there: Served, status: str = "Approved") -> None:
    there.until_said("waits for an approval")
    client = there.client()
    result = {"summary": "by a person", "status": status}
    client.put_approval_result(
        pipelineName=NAME, stageName="Approve", actionName="Approve", result=result, token=token(client)
    )


def test_a_pipeline_from_start_to_end(there: Served) -> None:
    """boto3 starts, approves, and reads it."""
    client = there.client()
    assert [each["name"] for each in client.list_pipelines()["pipelines"]] == [NAME]
    assert client.get_pipeline(name=NAME)["metadata"]["pipelineArn"] == (
        f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:{NAME}"
    )
    values = [{"name": "V", "value": "1"}]
    started = client.start_pipeline_execution(name=NAME, variables=values, clientRequestToken="a-1")
    id = started["pipelineExecutionId"]
    assert client.start_pipeline_execution(name=NAME, clientRequestToken="a-1")["pipelineExecutionId"] == id
    approve(there)
    there.until_ended()
    execution = client.get_pipeline_execution(pipelineName=NAME, pipelineExecutionId=id)["pipelineExecution"]
    assert (execution["status"], execution["variables"]) == ("Succeeded", [{"name": "V", "resolvedValue": "1"}])
    (summary,) = client.list_pipeline_executions(pipelineName=NAME)["pipelineExecutionSummaries"]
    assert summary["startTime"].microsecond % 1000 == 0 and summary["startTime"] <= summary["lastUpdateTime"]
    chosen = {"pipelineExecutionId": id}
    pages = client.get_paginator("list_action_executions").paginate(
        pipelineName=NAME, filter=chosen, PaginationConfig={"PageSize": 2}
    )
    found = [each["actionName"] for page in pages for each in page["actionExecutionDetails"]]
    assert found == ["Deploy", "Tell", "Approve", "Image"]


def test_stop_retry_rollback_and_transitions(there: Served) -> None:
    """The operations that change an execution."""
    client = there.client()
    client.disable_stage_transition(pipelineName=NAME, stageName="Deploy", transitionType="Inbound", reason="later")
    first = client.start_pipeline_execution(name=NAME)["pipelineExecutionId"]
    approve(there)
    there.until_said("waits before stage Deploy")
    transition = client.get_pipeline_state(name=NAME)["stageStates"][2]["inboundTransitionState"]
    assert (transition["enabled"], transition["disabledReason"]) == (False, "later")
    there.runners.outcomes["Deploy"] = Outcome("JobFailed", "no")
    client.enable_stage_transition(pipelineName=NAME, stageName="Deploy", transitionType="Inbound")
    there.until_ended()
    del there.runners.outcomes["Deploy"]
    retry = {"pipelineName": NAME, "stageName": "Deploy", "retryMode": "FAILED_ACTIONS"}
    client.retry_stage_execution(**retry, pipelineExecutionId=first)
    there.until_ended()
    rollback = client.rollback_stage(pipelineName=NAME, stageName="Deploy", targetPipelineExecutionId=first)
    there.until_ended()
    second = client.start_pipeline_execution(name=NAME)["pipelineExecutionId"]
    client.stop_pipeline_execution(pipelineName=NAME, pipelineExecutionId=second, abandon=True, reason="enough")
    found = client.list_pipeline_executions(pipelineName=NAME)["pipelineExecutionSummaries"]
    assert [each["status"] for each in found] == ["Stopped", "Succeeded", "Succeeded"]
    assert found[1]["pipelineExecutionId"] == rollback["pipelineExecutionId"]
    assert found[0]["stopTrigger"] == {"reason": "enough"}


def test_builds() -> None:
    """BatchGetBuilds and StopBuild of the actions' builds."""
    with served(declaration(DEPLOY)) as there:
        client = there.client("codebuild")
        found = client.batch_get_builds(ids=["migrate:1", "other:1"])
        assert ([each["id"] for each in found["builds"]], found["buildsNotFound"]) == (["migrate:1"], ["other:1"])
        assert client.stop_build(id="migrate:1")["build"]["id"] == "migrate:1"
        assert there.builds.stopped == ["migrate:1"]
        assert code_of(lambda: client.stop_build(id="other:1"))[0] == "ResourceNotFoundException"


NOBODY = str(uuid.UUID(int=9))


@pytest.mark.parametrize(
    ("operation", "request_", "code", "words"),
    [
        ("get_pipeline", {"name": "other"}, "PipelineNotFoundException", "Account '123456789012' does not have"),
        ("get_pipeline_execution", {"pipelineName": NAME, "pipelineExecutionId": NOBODY}, "PipelineExecutionNotFoundException", NOBODY),
        ("get_pipeline", {"name": "no spaces"}, "ValidationException", "Value 'no spaces' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern"),
        ("get_pipeline", {"name": "x" * 101}, "ValidationException", "have length less than or equal to 100"),
        ("start_pipeline_execution", {"name": NAME, "clientRequestToken": "a_b"}, "ValidationException", "'clientRequestToken'"),
        ("start_pipeline_execution", {"name": NAME, "variables": [{"name": "V", "value": "a\nb"}]}, "ValidationException", "'variables.1.member.value'"),
        ("start_pipeline_execution", {"name": NAME, "variables": [{"name": "W", "value": "1"}]}, "ValidationException", "does not declare the variables: W"),
        ("list_action_executions", {"pipelineName": NAME, "maxResults": 101}, "ValidationException", "value less than or equal to 100"),
        ("list_pipeline_executions", {"pipelineName": NAME, "nextToken": "x"}, "InvalidNextTokenException", "'x'"),
        ("create_pipeline", {"pipeline": {"name": "p", "roleArn": "r", "stages": []}}, "UnknownOperationException", "the local CodePipeline has no operation CodePipeline_20150709.CreatePipeline"),
        ("retry_stage_execution", {"pipelineName": NAME, "stageName": "Deploy", "pipelineExecutionId": NOBODY, "retryMode": "SOME"}, "ValidationException", "enum value set: [FAILED_ACTIONS, ALL_ACTIONS]"),
    ],
)  # fmt: skip
def test_errors(there: Served, operation: str, request_: dict[str, Any], code: str, words: str) -> None:
    """As AWS sends them."""
    found, message = code_of(lambda: getattr(there.client(), operation)(**request_))
    assert found == code and words in message


def test_deployments(there: Served) -> None:
    """CodeDeploy's; what they refuse goes through."""
    client = there.client("codedeploy")
    assert (
        code_of(lambda: client.batch_get_deployment_targets(deploymentId="d-1", targetIds=["c:s"]))[0]
        == "DeploymentDoesNotExistException"
    )
    assert code_of(lambda: client.create_deployment(applicationName="a"))[0] == "UnknownOperationException"


# --- requests that no client of AWS sends ---


def post(there: Served, body: bytes, target: str = f"{TARGET}.GetPipeline", **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", there.endpoint.server_port, timeout=60)
    try:
        given = {"X-Amz-Target": target, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request("POST", "/", body, given)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "SerializationException"),
        (b"[]", "SerializationException"),
        (b"{}", "ValidationException"),
        (b'{"name": 1}', "SerializationException"),
        (b'{"name": "my-app-deploy", "nmae": 1}', "SerializationException"),
        (b'{"name": null}', "ValidationException"),
        (b'{"name": "my-app-deploy"}', None),
    ],
)
def test_bodies(there: Served, body: bytes, code: str | None) -> None:
    """An invalid request is refused, also one with a member that the model does not have."""
    status, answer = post(there, body)
    assert (status, answer.get("__type")) == (400 if code else 200, code)


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "evil.example:80"}, {"Host": "["}, {"Host": ""}, {"Origin": "https://evil"}],
)
def test_a_web_page_gets_nothing(there: Served, headers: dict[str, str]) -> None:
    """Neither by a name that resolves to loopback nor from its own origin."""
    body = b'{"name": "my-app-deploy"}'
    assert post(there, body, **headers)[0] == 403
    assert post(there, body, Host="localhost:99")[0] == 200


def test_a_long_body_is_not_read(there: Served) -> None:
    """Nor one without a length."""
    assert post(there, b"", Content_Length="99999999")[0] == 413


def test_a_fault_is_told(there: Served) -> None:
    """The client gets a 500, the log the traceback."""

    def fails(request: Mapping[str, Any]) -> dict[str, Any]:
        raise KeyError("x")

    there.endpoint.operations = {"codepipeline": {"GetPipeline": fails}}
    status, answer = post(there, b'{"name": "my-app-deploy"}')
    assert (status, answer["__type"]) == (500, "InternalFailure")
    there.until_said("KeyError: 'x'")


def test_patterns_are_python_s(there: Served) -> None:
    """Every pattern of the shapes that requests have is one of `re`, too."""
    for service, operations in there.endpoint.operations.items():
        for name in operations:
            prefix = PREFIXES[service]
            for each in _shapes(wire.operation(f"{prefix}.{name}").input_shape):
                re.compile(each.metadata.get("pattern", ""))


def _shapes(shape: Any) -> Iterator[Any]:
    yield shape
    kind = shape.type_name
    for each in shape.members.values() if kind == "structure" else [shape.member] if kind == "list" else []:
        yield from _shapes(each)


# --- the AWS CLI ---


def test_the_aws_cli(there: Served, tmp_path: Path) -> None:
    """Its commands as people type them; it reads the answers with its own copy of the models."""
    folder = Path(sys.executable).parent
    env = {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL_CODEPIPELINE": there.endpoint.url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_MAX_ATTEMPTS": "1",
        "NO_PROXY": "127.0.0.1",
    }

    def aws(*words: str) -> Any:
        command = [str(folder / "aws"), "codepipeline", *words, "--output", "json"]
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")

    gate = there.runners.gates["Deploy"] = threading.Event()
    id = aws("start-pipeline-execution", "--name", NAME, "--variables", "name=V,value=1")["pipelineExecutionId"]
    there.until_said("waits for an approval")
    approval = aws("get-pipeline-state", "--name", NAME)["stageStates"][1]["actionStates"][0]["latestExecution"]
    where = ["--pipeline-name", NAME, "--stage-name", "Approve", "--action-name", "Approve"]
    aws("put-approval-result", *where, "--result", "summary=yes,status=Approved", "--token", approval["token"])
    gate.set()
    there.until_ended()
    actions = aws("list-action-executions", "--pipeline-name", NAME, "--filter", f"pipelineExecutionId={id}")
    found = [(each["actionName"], each["status"]) for each in actions["actionExecutionDetails"]]
    assert found == [(name, "Succeeded") for name in ("Deploy", "Tell", "Approve", "Image")]
