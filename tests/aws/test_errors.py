"""AWS's errors: what passes, and in words."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import botocore.exceptions
import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import errors
from ecs_cd.aws.errors import code, explain, is_transient, transient_as_unreadable
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Unreadable
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Answer, denied, error, expired, garbled, reset, server_error, throttled

CONCURRENT = error("ClientException", "Too many concurrent attempts to create a new revision of the specified family.")


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
    """While watching, a transient error counts as unreadable; any other error is raised unchanged."""
    aws.on("ecs.RegisterTaskDefinition", fault)
    request = {"family": "f", "containerDefinitions": [{"name": "a", "image": "i"}]}
    with pytest.raises((ClientError, botocore.exceptions.BotoCoreError)) as raised:
        ours.once("ecs").register_task_definition(**request)
    assert is_transient(raised.value) is passes
    with pytest.raises(Unreadable if passes else type(raised.value)), transient_as_unreadable():
        ours.once("ecs").register_task_definition(**request)


def test_an_answer_that_can_not_be_read_decides_nothing(aws: SignedAws, ours: Aws) -> None:
    """Nor is it shown: it may be a proxy's page, or an AWS answer cut off inside a secret."""
    aws.on("ecs.ListTasks", garbled(b'{"hunter2', {"taskArns": []}))
    with pytest.raises(Unreadable, match=r"^an unreadable response$") as raised, transient_as_unreadable():
        ours.once("ecs").list_tasks()
    assert "hunter2" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("name", ["RequestTimeout", "RequestTimeoutException"])
def test_a_request_that_took_too_long_passes(name: str) -> None:
    """Which AWS answers with a status that is the caller's fault otherwise."""
    answer: Any = {"Error": {"Code": name}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    assert is_transient(ClientError(answer, "DescribeServices"))


@pytest.mark.parametrize(("fault", "is_denied"), [(denied(), True), (expired(), False), (throttled(), False)], ids=str)
def test_what_the_role_may_not_do(fault: Answer, is_denied: bool, aws: SignedAws, ours: Aws) -> None:
    """Unlike an error that any caller without valid credentials gets."""
    aws.on("ecs.ListTasks", fault)
    with pytest.raises(ClientError) as raised:
        ours.once("ecs").list_tasks()
    assert errors.denied(raised.value) is is_denied


@pytest.mark.parametrize(
    ("fault", "sentence", "remedy"),
    [
        (denied("ecs:ListTasks"), "AWS answered ListTasks with AccessDeniedException: User:", 'policy of the role cd: {"Effect": "Allow", "Action": "ecs:ListTasks"'),
        (expired(), "AWS answered ListTasks with ExpiredTokenException:", "role-to-assume"),
        (error("ClusterNotFoundException", "Cluster not found."), "AWS answered ListTasks with ClusterNotFoundException: Cluster not found.", ""),
    ],
)  # fmt: skip
def test_an_answer_of_aws_is_told_with_its_remedy(
    fault: Answer, sentence: str, remedy: str, aws: SignedAws, ours: Aws
) -> None:
    """The operation, AWS's answer, the remedy."""
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
        (botocore.exceptions.NoCredentialsError, "there are no AWS credentials", "Or sign in before this step"),
        (
            lambda: botocore.exceptions.PartialCredentialsError(provider="env", cred_var="x"),
            "there are no AWS credentials",
            "sign in before this step",
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
    """A lost connection has no code."""
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
    sentence = str(explain(botocore.exceptions.ParamValidationError(report=report)))
    assert "Invalid type for parameter a.b, type: <class 'str'>, valid types: x" in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("call", "operation", "fault", "action"),
    [
        (lambda aws: aws.client("ecs").describe_clusters(), "ecs.DescribeClusters",
         denied("ecs:DescribeClusters on resource: *"), "ecs:DescribeClusters"),
        (lambda aws: aws.client("ecs").describe_clusters(), "ecs.DescribeClusters",
         error("AccessDeniedException", "no"), "ecs:DescribeClusters"),
        (lambda aws: aws.client("elbv2").describe_load_balancers(), "elbv2.DescribeLoadBalancers",
         error("AccessDeniedException", "no"), "elasticloadbalancing:DescribeLoadBalancers"),
        (lambda aws: aws.client("iam").get_role(RoleName="r"), "iam.GetRole",
         error("AccessDeniedException", "User: x is not authorized to perform: iam:GetRole on resource: r"), "iam:GetRole"),
        (lambda aws: aws.client("s3").get_object(Bucket="b", Key="k"), "s3.GetObject",
         error("AccessDenied", "Access Denied"), "s3:GetObject"),
    ],
)  # fmt: skip
def test_the_action_that_was_denied(
    call: Callable[[Aws], Any], operation: str, fault: Answer, action: str, aws: SignedAws, ours: Aws
) -> None:
    """As AWS's message names it, or else by the operation."""
    aws.on(operation, fault)
    with pytest.raises(ClientError) as raised:
        call(ours)
    assert errors.action(raised.value) == action


@pytest.mark.parametrize(
    ("fault", "signed_in"),
    [(expired(), False), (denied(), True), (throttled(), True)],
)
def test_who_is_not_signed_in(fault: Answer, signed_in: bool, aws: SignedAws, ours: Aws) -> None:
    """Every call fails then, for the same reason."""
    aws.on("ecs.DescribeClusters", fault)
    with pytest.raises(ClientError) as raised:
        ours.once("ecs").describe_clusters()
    assert errors.not_signed_in(raised.value) is not signed_in
    assert errors.not_signed_in(botocore.exceptions.NoCredentialsError())
