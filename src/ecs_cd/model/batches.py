"""Splits what AWS takes only so many of in a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def batches(items: Sequence[T], size: int) -> list[list[T]]:
    """The items in their order, ``size`` in each list; the last list may have fewer."""
    return [list(items[start : start + size]) for start in range(0, len(items), size)]
