"""The scripted AWS itself: what boto3 sees of it, and what it does not let pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.scripted_aws import (
    Call,
    Clock,
    ScriptedAws,
    ScriptError,
    Unmodelled,
    at,
    denied,
    ecs,
    error,
    expired,
    garbled,
    lost,
    moment,
    reset,
    server_error,
    throttled,
)

WEB = {"cluster": "my-cluster", "services": ["web"]}
SCHEDULE = {
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "ScheduleExpression": "rate(1 hour)",
    "Target": {
        "Arn": "arn:aws:ecs:ap-northeast-1:1:cluster/c",
        "RoleArn": "arn:aws:iam::1:role/r",
    },
}
KEYS = {"AccessKeyId": "A" * 16, "SecretAccessKey": "<&>", "SessionToken": "t", "Expiration": moment(9)}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedAws]:
    with ScriptedAws(Clock()) as scripted:
        scripted.use(monkeypatch)
        yield scripted


@lru_cache
def session() -> Any:
    """One, so that each model is loaded once."""
    return boto3.Session()


def client(aws: ScriptedAws, service: str, attempts: int = 1) -> Any:
    return session().client(
        service,
        region_name=aws.environ["AWS_REGION"],
        aws_access_key_id="AKIDSCRIPTED",
        aws_secret_access_key="scripted",
        config=Config(retries={"total_max_attempts": attempts}),
    )


def refused(aws: ScriptedAws, service: str, operation: str, **params: Any) -> dict[str, Any]:
    """The error that boto3 raises, with its HTTP status."""
    with pytest.raises(ClientError) as raised:
        getattr(client(aws, service), operation)(**params)
    response: Any = raised.value.response
    return {**response["Error"], "Status": response["ResponseMetadata"]["HTTPStatusCode"]}


def rollout_state(api: Any) -> str:
    return str(api.describe_services(**WEB)["services"][0]["deployments"][0]["rolloutState"])


def ended(aws: ScriptedAws) -> str:
    """What the end of the test says of the violations."""
    with pytest.raises(AssertionError) as raised:
        aws.close()
    aws.violations.clear()
    return str(raised.value)


# --- calls and answers ---


def test_a_valid_call_is_answered_and_recorded(aws: ScriptedAws) -> None:
    """The answer is as written, and the call is kept with its parameters, its time and its region."""
    aws.on("ecs.DescribeServices", {"services": [ecs.service()]})
    aws.clock.sleep(3)
    answer = client(aws, "ecs").describe_services(**WEB)
    assert answer["services"] == [ecs.service()]
    assert aws.calls == [Call("ecs.DescribeServices", WEB, 3, "answered", "ap-northeast-1")]
    assert answer["ResponseMetadata"]["HTTPHeaders"]["date"] == "Thu, 01 Jan 2026 00:00:03 GMT"


def test_answers_follow_the_virtual_time(aws: ScriptedAws) -> None:
    """At each call the last answer that is due."""
    states = ("IN_PROGRESS", "FAILED", "COMPLETED")
    snapshots = [{"services": [ecs.service(deployments=[ecs.deployment(rollout_state=s)])]} for s in states]
    aws.on("ecs.DescribeServices", *(at(5 * n, snapshot) for n, snapshot in enumerate(snapshots)))
    api, seen = client(aws, "ecs"), []
    for _ in range(4):
        seen.append(rollout_state(api))
        aws.clock.sleep(4)
    assert seen == ["IN_PROGRESS", "IN_PROGRESS", "FAILED", "COMPLETED"]


def test_a_timeline_can_start_at_a_call(aws: ScriptedAws) -> None:
    """Until AWS has carried out the call, the previous rule answers; a throttled call does not count, a lost one does."""
    completed, failed = (
        {"services": [ecs.service(deployments=[ecs.deployment(rollout_state=state)])]}
        for state in ("COMPLETED", "FAILED")
    )
    aws.on("ecs.DescribeServices", completed)
    aws.on("ecs.DescribeServices", at(2, failed), after="ecs.UpdateService")
    aws.on("ecs.UpdateService", throttled(), lost({"service": ecs.service()}))
    api, seen = client(aws, "ecs"), []
    for _ in range(2):
        with pytest.raises((ClientError, ConnectionClosedError)):
            api.update_service(service="web")
        for _ in range(2):
            seen.append(rollout_state(api))
            aws.clock.sleep(2)
    seen.append(rollout_state(api))
    assert seen == ["COMPLETED"] * 3 + ["FAILED"] * 2
    assert [call.outcome for call in aws.calls if call.operation == "ecs.UpdateService"] == [
        "ThrottlingException",
        "lost",
    ]
    assert (aws.count("ecs.UpdateService"), aws.count("ecs.UpdateService", processed=True)) == (2, 1)


def test_a_garbled_answer_is_a_200_that_says_nothing(aws: ScriptedAws) -> None:
    """AWS does what was asked; boto3 makes an empty answer of a body that is not AWS's."""
    aws.on("ecs.UpdateService", garbled(b"<html>", {"service": ecs.service()}))
    answer = client(aws, "ecs").update_service(service="web")
    assert set(answer) == {"ResponseMetadata"}
    assert aws.count("ecs.UpdateService", processed=True) == 1


