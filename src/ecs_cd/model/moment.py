"""Moments as people and machines write them: ISO 8601 with a time zone."""

from __future__ import annotations

import re
from calendar import monthrange, timegm
from collections.abc import Mapping

from ecs_cd.model.errors import Refused, checked

EXAMPLE = "2026-12-20T18:00:00+09:00"
_WRITTEN = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,9})?)? ?"
    r"(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2}))"
)


def seconds(text: str, *, what: str) -> int:
    """``2026-12-20T18:00:00+09:00`` or ``2026-12-20T09:00Z`` to whole seconds since 1970 (UTC). Raises ``Refused`` for
    anything else, such as a time without a zone."""
    found = _WRITTEN.fullmatch(text.strip())
    if not found:
        raise Refused(f"{what}: must be a time with a time zone, such as {EXAMPLE}")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    sign, hours, minutes = found[7], int(found[8] or 0), int(found[9] or 0)
    real = year >= 1970 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]
    if not real or hour > 23 or minute > 59 or second > 59 or hours > 14 or minutes > 59:
        raise Refused(f"{what}: there is no such time; it must be like {EXAMPLE}")
    offset = (hours * 60 + minutes) * 60 * (-1 if sign == "-" else 1)
    return timegm((year, month, day, hour, minute, second)) - offset


def problems(times: Mapping[str, str], begin: str) -> list[str]:
    """What is wrong with the times ``begin`` and, if there, ``until``: each is one, and ``until`` is later."""
    try:
        first, *until = checked(
            *(lambda key=key: seconds(times[key], what=key) for key in (begin, "until") if key in times)
        )
    except Refused as refused:
        return list(refused.problems)
    return [f"until: must be later than {begin}"] if until and until[0] <= first else []
