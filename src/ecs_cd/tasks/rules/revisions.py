"""Revisions: which of a family are no longer needed, which images they run, and which of them a service runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ecs_cd.model.references import Repository, image_reference, short


def expired(active: Collection[str], keep: int, used: Collection[str]) -> list[str]:
    """The active revisions of a family to deregister, oldest first.

    Keeps the newest ``keep``, at least one, and those in ``used``, which may be ARNs or ``family:revision``.
    """
    names = {short(name) for name in used}
    oldest_first = sorted(active, key=_number)
    return [arn for arn in oldest_first[: -max(keep, 1)] if short(arn) not in names]


def images(definition: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The images of a task definition by container: the repository, and the digest or else the tag."""
    containers = definition.get("containerDefinitions", ())
    return {str(each["name"]): image_reference(str(each.get("image", ""))) for each in containers}


def has_commit(
    described: Mapping[str, Any], commit: str, places: Mapping[str, Repository], digests: Mapping[Repository, str]
) -> bool:
    """Whether a described revision has a tag with the commit, or runs the commit's images in these containers.

    ``digests`` are those of the commit's images, empty where ECR has none. One equal image is not enough: commits share
    the images that they do not change.
    """
    found = images(described.get("taskDefinition", {}))
    runs = []
    for container, place in places.items():
        tag, digest = place.tag(commit), digests[place]
        uri, version = found.get(container, ("", ""))
        if digest or version == tag:  # a sidecar's repository has no image of the commit
            runs.append(uri == str(place) and version in (tag, digest))
    tagged = any(tag.get("value") == commit for tag in described.get("tags", ()))
    return tagged or (bool(runs) and all(runs))


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
