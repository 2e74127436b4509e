"""Clients: which requests are repeated, to which region they go, and which are sent ahead."""

from __future__ import annotations

import os
import threading

import botocore.exceptions
import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import ssm
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Refused
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Answer, Params, error, reset, server_error, throttled


@pytest.mark.parametrize("fault", [throttled(), server_error(), server_error(500), reset()], ids=str)
def test_reads_are_repeated_and_mutations_and_looks_are_not(fault: Answer, aws: SignedAws, ours: Aws) -> None:
    """botocore would repeat a lost UpdateService silently."""
    aws.on("ecs.ListTasks", fault)
    for client, calls in ((ours.client, 5), (ours.once, 1)):
        before = aws.count("ecs.ListTasks")
        with pytest.raises((ClientError, botocore.exceptions.BotoCoreError)):
            client("ecs").list_tasks()
        assert aws.count("ecs.ListTasks") - before == calls


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


def test_clients_elsewhere_have_the_same_credentials(aws: SignedAws, ours: Aws) -> None:
    """In another region, with their own count of calls; another role comes after those before."""
    role = "arn:aws:iam::123456789012:role/other"
    there = ours.elsewhere("us-east-1")
    assert (there.region, there.elsewhere().region) == ("us-east-1", "us-east-1")
    aws.on("ecs.ListTasks", {"taskArns": []})
    there.client("ecs").list_tasks()
    assert (there.calls, ours.calls) == (1, 0)
    assert aws.calls[-1].region == "us-east-1"
    assert there.elsewhere(role=role).roles == [*ours.roles, role]


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


def test_a_question_asked_ahead_is_answered_once(aws: SignedAws, ours: Aws) -> None:
    """Asking ahead does not block; the first caller gets that answer, later callers a new one."""
    asked_ahead = threading.Event()

    def answer(params: Params) -> Params:
        version = aws.count("ssm.GetParameter") + 1 if asked_ahead.wait(10) else 0
        return {"Parameter": {"Value": "x", "Version": version}}

    aws.on("ssm.GetParameter", answer)
    ssm.ask(ours, "/my/parameter")
    asked_ahead.set()
    assert [ssm.parameter(ours, "/my/parameter")[1] for _ in range(2)] == [1, 2]


def test_an_error_of_a_question_asked_ahead_is_that_of_its_answer(aws: SignedAws, ours: Aws) -> None:
    """Raised where the answer is used, with the same message."""
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
