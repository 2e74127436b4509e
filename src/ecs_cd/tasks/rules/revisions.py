"""Revisions of a family: finds those that are no longer needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ecs_cd.model.references import image_reference, short


def expired(active: Collection[str], keep: int, used: Collection[str]) -> list[str]:
    """The active revisions of a family to deregister, oldest first.

    Keeps the newest ``keep``, at least one, and those in ``used``, which may be ARNs or ``family:revision``.
    """
    names = {short(name) for name in used}
    oldest_first = sorted(active, key=_number)
    return [arn for arn in oldest_first[: -max(keep, 1)] if short(arn) not in names]


def images(definition: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The images of a task definition: the repository, and the tag or digest."""
    return [image_reference(str(each.get("image", ""))) for each in definition.get("containerDefinitions", ())]


def has_commit(described: Mapping[str, Any], commit: str, digests: Mapping[str, str]) -> bool:
    """Whether a described revision runs the commit's image, by its tag or its digest, or has a tag with the commit.

    ``digests`` are those of the commit's image, by repository.
    """
    found = images(described.get("taskDefinition", {}))
    tagged = any(tag.get("value") == commit for tag in described.get("tags", ()))
    return tagged or any(version in (commit, digests.get(uri) or commit) for uri, version in found)


def running(service: Mapping[str, Any]) -> str | None:
    """The service's current task definition: of its PRIMARY deployment, or under CODE_DEPLOY of its task set."""
    parts = [*service.get("deployments", ()), *service.get("taskSets", ())]
    found: Mapping[str, Any] = next((part for part in parts if part.get("status") == "PRIMARY"), {})
    return found.get("taskDefinition")


def named_by(services: Iterable[Mapping[str, Any]]) -> set[str]:
    """The task definitions of services, including those of all their deployments and task sets."""
    found: set[str] = set()
    for service in services:
        parts = [service, *service.get("deployments", ()), *service.get("taskSets", ())]
        found |= {str(part["taskDefinition"]) for part in parts if part.get("taskDefinition")}
    return found


def _number(arn: str) -> int:
    return int(arn.rpartition(":")[2])
