"""Another deployment of the service, which this step has to wait for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Conflict:
    """``words`` name it and its state. ``pause``, if it waits for an approval: where, until when, and what ends it."""

    words: str
    pause: str = ""
