"""Task definitions and Dockerfiles of the repository: their names and containers."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ecs_cd.init.rules.scope import Snapshot
from ecs_cd.model import json_yaml
from ecs_cd.model.errors import Refused


@dataclass(frozen=True)
class Definition:
    """A task definition in a file: ``images`` by the containers' names, in their order."""

    path: str
    family: str
    images: dict[str, str]
    essential: tuple[str, ...] = ()
    account: str = ""

    def container_of(self, placeholder: str) -> list[str]:
        """The containers whose image has this text."""
        return [name for name, image in self.images.items() if placeholder and placeholder in image]


def read(path: str, text: str) -> Definition | None:
    """The task definition in a text; ``None`` if it is none, or broken."""
    try:
        content = json_yaml.parse(text, what=path, numbers_as_written=True)
    except Refused:
        return None
    inner = content.get("taskDefinition", content) if isinstance(content, dict) else content
    containers = inner.get("containerDefinitions") if isinstance(inner, dict) else inner
    if not isinstance(containers, list) or not all(isinstance(each, dict) for each in containers):
        return None
    if isinstance(inner, list) and not any("image" in each for each in containers):
        return None
    family = str(inner.get("family") or "") if isinstance(inner, dict) else ""
    found = {str(each["name"]): str(each.get("image") or "") for each in containers if each.get("name")}
    essential = tuple(str(each["name"]) for each in containers if each.get("name") and _essential(each))
    return Definition(path, family, found, essential)


def _essential(container: dict[str, Any]) -> bool:
    return str(container.get("essential", "true")).lower() != "false"


def all_of(snapshot: Snapshot) -> dict[str, Definition]:
    """The task definitions of the repository, by their paths."""
    made = (
        read(path, text)
        for path, text in sorted(snapshot.texts.items())
        if "ontainerDefinitions" in text and path.rpartition(".")[2] not in ("sh", "md") and ".github/" not in path
    )
    return {found.path: found for found in made if found is not None and found.images}


def dockerfiles(snapshot: Snapshot) -> Iterator[str]:
    """The Dockerfiles of the repository, those near its top first."""
    found = [path for path in snapshot.paths if _is_dockerfile(posixpath.basename(path))]
    return iter(sorted(found, key=lambda path: (path.count("/"), path)))


def _is_dockerfile(name: str) -> bool:
    return (
        name == "Dockerfile"
        or (name.startswith("Dockerfile.") and not name.endswith(".dockerignore"))
        or (name.endswith((".Dockerfile", ".dockerfile")))
    )
