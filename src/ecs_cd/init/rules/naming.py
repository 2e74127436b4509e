"""Names for images: from the app's own folders and Dockerfiles, not from the infrastructure's."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from ecs_cd.init.rules.facts import Build
from ecs_cd.init.rules.images import split

_GENERIC = {
    "", ".", "app", "apps", "docker", "build", "services", "packages", "src", "dockerfile", "prod", "production",
    "deploy", "infra", "ci", "infrastructure", "containers", "images", "release", "final", "runner",
}  # fmt: skip
Key = tuple[str, str, str]


def key(build: Build) -> Key:
    """What makes two builds one image of the app: the context, the Dockerfile and the target."""
    return build.context, build.file, build.target


def names(groups: Iterable[Collection[tuple[Key, str]]]) -> dict[tuple[Key, str], str]:
    """The image's name for each build with its repository's name; ``app`` if there is only one kind of build.

    A group holds the builds of one document: in it, each repository needs its own name. In different documents, a
    build has one name whatever its repository, because environments have their own repositories.
    """
    groups = list(groups)
    several = {each for group in groups for each, _ in group if len({name for one, name in group if one == each}) > 1}
    distinct = list(dict.fromkeys((each, name if each in several else "") for group in groups for each, name in group))
    chosen: dict[tuple[Key, str], str] = {}
    for each in distinct:
        base = "app" if len(distinct) == 1 else _name(each[0]) or _last(each[1]) or "app"
        name, number = base, 2
        while name in chosen.values():
            name, number = f"{base}-{number}", number + 1
        chosen[each] = name
    return {(each, name): chosen[each, name if each in several else ""] for group in groups for each, name in group}


def _name(of: Key) -> str:
    context, file, target = of
    base = file.rpartition("/")[2]
    folders = [*file.split("/")[:-1][::-1], *([] if "://" in context else context.split("/")[::-1])]
    suffix = re.sub(r"^Dockerfile\.?|\.[Dd]ockerfile$", "", base)
    for candidate in (suffix, *folders, target):
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", candidate).strip("-._").lower()
        if name not in _GENERIC:
            return name
    return ""


def _last(repository: str) -> str:
    """The last part of a repository's name, if it is known."""
    name = split(repository).name.rpartition("/")[2]
    return re.sub(r"[^a-z0-9-]", "", name) if "\ue000" not in name else ""
