"""Durations as people write and read them."""

from __future__ import annotations

import re

from ecs_cd.model.errors import Refused

_SECONDS = {"s": 1, "m": 60, "h": 3600}


def seconds(text: str, *, what: str) -> float:
    """``90s``, ``30m``, ``1h30m`` to seconds. Raises ``Refused`` for anything else and for zero."""
    parts = re.findall(r"([0-9]{1,6})([smh])", text)
    total = sum(int(number) * _SECONDS[unit] for number, unit in parts)
    if not total or "".join(number + unit for number, unit in parts) != text:
        raise Refused(f"{what}: must be a duration like 90s, 30m or 1h30m")
    return float(total)


def words(elapsed: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 20 s``, ``1 h 2 min``."""
    if elapsed < 10:
        return f"{elapsed:.1f} s"
    if elapsed < 60:
        return f"{elapsed:.0f} s"
    minutes, rest = divmod(round(elapsed), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
