"""Clients: what is repeated, what passes, and errors in words."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import botocore.exceptions
import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from ecs_cd.aws import session, ssm
from ecs_cd.aws.session import Aws, code, explain, is_transient, transient_as_unreadable
from ecs_cd.model.errors import Refused, Unreadable
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Answer, Params, denied, error, expired, reset, server_error, throttled

CONCURRENT = error("ClientException", "Too many concurrent attempts to create a new revision of the specified family.")


@pytest.mark.parametrize("fault", [throttled(), server_error(), server_error(500), reset()], ids=str)
def test_reads_are_repeated_and_mutations_and_looks_are_not(fault: Answer, aws: SignedAws, ours: Aws) -> None:
    """botocore would repeat a lost UpdateService silently."""
    aws.on("ecs.ListTasks", fault)
    for client, calls in ((ours.client, 5), (ours.once, 1)):
        before = aws.count("ecs.ListTasks")
        with pytest.raises((ClientError, botocore.exceptions.BotoCoreError)):
            client("ecs").list_tasks()
        assert aws.count("ecs.ListTasks") - before == calls


@pytest.mark.parametrize(
    ("fault", "passes"),
    [
        (throttled(), True),
        (error("RequestLimitExceeded"), True),
        (server_error(500), True),
        (server_error(502), True),
        (server_error(503), True),
        (error("ServerException", status=500), True),
        (reset(), True),
        (CONCURRENT, True),
        (denied(), False),
        (expired(), False),
        (error("ClientException"), False),
        (error("InvalidParameterException"), False),
        (error("ClusterNotFoundException"), False),
    ],
    ids=str,
)
def test_what_passes_and_what_stays(fault: Answer, passes: bool, aws: SignedAws, ours: Aws) -> None:
    """Inside a watch what passes is no answer; what stays is the error itself."""
    aws.on("ecs.RegisterTaskDefinition", fault)
    request = {"family": "f", "containerDefinitions": [{"name": "a", "image": "i"}]}
    with pytest.raises((ClientError, botocore.exceptions.BotoCoreError)) as raised:
        ours.once("ecs").register_task_definition(**request)
    assert is_transient(raised.value) is passes
    with pytest.raises(Unreadable if passes else type(raised.value)), transient_as_unreadable():
        ours.once("ecs").register_task_definition(**request)


def test_an_answer_that_can_not_be_read_decides_nothing() -> None:
    """It is not told either: it is a proxy's page, or AWS's, cut off in a secret."""
    with pytest.raises(Unreadable, match=r"^an answer that can't be read$"), transient_as_unreadable():
        raise ResponseParserError("hunter2")


@pytest.mark.parametrize("name", ["RequestTimeout", "RequestTimeoutException"])
def test_a_request_that_took_too_long_passes(name: str) -> None:
    """Which AWS answers with a status that is the caller's fault otherwise."""
    answer: Any = {"Error": {"Code": name}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    assert is_transient(ClientError(answer, "DescribeServices"))


@pytest.mark.parametrize(("fault", "is_denied"), [(denied(), True), (expired(), False), (throttled(), False)], ids=str)
def test_what_the_role_may_not_do(fault: Answer, is_denied: bool, aws: SignedAws, ours: Aws) -> None:
    """Other than what nobody may who isn't signed in."""
    aws.on("ecs.ListTasks", fault)
    with pytest.raises(ClientError) as raised:
        ours.once("ecs").list_tasks()
    assert session.denied(raised.value) is is_denied


def test_a_client_is_made_once(ours: Aws) -> None:
    """For each service, region and kind."""
    assert ours.client("ecs") is ours.client("ecs")
    assert ours.client("ecs") is not ours.once("ecs")
    assert ours.client("ecs") is not ours.client("ecs", region="us-east-1")


@pytest.mark.parametrize(
    ("given", "environ", "expected"),
    [
        ("eu-west-1", {"AWS_REGION": "us-east-1"}, "eu-west-1"),
        ("", {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-west-2"}, "us-east-1"),
        ("", {"AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
    ],
)
def test_the_region_is_the_inputs_then_the_environments(
    given: str, environ: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS_REGION first, as the other SDKs have it."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert Aws(os.environ, given).region == expected


@pytest.mark.parametrize("url", ["localhost:4566", "nope"])
def test_an_endpoint_that_is_no_url_is_no_defect_of_ours(
    url: str, aws: SignedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting is named; that of a region stays botocore's own error."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(Refused, match=f"Invalid endpoint: {url}") as refused:
        Aws(os.environ).client("ecs")
    assert "AWS_ENDPOINT_URL" in refused.value.remedy
    with pytest.raises(botocore.exceptions.InvalidRegionError):
        Aws(os.environ, "no region").client("ecs")


def test_without_a_region_it_is_said_what_to_set(aws: SignedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first call."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for ask in (lambda: Aws(os.environ).region, lambda: Aws(os.environ).client("ecs")):
        with pytest.raises(Refused, match="no AWS region is known") as refused:
            ask()
        assert "aws-region" in refused.value.remedy


@pytest.mark.parametrize(
    ("fault", "sentence", "remedy"),
    [
        (denied("ecs:ListTasks"), "AWS answered ListTasks with AccessDeniedException: User:", "Allow the job's role ListTasks"),
        (expired(), "AWS answered ListTasks with ExpiredTokenException:", "role-to-assume"),
        (error("ClusterNotFoundException", "Cluster not found."), "AWS answered ListTasks with ClusterNotFoundException: Cluster not found.", ""),
    ],
)  # fmt: skip
def test_an_answer_of_aws_is_told_with_its_remedy(
    fault: Answer, sentence: str, remedy: str, aws: SignedAws, ours: Aws
) -> None:
    """What was asked, what AWS said, what to do."""
    aws.on("ecs.ListTasks", fault)
    with pytest.raises(ClientError) as raised:
        ours.client("ecs").list_tasks()
    explained = explain(raised.value)
    assert str(explained).startswith(sentence)
    assert remedy in explained.remedy
    assert bool(explained.remedy) == bool(remedy)


@pytest.mark.parametrize(
    ("problem", "sentence", "remedy"),
    [
        (botocore.exceptions.NoCredentialsError, "there are no AWS credentials", "Sign in before this step"),
        (
            lambda: botocore.exceptions.PartialCredentialsError(provider="env", cred_var="x"),
            "there are no AWS credentials",
            "Sign in",
        ),
        (botocore.exceptions.NoRegionError, "no AWS region is known", "aws-region"),
        (
            lambda: botocore.exceptions.EndpointConnectionError(endpoint_url="https://ecs.eu-wst-1.amazonaws.com/"),
            "AWS can't be reached: Could not connect",
            "the region's name",
        ),
        (lambda: botocore.exceptions.ParamValidationError(report="x is wrong"), "Parameter validation failed:", ""),
    ],
)
def test_what_keeps_us_from_aws_is_told_with_its_remedy(problem: Callable[[], Any], sentence: str, remedy: str) -> None:
    """No traceback for what the caller can put right."""
    explained = explain(problem())
    assert str(explained).startswith(sentence)
    assert remedy in explained.remedy


def test_a_code_is_told_by_answers_alone(aws: SignedAws, ours: Aws) -> None:
    """A lost connection has none."""
    aws.on("ecs.ListTasks", denied(), reset())
    codes = []
    for _ in range(2):
        with pytest.raises((ClientError, botocore.exceptions.BotoCoreError)) as raised:
            ours.once("ecs").list_tasks()
        codes.append(code(raised.value))
    assert codes == ["AccessDeniedException", ""]


def test_botocores_report_of_a_wrong_parameter_is_told_without_the_value() -> None:
    """It can be the document's or the template's."""
    report = "Parameter validation failed:\nInvalid type for parameter a.b, value: hunter2, type: <class 'str'>, valid types: x"
    told = str(explain(botocore.exceptions.ParamValidationError(report=report)))
    assert "Invalid type for parameter a.b, type: <class 'str'>, valid types: x" in told
    assert "hunter2" not in told


def test_a_question_asked_ahead_is_answered_once(aws: SignedAws, ours: Aws) -> None:
    """Whoever asks ahead does not wait for the answer; whoever wants it gets that one, and a new one from then on."""
    asked_ahead = threading.Event()

    def answer(params: Params) -> Params:
        version = aws.count("ssm.GetParameter") + 1 if asked_ahead.wait(10) else 0
        return {"Parameter": {"Value": "x", "Version": version}}

    aws.on("ssm.GetParameter", answer)
    ssm.ask(ours, "/my/parameter")
    asked_ahead.set()
    assert [ssm.parameter(ours, "/my/parameter")[1] for _ in range(2)] == [1, 2]


def test_an_error_of_a_question_asked_ahead_is_that_of_its_answer(aws: SignedAws, ours: Aws) -> None:
    """Where it is wanted, and in the same words."""
    aws.on("ssm.GetParameter", error("ParameterNotFound"))
    ssm.ask(ours, "/my/parameter")
    with pytest.raises(Refused, match="there is no SSM parameter /my/parameter in ap-northeast-1"):
        ssm.parameter(ours, "/my/parameter")
    assert aws.count("ssm.GetParameter") == 1


def test_a_question_that_can_not_be_asked_is_told_where_the_answer_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a region no request is ever sent, and none is waited for."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    nowhere = Aws({})
    ssm.ask(nowhere, "/my/parameter")
    with pytest.raises(Refused, match="no AWS region is known"):
        ssm.parameter(nowhere, "/my/parameter")
