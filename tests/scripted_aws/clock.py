"""Virtual time: verbs wait by it, timelines use it as their key, the Date header shows it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)


def moment(seconds: float = 0) -> datetime:
    """AWS's time this many virtual seconds after the script's start, for createdAt and similar members."""
    return EPOCH + timedelta(seconds=seconds)


class Clock:
    """Sleeping advances the time at once; past the limit it raises, so that an endless wait ends the test."""

    def __init__(self, limit: float = 86_400) -> None:
        self._now, self._limit, self._lock = 0.0, limit, threading.Lock()

    def time(self) -> float:
        return moment(self._now).timestamp()

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        with self._lock:
            self._now += seconds
            if self._now > self._limit:
                raise AssertionError(f"still waiting after {self._now:g} virtual seconds")
