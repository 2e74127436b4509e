"""A container's log, as it is written."""

from __future__ import annotations

import pytest

from ecs_cd.aws import logs
from ecs_cd.aws.logs import Stream
from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Answer, Params, denied, error, reset, server_error, throttled

NOT_THERE = error("ResourceNotFoundException", "The specified log stream does not exist.")


def page(token: str, *lines: str) -> Params:
    return {"events": [{"message": line} for line in lines], "nextForwardToken": token}


@pytest.fixture
def log() -> Stream:
    return Stream("/g", "ecs/app/0123", "eu-west-1")


def test_lines_come_once_and_in_order(aws: SignedAws, ours: Aws, log: Stream) -> None:
    """From the beginning, then from the end of the last call, in the log's region."""
    aws.on(
        "logs.GetLogEvents", page("f/1", "a", "b"), page("f/1"), page("f/2", "c"), page("f/2"), page("f/2"),
    )  # fmt: skip
    assert [list(logs.new_lines(ours, log)) for _ in range(3)] == [["a", "b"], ["c"], []]
    where = {"logGroupName": "/g", "logStreamName": "ecs/app/0123"}
    assert [call.params for call in aws.calls] == [
        {**where, "startFromHead": True},
        *({**where, "startFromHead": True, "nextToken": token} for token in ("f/1", "f/1", "f/2", "f/2")),
    ]
    assert set(aws.regions) == {"eu-west-1"}


def test_an_empty_page_is_not_the_end(aws: SignedAws, ours: Aws, log: Stream) -> None:
    """The same token is."""
    pages = [page("f/1"), page("f/2", "a"), page("f/3"), page("f/4"), page("f/5", "b"), page("f/5")]
    aws.on("logs.GetLogEvents", *pages)
    assert list(logs.new_lines(ours, log)) == ["a", "b"]
    assert aws.count("logs.GetLogEvents") == len(pages)


def test_a_message_of_codebuild_is_a_line_without_its_end(aws: SignedAws, ours: Aws, log: Stream) -> None:
    """CodeBuild's messages end with a newline; further lines in a message stay."""
    aws.on("logs.GetLogEvents", {**page("f/1", "a\n", "\n", "b\nc\n"), "nextBackwardToken": "b/1"}, page("f/1"))
    assert list(logs.new_lines(ours, log)) == ["a", "", "b\nc"]
    aws.on("logs.GetLogEvents", {**page("f/1", "a\n"), "nextBackwardToken": "b/1"}, page("f/1"))
    assert logs.tail(ours, log, pages=1) == ("a",)


@pytest.mark.parametrize("answer", [NOT_THERE, throttled(), server_error(), reset()], ids=str)
def test_a_log_that_can_not_be_read_now_has_no_lines_yet(
    answer: Answer, aws: SignedAws, ours: Aws, log: Stream
) -> None:
    """The stream appears with its first line; the next poll repeats transient errors. Nothing is lost."""
    aws.on("logs.GetLogEvents", answer, page("f/1", "a"), answer, page("f/2", "b"), page("f/2"))
    assert [list(logs.new_lines(ours, log)) for _ in range(3)] == [[], ["a"], ["b"]]
    assert log.trouble == ""


def test_a_log_that_may_not_be_read_is_no_reason_to_fail(aws: SignedAws, ours: Aws, log: Stream) -> None:
    """The reason is reported once, and the log is not read again."""
    aws.on("logs.GetLogEvents", denied("logs:GetLogEvents"))
    assert list(logs.new_lines(ours, log)) == []
    assert log.trouble == "the log group /g can't be read (AccessDeniedException)"
    assert list(logs.new_lines(ours, log)) == []
    assert aws.count("logs.GetLogEvents") == 1


@pytest.mark.parametrize(("written", "expected"), [(0, 0), (3, 3), (logs.TAIL, logs.TAIL), (logs.TAIL + 5, logs.TAIL)])
def test_the_tail_is_the_last_lines(written: int, expected: int, aws: SignedAws, ours: Aws, log: Stream) -> None:
    """In their order, whatever the limit does."""
    lines = [str(number) for number in range(written)]
    aws.on("logs.GetLogEvents", page("f/1", *lines))
    assert logs.tail(ours, log) == tuple(lines[-expected:] if expected else ())
    assert aws.calls[0].params["startFromHead"] is False
    assert aws.calls[0].params["limit"] == logs.TAIL


@pytest.mark.parametrize("answer", [NOT_THERE, throttled(), denied()], ids=str)
def test_a_tail_that_can_not_be_read_is_empty(answer: Answer, aws: SignedAws, ours: Aws, log: Stream) -> None:
    """A diagnosis does without."""
    aws.on("logs.GetLogEvents", answer)
    assert logs.tail(ours, log) == ()


@pytest.mark.parametrize(("name", "there"), [("/ecs/web", True), ("/ecs/we", False), ("/ecs/worker", True)])
def test_a_log_group_exists_by_its_whole_name(name: str, there: bool, aws: SignedAws, ours: Aws) -> None:
    """DescribeLogGroups finds prefixes, on several pages."""
    first = {"logGroups": [{"logGroupName": "/ecs/web-2"}, {"logGroupName": "/ecs/web"}], "nextToken": "t"}
    aws.on("logs.DescribeLogGroups", first)
    aws.on("logs.DescribeLogGroups", {"logGroups": [{"logGroupName": "/ecs/worker"}]}, where={"nextToken": "t"})
    assert logs.has_group(ours, name, "eu-west-1") is there
    assert aws.calls[0].params == {"logGroupNamePrefix": name}
    assert set(aws.regions) == {"eu-west-1"}
