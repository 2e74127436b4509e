"""Writes the app file: the parts of each build that all environments share."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ecs_cd.init.rules.emit import lines
from ecs_cd.init.rules.facts import Build
from ecs_cd.init.rules.plan import Document
from ecs_cd.init.rules.scope import Snapshot
from ecs_cd.init.rules.values import is_known

PATH = ".github/ecs-cd.yml"
_ARGUMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)=(.*)", re.DOTALL)
_PLATFORM = re.compile(r"[a-z0-9_.()]+(?:/[A-Za-z0-9_.-]+){1,2}")
_CREDENTIAL = re.compile(r"AWS_.*|GITHUB_TOKEN|ACTIONS_.*")


@dataclass
class AppFile:
    """The text, the keys that are unknown, and the build arguments that it holds, by image."""

    text: str = ""
    unknown: list[tuple[str, str]] = field(default_factory=list)
    arguments: dict[str, dict[str, str]] = field(default_factory=dict)


def write(documents: Iterable[Document], snapshot: Snapshot) -> AppFile:
    """The app file of all documents."""
    builds: dict[str, list[Build | None]] = {}
    for document in documents:
        for image in document.images:
            builds.setdefault(image.name, []).append(image.build)
    result = AppFile()
    images: dict[str, object] = {}
    for name, all_builds in builds.items():
        images[name] = _image(name, [build for build in all_builds if build is not None], snapshot, result)
    head = [
        "# How the images of this app are built. Each key is described in docs/reference/app-file.md of ecs-cd.",
        *(f"# TODO: {path}: {what}" for path, what in result.unknown),
    ]
    result.text = "\n".join([*head, *lines("images", images, 0)]) + "\n"
    return result


def _image(name: str, builds: list[Build], snapshot: Snapshot, result: AppFile) -> dict[str, object]:
    path = f"images.{name}"
    if not builds:
        result.unknown.append((f"{path}.context", "no step of a workflow builds this image"))
        return {"context": "."}
    build = builds[-1]
    made: dict[str, object] = {"context": _context(path, build, result)}
    default = posixpath.normpath(posixpath.join(build.context, "Dockerfile"))
    if build.file and build.file != default and is_known(build.file) and "${{" not in build.file:
        made["file"] = build.file
    if not snapshot.find(build.file or default) and "://" not in build.context:
        result.unknown.append((f"{path}.file", f"{build.file or default} is not in the repository ({build.place})"))
    if build.target and is_known(build.target) and " " not in build.target:
        made["target"] = build.target
    arguments = constant(builds)
    if arguments:
        made["build-args"] = dict(arguments)
    result.arguments[name] = arguments
    platforms = [each for each in build.platforms if _PLATFORM.fullmatch(each)]
    if platforms:
        made["platforms"] = platforms
    if secrets := _secrets(path, build, result):
        made["secrets"] = secrets
    if build.cache:
        made["cache"] = build.cache
    return made


def _context(path: str, build: Build, result: AppFile) -> str:
    outside = build.context.startswith(("..", "/"))
    if not is_known(build.context) or "${{" in build.context or outside or build.context == "-":
        result.unknown.append((f"{path}.context", f"the folder of the build is not known ({build.place})"))
        return "."
    return build.context


def constant(builds: list[Build]) -> dict[str, str]:
    """The build arguments with the same known value in every build."""
    found: list[dict[str, str]] = [
        {match[1]: match[2] for text in build.arguments if (match := _ARGUMENT.fullmatch(text))} for build in builds
    ]
    return {
        name: value
        for name, value in found[-1].items()
        if is_known(value) and "${{" not in value and all(each.get(name) == value for each in found)
    }


def _secrets(path: str, build: Build, result: AppFile) -> dict[str, dict[str, str]]:
    made: dict[str, dict[str, str]] = {}
    for name, variable in build.secret_envs:
        if _CREDENTIAL.fullmatch(variable) or not re.fullmatch(r"[A-Za-z_]\w*", variable):
            result.unknown.append((f"{path}.secrets.{name}", f"pass it in the input secrets instead ({build.place})"))
        else:
            made[name] = {"env": variable}
    made |= {
        name: {"file": file} for name, file in build.secret_files if is_known(file) and not file.startswith(("..", "/"))
    }
    return made