def test_answers_by_call_number_end_with_the_last_for_ever(aws: ScriptedAws) -> None:
    """One call, one answer; the last one stays."""
    aws.on("ssm.GetParameter", *({"Parameter": {"Value": value}} for value in "ab"))
    api = client(aws, "ssm")
    assert [api.get_parameter(Name="/a")["Parameter"]["Value"] for _ in range(3)] == ["a", "b", "b"]


def test_a_rule_can_be_for_some_parameters_only(aws: ScriptedAws) -> None:
    """`where` picks the calls; a function answers from the parameters."""
    aws.on("ssm.GetParameter", lambda params: {"Parameter": {"Value": params["Name"]}})
    aws.on("ssm.GetParameter", error("ParameterNotFound"), where={"Name": "/gone"})
    assert client(aws, "ssm").get_parameter(Name="/here")["Parameter"]["Value"] == "/here"
    assert refused(aws, "ssm", "get_parameter", Name="/gone")["Code"] == "ParameterNotFound"


# --- what is not let pass ---


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"services": [{"runing": 1}]}, 'services[0]: "runing"'),
        ({"services": [{"desiredCount": "1"}]}, "services[0].desiredCount"),
        ({"services": [{"deployments": [{"rolloutState": "DONE"}]}]}, "deployments[0].rolloutState"),
        (error("NoSuchThingException"), "NoSuchThingException"),
    ],
)
def test_an_answer_that_the_model_does_not_allow(aws: ScriptedAws, answer: Any, words: str) -> None:
    """Data is refused where it is written; a function's result is a violation, which boto3 sees too."""
    with pytest.raises(ScriptError) as raised:
        aws.on("ecs.DescribeServices", answer)
    assert words in str(raised.value)
    aws.on("ecs.DescribeServices", lambda params: answer)
    assert refused(aws, "ecs", "describe_services", **WEB)["Code"] == "ScriptedAwsViolation"
    assert words in ended(aws)


def test_a_value_that_aws_added_later_can_be_scripted(aws: ScriptedAws) -> None:
    """An enum's unknown value has to be meant."""
    deployment = ecs.deployment(rollout_state=Unmodelled("PONDERING"))
    aws.on("ecs.DescribeServices", {"services": [ecs.service(deployments=[deployment])]})
    assert rollout_state(client(aws, "ecs")) == "PONDERING"


@pytest.mark.parametrize("service", ["ecs", "sts", "s3", "scheduler"])
def test_an_unscripted_call_is_a_violation(aws: ScriptedAws, service: str) -> None:
    """In each protocol boto3 gets the distinct error, and the end of the test names the call."""
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "ecs": ("describe_services", WEB),
        "sts": ("get_caller_identity", {}),
        "s3": ("get_object", {"Bucket": "b", "Key": "k"}),
        "scheduler": ("get_schedule", {"Name": "s"}),
    }
    operation, params = calls[service]
    assert refused(aws, service, operation, **params)["Code"] == "ScriptedAwsViolation"
    assert aws.calls[0].outcome == "violation"
    assert f"{service}.{operation.title().replace('_', '')}: is not in the script" in ended(aws)


def test_a_request_that_the_model_does_not_allow_is_a_violation(aws: ScriptedAws) -> None:
    """boto3 does not check enums; AWS does."""
    aws.on("ecs.ListTasks", {"taskArns": []})
    assert refused(aws, "ecs", "list_tasks", desiredStatus="stopped")["Code"] == "ScriptedAwsViolation"
    assert "desiredStatus is 'stopped', none of RUNNING, PENDING, STOPPED" in ended(aws)


