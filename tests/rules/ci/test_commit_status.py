"""Commit statuses: what is posted, and what GitHub's lists say."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.ci.rules import commit_status
from ecs_cd.ci.rules.github_deployment import Status

MERGED: Any = {"number": 7, "state": "closed", "merged_at": "2026-11-28T00:00:00Z"}
OPEN: Any = {"number": 8, "state": "open", "merged_at": None}
CLOSED: Any = {"number": 9, "state": "closed", "merged_at": None}


@pytest.mark.parametrize(
    ("pulls", "number"),
    [([OPEN, MERGED], 7), ([CLOSED, OPEN], 8), ([CLOSED], None), ([], None), ({}, None), ([1, {"number": "8"}], None)],
)
def test_the_pull_request_is_the_one_that_brought_the_commit_in(pulls: Any, number: int | None) -> None:
    """Or an open one; nobody reads one that was closed."""
    assert commit_status.pull_request(pulls) == number


@pytest.mark.parametrize(
    ("comments", "there"),
    [([{"body": "a <!-- x --> b"}], True), ([{"body": None}, {}], False), ([], False), (None, False), ("x", False)],
)
def test_a_comment_is_found_by_its_marker(comments: Any, there: bool) -> None:
    """In a list that may not be one."""
    assert commit_status.has(comments, "<!-- x -->") is there


def test_a_description_is_one_short_line() -> None:
    """Of at most 140 characters."""
    body = commit_status.body(Status("failure", "x\ny " * 100), "ecs-cd/p", "https://x")
    assert (body["state"], body["context"], body["target_url"]) == ("failure", "ecs-cd/p", "https://x")
    assert len(body["description"]) <= 140
    assert "\n" not in body["description"]
