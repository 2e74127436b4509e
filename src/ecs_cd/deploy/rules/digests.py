"""Whether the running tasks run the requested digests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ecs_cd.model.references import short


def missing(
    running: Sequence[Mapping[str, Any]],
    task_definition: str,
    images: Mapping[str, str],
    children: Mapping[str, frozenset[str]],
) -> list[str]:
    """Where the running tasks do not run ``images``; empty if all do.

    ``images`` maps containers to ``repository@digest``; ``children`` maps such an image to the digests
    of the manifests in its index, one of which is what a task reports of an image for several platforms.
    A task that reports no digest runs what its task definition names, which is a digest.
    """
    found = []
    for task in running:
        name = f"task {short(str(task.get('taskArn', '')))}"
        if task.get("taskDefinitionArn") != task_definition:
            found.append(f"{name} runs {short(str(task.get('taskDefinitionArn', '')))}")
            continue
        for container in task.get("containers", ()):
            asked = images.get(str(container.get("name")))
            runs = str(container.get("imageDigest") or "")
            if asked is None or not runs:
                continue
            if runs != asked.partition("@")[2] and runs not in children.get(asked, frozenset()):
                found.append(f"{name}: container `{container['name']}` runs {runs}, not {asked}")
    return found


def children(manifest: str) -> frozenset[str]:
    """The digests of the manifests that an image index names; none for a manifest of one image."""
    content: dict[str, Any] = json.loads(manifest)
    return frozenset(str(entry["digest"]) for entry in content.get("manifests", ()))