def test_a_mistake_in_a_function_is_a_violation(aws: ScriptedAws) -> None:
    """With its traceback, because it happens in the server's thread."""
    aws.on("ecs.DescribeServices", lambda params: {"services": params["servces"]})
    refused(aws, "ecs", "describe_services", **WEB)
    assert "KeyError: 'servces'" in ended(aws)


def test_an_operation_that_botocore_does_not_know_cannot_be_scripted(aws: ScriptedAws) -> None:
    """A misspelt operation would never be answered."""
    with pytest.raises(ValueError, match=r"ecs\.DescribeService"):
        aws.on("ecs.DescribeService", {})


# --- faults ---


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (throttled(), "ThrottlingException", 400),
        (denied(), "AccessDeniedException", 400),
        (expired(), "ExpiredTokenException", 400),
        (server_error(), "503", 503),
        (error("ServerException", "Service Unavailable.", 500), "ServerException", 500),
    ],
)
def test_an_error_is_what_boto3_raises(aws: ScriptedAws, fault: Any, code: str, status: int) -> None:
    """With the code and the HTTP status of the JSON protocol."""
    aws.on("ecs.DescribeServices", fault)
    problem = refused(aws, "ecs", "describe_services", **WEB)
    assert (problem["Code"], problem["Status"]) == (code, status)
    assert [call.outcome for call in aws.calls] == [code]


def test_each_protocol_has_its_own_errors(aws: ScriptedAws) -> None:
    """The model's code and status if it has them, else those of the protocol."""
    aws.on("sts.GetCallerIdentity", expired())
    aws.on("s3.GetObject", error("NoSuchKey"), denied())
    aws.on("scheduler.GetSchedule", error("ResourceNotFoundException", "gone"))
    asked = [
        refused(aws, "sts", "get_caller_identity"),
        refused(aws, "s3", "get_object", Bucket="b", Key="k"),
        refused(aws, "s3", "get_object", Bucket="b", Key="k"),
        refused(aws, "scheduler", "get_schedule", Name="s"),
    ]
    assert [(problem["Code"], problem["Status"]) for problem in asked] == [
        ("ExpiredToken", 403),
        ("NoSuchKey", 404),
        ("AccessDenied", 403),
        ("ResourceNotFoundException", 404),
    ]


def test_an_error_has_the_members_of_its_shape(aws: ScriptedAws) -> None:
    """Such as RunTask's conflict, which names the existing task."""
    aws.on("ecs.RunTask", error("ConflictException", resourceIds=["arn"]))
    api = client(aws, "ecs")
    with pytest.raises(api.exceptions.ConflictException) as raised:
        api.run_task(taskDefinition="web:1")
    assert raised.value.response["resourceIds"] == ["arn"]


@pytest.mark.parametrize(("fault", "started"), [(reset(), 1), (lost, 2)])
def test_a_reset_connection(aws: ScriptedAws, fault: Any, started: int) -> None:
    """Reset, nothing was done; lost, it was; boto3 sees the same. The next call has a connection again."""
    run_task = ecs.RunTask()
    aws.on("ecs.RunTask", fault(run_task) if fault is lost else fault, run_task)
    api = client(aws, "ecs")
    with pytest.raises(ConnectionClosedError):
        api.run_task(taskDefinition="web:1", clientToken="first")
    api.run_task(taskDefinition="web:1", clientToken="second")
    assert len(run_task.started) == started
    assert aws.count("ecs.RunTask", processed=True) == started


def test_boto3_repeats_a_lost_call_by_itself(aws: ScriptedAws) -> None:
    """Which is why a mutation is called with one attempt; the wait between the two is virtual."""
    aws.on("ecs.UpdateService", lost({"service": ecs.service()}), {"service": ecs.service()})
    client(aws, "ecs", attempts=2).update_service(service="web")
    assert aws.count("ecs.UpdateService", processed=True) == 2


# --- ECS ---


