"""GitHub's files and comments of a pull request: what answers say, and which comment is ours."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ecs_cd.ci.rules.within import within

PAGE = 100  # entries, GitHub's largest page
LARGEST = 65_536  # characters of a comment
ACTIONS = "github-actions[bot]"  # the author of what GITHUB_TOKEN writes
# How the tokens of people begin; others are an app's, as GITHUB_TOKEN is.
# https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
_PERSONAL = ("ghp_", "github_pat_", "gho_", "ghu_")


@dataclass(frozen=True)
class Comment:
    """A comment. ``bot``: an app wrote it, which GitHub says and no person can pretend."""

    id: int
    login: str
    bot: bool
    body: str
    page: str = ""


def marker(*names: str) -> str:
    """How the comment of what has these names begins; Markdown doesn't show it, and it has none of their characters."""
    return f"<!-- ecs-cd plan {hashlib.sha256(repr(names).encode(errors='replace')).hexdigest()[:24]} -->"


def marked(comments: Iterable[Comment], begin: str, token: str) -> list[Comment]:
    """The comments that begin like this and whose author is of the token's kind: a person or an app."""
    bot = not token.startswith(_PERSONAL)
    return [each for each in comments if each.bot is bot and each.body.startswith(begin)]


def comment(answer: Any) -> Comment | None:
    """A comment as GitHub returns it; ``None`` for what is none."""
    number, body = within(answer, "id"), within(answer, "body")
    login, kind = within(answer, "user", "login"), within(answer, "user", "type")  # the user may have been deleted
    if type(number) is not int or not isinstance(body, str):
        return None
    return Comment(number, str(login or ""), kind == "Bot", body, str(within(answer, "html_url") or ""))


def files(answer: list[Any]) -> list[tuple[str, str]]:
    """The status and the path of each file."""
    found = [(within(each, "status"), within(each, "filename")) for each in answer]
    return [(str(status), str(path)) for status, path in found if status and path]


def same(text: str, other: str) -> bool:
    """Whether two comments read the same: GitHub may change line ends, and what is around the text."""
    return text.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()
