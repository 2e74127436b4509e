"""Responses that say 200 and are not AWS's, of every call that ecs-cd makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from ecs_cd.aws import readable
from ecs_cd.aws.errors import explain, is_transient
from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws
from tests.contract.parts import ROOT
from tests.scripted_aws import cut, garbled, wire

BODIES = {
    "a page": b"<!DOCTYPE html><html><body>Sign in to the proxy</body></html>",
    "a page that is XML": b"<html><body>Sign in to the proxy</body></html>",
    "cut off": b'{"hunter2": [{"serviceName": "we',
    "cut off XML": b"<Response><Result><Credentials>",
    "no text": b"\x1f\x8b\x08",
    "nothing": b"",
    "{}": b"{}",
    "null": b"null",
    "a list": b"[]",
    "another's JSON": b'{"error": "not signed in"}',
}
# Whose response has no content, or only some that ecs-cd can do without.
WITHOUT_CONTENT = [operation for operation, members in readable.ALWAYS.items() if not members]


def _called() -> Iterator[tuple[str, str]]:
    """Service and operation of every call in src/ecs_cd/aws, whose files are of one service each."""
    for path in sorted((ROOT / "src/ecs_cd/aws").glob("*.py")):
        text = path.read_text()
        methods = set(re.findall(r"\.([a-z_]+)\b", text))
        for service in sorted(set(re.findall(r'\.(?:client|once)\(\s*"([\w-]+)"', text))):
            names = wire.service_model(service).operation_names
            yield from ((service, operation) for operation in names if xform_name(operation) in methods)


CALLED = list(_called())


def _value(shape: Any) -> Any:
    """Some value of the shape."""
    match shape.type_name:
        case "structure":
            return {name: _value(member) for name, member in shape.members.items() if name in shape.required_members}
        case "list":
            return [_value(shape.member)] * (shape.metadata.get("min") or 1)
        case "map":
            return {}
        case "string":
            return (getattr(shape, "enum", None) or ["x" * max(1, shape.metadata.get("min") or 1)])[0]
        case "boolean":
            return True
        case _:
            return 1


def call(ours: Aws, service: str, operation: str, *, once: bool = False) -> Any:
    """Makes this call with some parameters."""
    params = _value(wire.operation_model(f"{service}.{operation}").input_shape)
    client = ours.once(service) if once else ours.client(service)
    return getattr(client, xform_name(operation))(**params)


def test_the_table_has_every_operation_that_is_called() -> None:
    """And no other; an operation without an entry would take any JSON object for an answer."""
    assert {operation for _, operation in CALLED} == set(readable.ALWAYS)


@pytest.mark.parametrize(("service", "operation"), CALLED)
def test_the_table_names_members_that_the_operation_has(service: str, operation: str) -> None:
    """By botocore's model."""
    for path in readable.ALWAYS[operation]:
        shape = wire.operation_model(f"{service}.{operation}").output_shape
        for name in path.split("."):
            shape = shape.member if shape.type_name == "list" else shape
            assert name in shape.members, path
            shape = shape.members[name]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(("service", "operation"), CALLED)
def test_what_is_not_an_answer_is_a_server_error(
    service: str, operation: str, body: bytes, aws: SignedAws, ours: Aws
) -> None:
    """Which passes: reads try again, and mutations are looked for. No word of it is shown."""
    model = wire.operation_model(f"{service}.{operation}")
    protocol = model.service_model.resolved_protocol
    if operation in WITHOUT_CONTENT and body in (b"", b"{}", BODIES["another's JSON"]):
        return
    page = wire.Response(200, body)
    aws._server.answer = lambda _: page
    with pytest.raises(ClientError) as raised:
        call(ours, service, operation, once=True)
    assert is_transient(raised.value), protocol
    sentence = str(explain(raised.value))
    assert "hunter2" not in sentence
    assert "Sign in" not in sentence
    if operation == "PutObject" and raised.value.response["Error"]["Code"] == "500":
        return  # botocore's own: S3 may report an error in a 200
    assert raised.value.response["Error"]["Code"] == readable.CODE
    assert sentence.startswith(f"AWS answered {operation} with UnreadableResponse: the response ")


@pytest.mark.parametrize("status", [400, 403, 502])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(
    ("service", "operation"), [("ecs", "ListTasks"), ("elbv2", "DescribeTargetHealth"), ("scheduler", "GetSchedule")]
)
def test_an_error_that_is_not_aws_s_keeps_its_status(
    service: str, operation: str, body: bytes, status: int, aws: SignedAws, ours: Aws
) -> None:
    """In each protocol: botocore itself fails on some."""
    answer = wire.Response(status, body)
    aws._server.answer = lambda _: answer
    with pytest.raises(ClientError) as raised:
        call(ours, service, operation, once=True)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert is_transient(raised.value) is (status == 502)


@pytest.mark.parametrize("fault", [partial(garbled, b"{}"), cut], ids=["garbled", "cut"])
def test_reads_are_repeated_until_the_answer_can_be_read(fault: Any, aws: SignedAws, ours: Aws) -> None:
    """As after any server error; mutations and polls are not."""
    answer = {"taskArns": ["arn:1"]}
    aws.on("ecs.ListTasks", fault(answer), fault(answer), answer)
    assert ours.client("ecs").list_tasks()["taskArns"] == ["arn:1"]
    assert aws.count("ecs.ListTasks") == 3


@pytest.mark.parametrize(
    "answer",
    [
        {"services": [{"serviceName": "web", "serviceArn": "arn", "status": "ACTIVE"}, {"serviceName": "api"}]},
        {"services": [{}]},
        {"failures": []},
    ],
    ids=str,
)
def test_each_entry_of_a_list_has_what_it_always_has(answer: Any, aws: SignedAws, ours: Aws) -> None:
    """A list itself may be empty."""
    aws.on("ecs.DescribeServices", answer, {"services": []})
    with pytest.raises(ClientError, match=readable.CODE):
        ours.once("ecs").describe_services(services=["web"])
    assert ours.once("ecs").describe_services(services=["web"])["services"] == []
