"""The folders that the verb artifacts writes: all files or none, and only inside the workspace."""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from ecs_cd.deploy.rules import artifacts
from ecs_cd.job import workspace
from ecs_cd.job.job import Job
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import WorkspaceFile

_CHUNK = 1024 * 1024


def check(to: str, job: Job) -> Path:
    """The folder. Raises ``Refused`` unless it is a folder of its own inside the workspace."""
    roots = {*workspace.roots(job.environ), workspace.real(".")}
    folder = workspace.real(to)
    if folder in roots or not any(folder.is_relative_to(root) for root in roots):
        raise Refused(
            f"to: {to} is not a folder inside the workspace",
            "Name a folder below the working directory, such as `ecs-cd-artifacts`.",
        )
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir():
        raise Refused(f"to: {to} can't be a folder, because {there} is a file")
    return folder


def check_templates(folders: Collection[Path], templates: Iterable[object]) -> None:
    """Raises ``Refused`` if one of these templates would be replaced or removed."""
    places = [workspace.real(each.path) for each in templates if isinstance(each, WorkspaceFile)]
    replaced = [str(place) for place in places if place.parent in folders and artifacts.is_ours(place.name)]
    if replaced:
        raise Refused(
            [f"to: {place} is a template, and its name is that of a file to write" for place in replaced], "Set `to`."
        )


def others(folder: Path) -> int:
    """About the zipped size of the files in the folder that are not from ecs-cd; stops above the limit."""
    size = 0
    for place, _, files in os.walk(folder):
        for name in files:
            if Path(place) == folder and artifacts.is_ours(name):
                continue
            size += _zipped(Path(place, name), artifacts.MOST_ZIPPED - size)
            if size > artifacts.MOST_ZIPPED:
                return size
    return size


def _zipped(path: Path, most: int) -> int:
    if not path.is_file():  # a broken link, a socket
        return 0
    pack, size = zlib.compressobj(), 0
    with path.open("rb") as file:
        while size <= most and (chunk := file.read(_CHUNK)):
            size += len(pack.compress(chunk))
    return size + len(pack.flush())


def write(folders: Mapping[Path, Mapping[str, str]]) -> None:
    """Writes the files of each folder, in place of those that are there, and removes those of an earlier run.

    Each file is complete under another name before any is replaced.
    """
    scratch: dict[Path, Path] = {}
    try:
        for folder, files in folders.items():
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                _check_replaceable(folder / name)
                scratch[_complete(folder, text)] = folder / name
        for new, path in scratch.items():
            new.replace(path)
    finally:
        for new in scratch:
            with suppress(OSError):
                new.unlink()
    for folder, files in folders.items():
        for path in folder.iterdir():
            if artifacts.is_ours(path.name) and path.name not in files and not path.is_dir():
                path.unlink()


def _check_replaceable(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        raise Refused(f"{path} is a folder, where ecs-cd would write a file", "Remove it, or set `to`.")


def _complete(folder: Path, text: str) -> Path:
    """A new file with this content, readable like any other file of the workspace."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".ecs-cd-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).chmod(0o644)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