def test_run_task_starts_one_task_for_a_token(aws: ScriptedAws) -> None:
    """The same request again gets the same task; another one with the token is a conflict that names it."""
    run_task = ecs.RunTask()
    aws.on("ecs.RunTask", lost(run_task), run_task)
    api = client(aws, "ecs", attempts=2)
    again = [api.run_task(taskDefinition="web:1", clientToken="t")["tasks"][0]["taskArn"] for _ in range(2)]
    assert again == [run_task.started[0]["taskArn"]] * 2
    conflict = refused(aws, "ecs", "run_task", taskDefinition="web:2", clientToken="t")
    assert conflict["Code"] == "ConflictException"
    api.run_task(taskDefinition="web:1")
    assert len(run_task.started) == 2


def test_described_answers_what_was_asked_for(aws: ScriptedAws) -> None:
    """By name or ARN, in the order asked; the rest is MISSING."""
    aws.on("ecs.DescribeServices", ecs.described("services", ecs.service("web"), ecs.service("worker")))
    asked = [ecs.service("worker")["serviceArn"], "gone"]
    answer = client(aws, "ecs").describe_services(cluster="my-cluster", services=asked)
    assert [service["serviceName"] for service in answer["services"]] == ["worker"]
    assert [(failure["arn"][-15:], failure["reason"]) for failure in answer["failures"]] == [
        ("my-cluster/gone", "MISSING")
    ]


def test_the_builders_are_valid_and_speak_as_ecs_does(aws: ScriptedAws) -> None:
    """Their results match the model; their words are AWS's."""
    exited = [ecs.container(status="STOPPED", exitCode=1)]
    stopped = ecs.task(status="STOPPED", containers=exited, stopCode="EssentialContainerExited")
    aws.on("ecs.DescribeTasks", {"tasks": [ecs.task(), stopped]})
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 7)})
    back = ecs.deployment("ecs-svc/1", rollout_state="IN_PROGRESS", reason=ecs.rolling_back("ecs-svc/1"))
    failed = ecs.deployment("ecs-svc/2", "ACTIVE", "web:2", "FAILED", failed=3)
    service = ecs.service(deployments=[back, failed], events=[ecs.event("has started 1 tasks: (task abc).", 2)])
    aws.on("ecs.DescribeServices", {"services": [service]})
    assert service["events"][0]["message"] == "(service web) has started 1 tasks: (task abc)."
    assert [deployment["rolloutStateReason"] for deployment in service["deployments"]] == [
        "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.",
        "ECS deployment circuit breaker: tasks failed to start.",
    ]


# --- protocols ---


def test_timestamps_and_bytes_arrive_as_boto3_was_given_them(aws: ScriptedAws) -> None:
    """Of both directions, in JSON."""
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": [{"createdAt": moment(1.5)}]})
    aws.on("ecr.UploadLayerPart", {"lastByteReceived": 2})
    answer = client(aws, "ecs").list_service_deployments(service="web", createdAt={"after": moment(1)})
    part = {"repositoryName": "my-app", "uploadId": "u", "partFirstByte": 0, "partLastByte": 2}
    client(aws, "ecr").upload_layer_part(**part, layerPartBlob=b"\x00\xff")
    assert answer["serviceDeployments"][0]["createdAt"] == moment(1.5)
    assert aws.calls[0].params["createdAt"] == {"after": moment(1)}
    assert aws.calls[1].params["layerPartBlob"] == b"\x00\xff"


