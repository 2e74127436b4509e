"""Artifacts: zip archives in S3."""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ecs_cd.aws.session import Aws
from ecs_cd.local.codepipeline.work import Work
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import S3Object

_LARGEST = 256 * 1024 * 1024  # unpacked; the archives whose files an action reads are far smaller
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError)


def get(aws: Aws, place: S3Object) -> bytes:
    """The archive."""
    return bytes(aws.client("s3").get_object(Bucket=place.bucket, Key=place.key)["Body"].read())


def put(aws: Aws, place: S3Object, body: bytes) -> None:
    """Writes the archive."""
    aws.client("s3").put_object(Bucket=place.bucket, Key=place.key, Body=body)


def put_output(aws: Aws, work: Work, body: bytes) -> None:
    """Writes the only output artifact of a source."""
    if len(work.outputs) != 1:
        raise Refused(
            f"the action {work.action} has {len(work.outputs)} output artifacts; a {work.provider} source has one"
        )
    put(aws, next(iter(work.outputs.values())), body)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An archive of these files; equal files give equal archives."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(_entry(name), content)
    return packed.getvalue()


def zipped_folder(folder: Path) -> bytes:
    """An archive of the folder, with its links, executable files and empty folders: Git needs its own."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, inner, names in os.walk(folder):
            links = [name for name in inner if Path(place, name).is_symlink()]
            for name in sorted([*names, *links]):
                path = Path(place, name)
                archive.writestr(_entry_of(path, folder), _content(path), zipfile.ZIP_DEFLATED)
            if not names and not inner:
                archive.writestr(f"{Path(place).relative_to(folder).as_posix()}/", b"")
    return packed.getvalue()


def files(body: bytes, *, limit: int = _LARGEST) -> Mapping[str, bytes]:
    """The files of an archive by their paths. Raises ``Refused`` for a path outside of the archive's folder, and for
    more than ``limit`` bytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            outside = [entry.filename for entry in entries if not _inside(entry.filename)]
            if outside:
                raise Refused(f"the zip file has a path outside of its folder: {outside[0]!r}")
            if sum(entry.file_size for entry in entries) > limit:
                raise Refused(f"the zip file has more than {limit} bytes, unpacked")
            return {entry.filename: archive.read(entry) for entry in entries}
    except _UNREADABLE as error:
        raise Refused(f"the artifact is not a zip file that can be read: {error}") from error


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return entry


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not (path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name.partition("/")[0])


def _entry_of(path: Path, folder: Path) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
    entry.external_attr = path.lstat().st_mode << 16
    return entry


def _content(path: Path) -> bytes:
    return os.fsencode(path.readlink()) if stat.S_ISLNK(path.lstat().st_mode) else path.read_bytes()
