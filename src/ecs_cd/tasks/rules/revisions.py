"""Revisions of a family: which of them nobody needs any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ecs_cd.model.references import short


def expired(active: Collection[str], keep: int, used: Collection[str]) -> list[str]:
    """Of a family's active revisions those to deregister, the oldest first: all but the newest ``keep``, of which one
    is kept at the least, and but those in ``used``, which may be ARNs or ``family:revision``."""
    names = {short(one) for one in used}
    oldest_first = sorted(active, key=_number)
    return [one for one in oldest_first[: -max(keep, 1)] if short(one) not in names]


def before(current: str, active: Iterable[str]) -> str | None:
    """Of a family's active revisions the newest that is older than ``current``."""
    older = [one for one in active if _number(one) < _number(current)]
    return max(older, key=_number, default=None)


def named_by(services: Iterable[Mapping[str, Any]]) -> set[str]:
    """The task definitions that services run: their own, and those of all their deployments and task sets."""
    found: set[str] = set()
    for service in services:
        running = [service, *service.get("deployments", ()), *service.get("taskSets", ())]
        found |= {str(one["taskDefinition"]) for one in running if one.get("taskDefinition")}
    return found


def _number(arn: str) -> int:
    return int(arn.rpartition(":")[2])
