"""The log of a build."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.local.codebuild.logs import LogStream
from tests.scripted_aws import ScriptedAws, denied, error

EXISTS = error("ResourceAlreadyExistsException", "The specified log group already exists")


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedAws]:
    with ScriptedAws(time) as aws:
        aws.use(monkeypatch)
        yield aws


def test_a_log_is_written_in_order_and_in_calls_that_aws_accepts(scripted: ScriptedAws) -> None:
    """The group may exist. Events end with a newline as CodeBuild's do; a very long line becomes several events."""
    scripted.on("logs.CreateLogGroup", EXISTS)
    scripted.on("logs.CreateLogStream", {})
    scripted.on("logs.PutLogEvents", {})
    log = LogStream(Aws({}, "eu-west-1"), "/g", "s")
    lines = [f"line {number}" for number in range(2500)]
    for line in ["", *lines, "é" * 450_000]:
        log.put(line)
    log.say("Entering phase BUILD")
    log.close()
    calls = [call.params["logEvents"] for call in scripted.calls if call.operation == "logs.PutLogEvents"]
    written = [event["message"] for call in calls for event in call]
    assert written[: 1 + len(lines)] == ["\n", *(f"{line}\n" for line in lines)]
    assert [len(each) for each in written[1 + len(lines) : -1]] == [100_001] * 4 + [50_001]
    assert re.fullmatch(r"\[Container\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} Entering phase BUILD\n", written[-1])
    for call in calls:
        assert len(call) <= 10_000
        assert sum(len(event["message"].encode()) + 26 for event in call) <= 1_048_576


def test_a_log_that_can_not_be_written_is_lost(scripted: ScriptedAws) -> None:
    """The build goes on, and its end doesn't wait."""
    for operation in ("CreateLogGroup", "CreateLogStream", "PutLogEvents"):
        scripted.on(f"logs.{operation}", denied(f"logs:{operation}"))
    log = LogStream(Aws({}, "eu-west-1"), "/g", "s")
    log.put("line")
    log.close()
