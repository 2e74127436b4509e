"""The clock that everything waits with. cli.py injects it."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """``time.monotonic``, ``time.sleep`` and ``time.time``, in seconds."""

    def time(self) -> float: ...
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float, /) -> None: ...
