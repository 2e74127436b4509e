"""CloudWatch Logs: a container's log, followed as it is written or read from its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import code, is_transient
from ecs_cd.aws.session import Aws, pages

TAIL = 20  # lines
PAGES = 4  # to read from the end of a log


@dataclass
class Stream:
    """A log stream, read from its beginning; ``token`` is the position."""

    group: str
    name: str
    region: str | None
    token: str = ""
    trouble: str = field(default="", compare=False)  # why it can't be read; the reader reports it once


def has_group(aws: Aws, name: str, region: str | None) -> bool:
    """Whether this log group exists."""
    client = aws.client("logs", region=region)
    found = pages(client.describe_log_groups, {"logGroupNamePrefix": name})
    return any(group.get("logGroupName") == name for page in found for group in page.get("logGroups", ()))


def new_lines(aws: Aws, log: Stream, pages: int | None = None) -> Iterator[str]:
    """Yields the lines written since the last call, from at most ``pages`` pages if given. An unchanged token marks the
    end; an empty page does not.

    A stream that does not exist yet has no lines. If the log can't be read, nothing is raised: ``log.trouble`` has the
    reason.
    """
    read = 0
    while not log.trouble and (pages is None or read < pages):
        read += 1
        # CloudWatch Logs needs startFromHead even with a forward token.
        page = _events(aws, log, {"startFromHead": True, **({"nextToken": log.token} if log.token else {})})
        yield from _lines(page)
        token = str(page.get("nextForwardToken", log.token))
        if token == log.token:
            return
        log.token = token


def tail(aws: Aws, log: Stream, pages: int = PAGES, count: int = TAIL) -> tuple[str, ...]:
    """Returns the last ``count`` lines, from at most ``pages`` pages. An unchanged token marks the log's beginning."""
    lines: list[str] = []
    position: dict[str, Any] = {"startFromHead": False}
    for _ in range(pages):
        page = _events(aws, log, {"limit": count, **position})
        lines = [*_lines(page), *lines]
        token = page.get("nextBackwardToken")
        if len(lines) >= count or token in (None, position.get("nextToken")):
            break
        position = {"nextToken": token}
    return tuple(lines[-count:])


def _lines(page: Mapping[str, Any]) -> list[str]:
    """CodeBuild's messages end with a newline."""
    return [str(event.get("message", "")).removesuffix("\n") for event in page.get("events", ())]


def _events(aws: Aws, log: Stream, position: Mapping[str, Any]) -> dict[str, Any]:
    try:
        client = aws.once("logs", region=log.region)
        answer: dict[str, Any] = client.get_log_events(logGroupName=log.group, logStreamName=log.name, **position)
        return answer
    except (ClientError, BotoCoreError) as error:
        if code(error) != "ResourceNotFoundException" and not is_transient(error):
            log.trouble = f"the log group {log.group} can't be read ({code(error) or error})"
        return {}
