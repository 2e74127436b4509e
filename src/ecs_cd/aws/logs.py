"""CloudWatch Logs: a container's log, as it is written and from its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import code, is_transient
from ecs_cd.aws.session import Aws
from ecs_cd.model.references import short

TAIL = 20  # lines
PAGES = 4  # of the end of a log


@dataclass
class Stream:
    """A log stream, read from its beginning; ``token`` is how far."""

    group: str
    name: str
    region: str | None
    token: str = ""
    trouble: str = field(default="", compare=False)  # why it can't be read; said once by whoever reads


def stream(options: Mapping[str, str], container: str, task_arn: str) -> Stream | None:
    """Where a container's awslogs go; ``None`` where that can't be known: no awslogs, or without a
    prefix, where Docker names the stream by the container's id."""
    prefix, group = options.get("awslogs-stream-prefix"), options.get("awslogs-group")
    if not prefix or not group:
        return None
    return Stream(group, f"{prefix}/{container}/{short(task_arn)}", options.get("awslogs-region"))


def new_lines(aws: Aws, log: Stream) -> Iterator[str]:
    """What was written since the last call. An empty page isn't the end: the same token is.

    A stream that is not there yet has no lines. A log that can't be read is no reason to fail: the
    reason is in ``log.trouble``.
    """
    while not log.trouble:
        # With a token for reading forward, too, CloudWatch Logs wants startFromHead.
        page = _events(aws, log, {"startFromHead": True, **({"nextToken": log.token} if log.token else {})})
        yield from (str(event.get("message", "")) for event in page.get("events", ()))
        token = str(page.get("nextForwardToken", log.token))
        if token == log.token:
            return
        log.token = token


def tail(aws: Aws, log: Stream, pages: int = PAGES) -> tuple[str, ...]:
    """The last lines, from ``pages`` at the most. An empty page isn't the beginning: the same token is."""
    lines: list[str] = []
    position: dict[str, Any] = {"startFromHead": False}
    for _ in range(pages):
        page = _events(aws, log, {"limit": TAIL, **position})
        lines = [str(event.get("message", "")) for event in page.get("events", ())] + lines
        token = page.get("nextBackwardToken")
        if len(lines) >= TAIL or token in (None, position.get("nextToken")):
            break
        position = {"nextToken": token}
    return tuple(lines[-TAIL:])


def _events(aws: Aws, log: Stream, position: Mapping[str, Any]) -> dict[str, Any]:
    try:
        client = aws.once("logs", region=log.region)
        answer: dict[str, Any] = client.get_log_events(logGroupName=log.group, logStreamName=log.name, **position)
        return answer
    except (ClientError, BotoCoreError) as error:
        if code(error) != "ResourceNotFoundException" and not is_transient(error):
            log.trouble = f"the log group {log.group} can't be read ({code(error) or error})"
        return {}
