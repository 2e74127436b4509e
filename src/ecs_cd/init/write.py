"""Writes the new files: all of them, or none. It never overwrites a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ecs_cd.model.errors import Refused


def check(root: Path, files: Mapping[str, str]) -> None:
    """Raises ``Refused`` if a file exists, or if a path leads out of the checkout."""
    problems = []
    for name in files:
        path = root / name
        if os.path.lexists(path):
            problems.append(f"{name} is there already")
        elif not _inside(path.parent, root):
            problems.append(f"{name} would be outside of the checkout, behind a symlink")
        elif any(parent.exists() and not parent.is_dir() for parent in path.parents if parent != root):
            problems.append(f"{name} can't be written: a file has the name of its folder")
    if problems:
        raise Refused(
            problems, "ecs-cd init overwrites nothing: remove or rename these, or use --dry-run. Nothing was written."
        )


def write(root: Path, files: Mapping[str, str]) -> None:
    """Writes all files. Raises ``Refused`` after removing what it has written if one can't be written."""
    check(root, files)
    made: list[Path] = []
    try:
        for name, text in files.items():
            _write(root, root / name, text, made)
    except BaseException as error:
        for path in reversed(made):
            _remove(path)
        if isinstance(error, OSError):
            place = Path(error.filename or root)
            shown = place.relative_to(root) if place.is_relative_to(root) else place
            raise Refused(
                f"{shown} can't be written: {error.strerror or error}",
                "Nothing was written. Check the folder's permissions.",
            ) from None
        raise


def _write(root: Path, path: Path, text: str, made: list[Path]) -> None:
    for folder in reversed([parent for parent in path.parents if parent.is_relative_to(root) and not parent.exists()]):
        folder.mkdir()
        made.append(folder)
    with path.open("x", encoding="utf-8", newline="\n") as file:
        made.append(path)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    with suppress(OSError):  # another process may have put something there
        path.rmdir() if path.is_dir() else path.unlink()


def _inside(folder: Path, root: Path) -> bool:
    return Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(root))
