"""Revisions of a family: finds those that are no longer needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ecs_cd.model.references import short


def expired(active: Collection[str], keep: int, used: Collection[str]) -> list[str]:
    """The active revisions of a family to deregister, oldest first.

    Keeps the newest ``keep``, at least one, and those in ``used``, which may be ARNs or ``family:revision``.
    """
    names = {short(name) for name in used}
    oldest_first = sorted(active, key=_number)
    return [arn for arn in oldest_first[: -max(keep, 1)] if short(arn) not in names]


def before(current: str, active: Iterable[str]) -> str | None:
    """The newest active revision of a family that is older than ``current``."""
    older = [arn for arn in active if _number(arn) < _number(current)]
    return max(older, key=_number, default=None)


def named_by(services: Iterable[Mapping[str, Any]]) -> set[str]:
    """The task definitions of services, including those of all their deployments and task sets."""
    found: set[str] = set()
    for service in services:
        parts = [service, *service.get("deployments", ()), *service.get("taskSets", ())]
        found |= {str(part["taskDefinition"]) for part in parts if part.get("taskDefinition")}
    return found


def _number(arn: str) -> int:
    return int(arn.rpartition(":")[2])
