"""Files of the job's workspace, and where its checkout is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ecs_cd.ci import run
from ecs_cd.model import text
from ecs_cd.model.errors import Refused

_LARGEST = 1024 * 1024  # bytes; a link can lead to a file without an end


def read_file(path: str, *, what: str) -> str:
    """Reads a text file of the workspace. Raises ``Refused`` if it can't be read, or is longer than any such file."""
    remedy = (
        "A path is relative to the working directory; on GitHub, is there an actions/checkout step before this one?"
    )
    if text.unusable(path):
        raise Refused(f"{what}: no path can have a NUL character", remedy)
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) <= _LARGEST:
            return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        why = f"it has more than {_LARGEST} bytes"
    except OSError as error:
        why = error.strerror or str(error)
    except UnicodeDecodeError:
        why = "it is not UTF-8 text"
    raise Refused(f"{what} {path} can't be read: {why}", remedy)


def top(place: str | Path = ".") -> Path | None:
    """The top folder of the checkout around a place; ``None`` outside of a checkout.

    Git itself would also take a folder with the files of a bare repository, which a commit can contain. No commit can
    contain a `.git`.
    """
    ceilings = os.environ.get("GIT_CEILING_DIRECTORIES", "").split(os.pathsep)
    try:
        here = real(place)
    except OSError:  # the working directory has been removed
        return None
    for folder in (here, *here.parents):
        if folder != here and str(folder) in ceilings:
            return None
        if (folder / ".git").is_file() or (folder / ".git" / "HEAD").is_file():
            return folder
    return None


def roots(environ: Mapping[str, str]) -> frozenset[Path]:
    """The folders whose content comes from the checkout: the CI system's workspaces, and the checkout around the
    working directory."""
    found = {top(), *map(real, run.workspaces(environ))}
    return frozenset(folder for folder in found if folder and folder != folder.parent)


def inside(path: str | Path, folders: Iterable[Path]) -> bool:
    """Whether the path, as written or behind its symlinks, is in one of these folders."""
    written = Path(os.path.abspath(path))  # noqa: PTH100  # resolve() would follow symlinks
    return any(place.is_relative_to(folder) for folder in folders for place in (written, real(path)))


def real(path: str | Path) -> Path:
    """The path without symlinks. `Path.resolve` raises a RuntimeError for a symlink that leads to itself, and a commit
    can hold such a symlink."""
    return Path(os.path.realpath(path))
