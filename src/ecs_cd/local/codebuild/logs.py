"""The log of a build, written to CloudWatch Logs while the build runs."""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress
from datetime import datetime, timezone

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.session import Aws

_EVERY = 0.2  # seconds
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
_EVENTS = 1000
_LONGEST = 100_000  # characters of an event; at most 4 bytes each, in a call of at most 1 MiB
_CHARACTERS = 100_000  # of a call before its last event


class LogStream:
    """A stream in a log group, which are created. ``put`` never waits for AWS; a log that can't be written is lost."""

    def __init__(self, aws: Aws, group: str, name: str) -> None:
        self._aws = aws
        self._place = {"logGroupName": group, "logStreamName": name}
        self._lines: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """A line, without its end."""
        now = int(time.time() * 1000)
        for start in range(0, len(line) or 1, _LONGEST):
            self._lines.put((now, line[start : start + _LONGEST]))

    def say(self, words: str) -> None:
        """A line of CodeBuild itself."""
        self.put(f"[Container] {datetime.now(timezone.utc):%Y/%m/%d %H:%M:%S.%f} {words}")

    def close(self) -> None:
        """Returns when everything is written."""
        self._closed.set()
        self._lines.put(None)
        self._thread.join()

    def _write(self) -> None:
        with suppress(ClientError, BotoCoreError):
            self._create()
        more = True
        while more:
            events, more = self._next()
            with suppress(ClientError, BotoCoreError):
                if events:
                    self._aws.once("logs").put_log_events(**self._place, logEvents=events)

    def _create(self) -> None:
        client = self._aws.once("logs")
        with suppress(client.exceptions.ResourceAlreadyExistsException):
            client.create_log_group(logGroupName=self._place["logGroupName"])
        client.create_log_stream(**self._place)

    def _next(self) -> tuple[list[dict[str, object]], bool]:
        """The events of the next call, and whether more can follow."""
        found: list[dict[str, object]] = []
        size = 0
        line = self._lines.get()
        self._closed.wait(_EVERY)
        while line is not None:
            found.append({"timestamp": line[0], "message": f"{line[1]}\n"})
            size += len(line[1])
            if len(found) == _EVENTS or size >= _CHARACTERS or self._lines.empty():
                return found, True
            line = self._lines.get()
        return found, False
