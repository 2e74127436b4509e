"""Which files of a build are in an artifact or a report, and an artifact's archive.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.artifacts.files
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ecs_cd.local.codebuild.rules.buildspec import Buildspec, Files


@dataclass(frozen=True)
class File:
    """A file of the build: its content, and its permissions."""

    content: bytes
    mode: int = 0o644


def wanted(spec: Buildspec, output: str, outputs: Collection[str]) -> Files | None:
    """What the buildspec puts into an output artifact: by its name, or for a single one also without."""
    return spec.secondary.get(output) or (spec.artifact if len(outputs) == 1 else None)


def chosen(names: Iterable[str], files: Files) -> dict[str, str]:
    """The chosen files by their names in the artifact."""
    base = files.base.strip("/").removeprefix("./").rstrip("/")
    under = _pattern(base) if base and base != "." else None
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
    return any(_pattern(each.removeprefix("./")).fullmatch(name) for each in patterns)


def _pattern(text: str) -> re.Pattern[str]:
    """`*` and `?` stay within a folder, `**` goes into folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", text)
    means = {"**/": r"(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(means.get(part, re.escape(part)) for part in parts), re.DOTALL)


def zipped(files: Mapping[str, File]) -> bytes:
    """An artifact: the files with their permissions."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100000 | file.mode) << 16
            archive.writestr(entry, file.content)
    return content.getvalue()
