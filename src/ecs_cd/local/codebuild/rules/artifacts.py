"""Which files of a build are in an artifact or a report; and artifacts as zip archives.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.artifacts.files
"""

from __future__ import annotations

import calendar
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ecs_cd.local.codebuild.rules.buildspec import Buildspec, Files
from ecs_cd.model.errors import Refused
from ecs_cd.model.globs import glob

_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError)


@dataclass(frozen=True)
class File:
    """A file, a symbolic link, or a folder, by its mode. The content of a link is where it leads to."""

    content: bytes
    mode: int = stat.S_IFREG | 0o644
    modified: float = 0.0  # seconds since the epoch; not in an archive made here, so that equal files make equal ones


def wanted(spec: Buildspec, output: str, outputs: Collection[str]) -> Files | None:
    """What the buildspec puts into an output artifact: by its name, or for a single one also without."""
    return spec.secondary.get(output) or (spec.artifact if len(outputs) == 1 else None)


def chosen(names: Iterable[str], files: Files) -> dict[str, str]:
    """The chosen files by their names in the artifact."""
    base = files.base.strip("/").removeprefix("./").rstrip("/")
    under = glob(base) if base and base != "." else None
    found = {}
    for name in sorted(names):
        inner = name if under is None else _below(name, under)
        if inner is None or not _any(files.files, inner) or _any(files.exclude, inner):
            continue
        found[inner.rpartition("/")[2] if files.discard_paths else inner] = name
    return found


def _below(name: str, base: re.Pattern[str]) -> str | None:
    """The path below the base directory, which may be a pattern as well."""
    parts = name.split("/")
    for length in range(1, len(parts)):
        if base.fullmatch("/".join(parts[:length])):
            return "/".join(parts[length:])
    return None


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(glob(each.removeprefix("./")).fullmatch(name) for each in patterns)


# ---- archives ----


def zipped(files: Mapping[str, File]) -> bytes:
    """An archive of these files, with their modes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, file.mode << 16
            archive.writestr(entry, file.content)
    return packed.getvalue()


def unzipped(body: bytes, limit: int | None = None) -> dict[str, File]:
    """The entries of an archive, folders too. Raises ``Refused`` for a path outside of the archive's folder, and for
    more than ``limit`` bytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = archive.infolist()
            outside = [entry.filename for entry in entries if _is_outside(entry.filename)]
            if outside:
                raise Refused(f"the zip file has a path outside of its folder: {outside[0]!r}")
            if limit is not None and sum(entry.file_size for entry in entries) > limit:
                raise Refused(f"the zip file has more than {limit} bytes, unpacked")
            return {entry.filename: _file(entry, archive.read(entry)) for entry in entries}
    except _UNREADABLE as error:
        raise Refused(f"the artifact is not a zip file that can be read: {error}") from error


def _is_outside(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/")


def _file(entry: zipfile.ZipInfo, content: bytes) -> File:
    """Archives not made on Unix have no modes; those of Go may have no date, which is month 0."""
    mode, modified = entry.external_attr >> 16, 0.0
    kind = stat.S_IFDIR if entry.is_dir() else stat.S_IFLNK if stat.S_ISLNK(mode) else stat.S_IFREG
    with suppress(ValueError):
        modified = calendar.timegm((*entry.date_time, 0, 0, 0))
    return File(content, kind | (stat.S_IMODE(mode) or (0o755 if entry.is_dir() else 0o644)), modified)
