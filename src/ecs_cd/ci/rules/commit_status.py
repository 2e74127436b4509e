"""GitHub's commit statuses, pull requests and comments: request bodies, and what answers say."""

from __future__ import annotations

from typing import Any

from ecs_cd.ci.rules.github_deployment import Status, described


def body(status: Status, context: str, url: str) -> dict[str, str]:
    """The body of POST statuses/SHA."""
    return {"state": status.state, "description": described(status.description), "context": context, "target_url": url}


def pull_request(pulls: Any) -> int | None:
    """The number of the pull request that brought the commit in: a merged one, or else an open one."""
    found = [each for each in _entries(pulls) if isinstance(each.get("number"), int)]
    merged = [each for each in found if each.get("merged_at")]
    open_ones = [each for each in found if each.get("state") == "open"]
    return next((int(each["number"]) for each in (*merged, *open_ones)), None)


def has(comments: Any, marker: str) -> bool:
    """Whether one of these comments has the marker."""
    return any(marker in str(each.get("body", "")) for each in _entries(comments))


def _entries(answer: Any) -> list[dict[str, Any]]:
    """The objects in a list from GitHub."""
    return [each for each in answer if isinstance(each, dict)] if isinstance(answer, list) else []