@pytest.mark.parametrize(
    ("service", "operation", "params", "answer"),
    [
        (
            "ssm",
            "GetParameter",
            {"Name": "/a", "WithDecryption": True},
            {"Parameter": {"Value": "é", "Version": 3}},
        ),
        (
            "logs",
            "GetLogEvents",
            {"logGroupName": "/ecs/web", "logStreamName": "ecs/app/abc", "startFromHead": True},
            {"events": [{"timestamp": 1767225600000, "message": "hello"}], "nextForwardToken": "f/1"},
        ),
        (
            "ecr",
            "BatchGetImage",
            {"repositoryName": "my-app", "imageIds": [{"imageTag": "latest"}]},
            {"images": [{"imageManifest": "{}", "imageId": {"imageTag": "latest"}}], "failures": []},
        ),
        (
            "codedeploy",
            "GetDeployment",
            {"deploymentId": "d-1"},
            {"deploymentInfo": {"status": "InProgress", "createTime": moment(9)}},
        ),
        ("events", "ListTargetsByRule", {"Rule": "r"}, {"Targets": [{"Id": "1", "Arn": "arn"}]}),
        (
            "sts",
            "AssumeRole",
            {"RoleArn": "arn:aws:iam::123456789012:role/cd", "RoleSessionName": "cd", "DurationSeconds": 900},
            {"Credentials": KEYS},
        ),
        (
            "elbv2",
            "DescribeTargetHealth",
            {"TargetGroupArn": "arn", "Targets": [{"Id": "10.0.0.1", "Port": 80}, {"Id": "10.0.0.2"}]},
            {
                "TargetHealthDescriptions": [
                    {"Target": {"Id": "10.0.0.1", "Port": 80}, "TargetHealth": {"State": "healthy"}},
                    {"Target": {"Id": "10.0.0.2"}, "TargetHealth": {"State": "unhealthy"}},
                ]
            },
        ),
        (
            "scheduler",
            "UpdateSchedule",
            {"Name": "nightly", "GroupName": "default", **SCHEDULE},
            {"ScheduleArn": "arn:aws:scheduler:ap-northeast-1:123456789012:schedule/default/nightly"},
        ),
        (
            "scheduler",
            "GetSchedule",
            {"Name": "nightly"},
            {"Name": "nightly", "CreationDate": moment(), **SCHEDULE},
        ),
        (
            "cloudwatch",
            "DescribeAlarms",
            {"AlarmNames": ["a"]},
            {"MetricAlarms": [{"AlarmName": "a", "StateValue": "OK", "StateUpdatedTimestamp": moment(3)}]},
        ),
    ],
)
def test_each_protocol_round_trips(
    aws: ScriptedAws, service: str, operation: str, params: dict[str, Any], answer: dict[str, Any]
) -> None:
    """The script's parameters are those that boto3 was given, and its answer is what boto3 returns."""
    aws.on(f"{service}.{operation}", answer)
    api = client(aws, service)
    method = next(name for name, api_name in api.meta.method_to_api_mapping.items() if api_name == operation)
    got = getattr(api, method)(**params)
    del got["ResponseMetadata"]
    assert got == answer
    sent = aws.calls[0].params
    assert {name: sent[name] for name in params} == params
    assert set(sent) - set(params) <= {"ClientToken"}, "what boto3 adds by itself"


def test_s3_objects(aws: ScriptedAws) -> None:
    """Body and headers of GetObject, HeadObject and PutObject, at path style."""
    about = {"ETag": '"e"', "LastModified": moment(), "ContentLength": 2, "Metadata": {"by": "cd"}}
    aws.on("s3.GetObject", about | {"Body": b"{}"})
    aws.on("s3.HeadObject", about)
    aws.on("s3.PutObject", {"ETag": '"n"', "VersionId": "v1"})
    api = client(aws, "s3")
    got = api.get_object(Bucket="my-bucket", Key="a b/task_definition.json")
    assert json.load(got["Body"]) == {}
    for answer in (got, api.head_object(Bucket="my-bucket", Key="k")):
        assert {name: answer[name] for name in about} == about
    assert api.put_object(Bucket="my-bucket", Key="k", Body=b"x")["VersionId"] == "v1"
    assert aws.calls[0].params | {"ChecksumMode": "ENABLED"} == {
        "Bucket": "my-bucket",
        "Key": "a b/task_definition.json",
        "ChecksumMode": "ENABLED",
    }
    assert (aws.calls[2].operation, aws.calls[2].params["Body"]) == ("s3.PutObject", b"x")


def test_the_environment_is_enough_for_boto3(aws: ScriptedAws) -> None:
    """Endpoint, region and credentials; web identity, which is not signed, arrives too."""
    aws.on("sts.GetCallerIdentity", {"Account": "123456789012"})
    aws.on("sts.AssumeRoleWithWebIdentity", {"Credentials": KEYS})
    api = boto3.Session().client("sts")
    assert api.get_caller_identity()["Account"] == "123456789012"
    role = "arn:aws:iam::123456789012:role/cd"
    answer = api.assume_role_with_web_identity(RoleArn=role, RoleSessionName="cd", WebIdentityToken="jwt.jwt")
    assert answer["Credentials"]["Expiration"] == moment(9)


def test_an_endless_wait_ends() -> None:
    """Virtual time is for free, so it has a limit."""
    clock = Clock(limit=10)
    with pytest.raises(AssertionError, match="still waiting"):
        while True:
            clock.sleep(2)
