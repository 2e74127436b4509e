"""Which comment on a pull request is ours, and what GitHub's answers say."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.ci.rules import pull_requests
from ecs_cd.ci.rules.pull_requests import Comment

BEGIN = pull_requests.marker("/my/parameter", "eu-west-1", "")


def test_a_marker_is_invisible_and_has_none_of_its_names_characters() -> None:
    """Whatever they are, they can't end the comment; other names have another marker."""
    hostile = pull_requests.marker("--> @org", "\ud800")
    assert hostile.startswith("<!-- ecs-cd plan ")
    assert hostile.count("-->") == 1
    assert "@" not in hostile
    assert len({hostile, BEGIN, pull_requests.marker("/my/parameter", "eu-west-1", "1"), pull_requests.marker()}) == 4


@pytest.mark.parametrize(
    ("token", "login", "bot", "body", "found"),
    [
        ("ghs_1", "github-actions[bot]", True, f"{BEGIN}\ntext", True),
        ("ghs_1", "mallory", False, f"{BEGIN}\ntext", False),
        ("ghs_1", "github-actions[bot]", False, f"{BEGIN}\ntext", False),
        ("ghs_1", "github-actions[bot]", True, f"text {BEGIN}", False),
        ("ghs_1", "github-actions[bot]", True, "<!-- ecs-cd plan 0 -->", False),
        ("a-token-of-ghes", "github-actions[bot]", True, BEGIN, True),
        *((token, "me", False, BEGIN, True) for token in ("ghp_1", "github_pat_1", "gho_1", "ghu_1")),
        ("ghp_1", "github-actions[bot]", True, BEGIN, False),
    ],
)
def test_a_comment_can_be_ours_by_its_begin_and_its_kind_of_author(
    token: str, login: str, bot: bool, body: str, found: bool
) -> None:
    """Not by its words alone: everybody can write these."""
    comment = Comment(1, login, bot, body)
    assert pull_requests.marked([comment], BEGIN, token) == [comment] * found


@pytest.mark.parametrize(
    ("answer", "comment"),
    [
        (
            {"id": 1, "body": "b", "user": {"login": "x[bot]", "type": "Bot"}, "html_url": "https://g.example/1"},
            Comment(1, "x[bot]", True, "b", "https://g.example/1"),
        ),
        ({"id": 1, "body": "b", "user": None}, Comment(1, "", False, "b")),
        ({"id": 1, "body": None}, None),
        ({"id": "1", "body": "b"}, None),
        ({"id": True, "body": "b"}, None),
        (None, None),
        ([], None),
    ],
)
def test_a_comment_as_github_returns_it(answer: Any, comment: Comment | None) -> None:
    """One of a deleted user has no author; what is no comment is none."""
    assert pull_requests.comment(answer) == comment


def test_files_as_github_returns_them() -> None:
    """What is no file is left out."""
    answer = [{"filename": "a", "status": "added", "patch": "@@"}, {"filename": "b"}, None, "c", {"status": "added"}]
    assert pull_requests.files(answer) == [("added", "a")]


def test_the_same_text_whatever_its_line_ends() -> None:
    """GitHub may return another one than it got."""
    assert pull_requests.same("a\nb\n", "a\r\nb")
    assert not pull_requests.same("a", "b")
