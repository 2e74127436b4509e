"""Artifacts in S3, and the files in them."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from ecs_cd.aws.session import Aws
from ecs_cd.local.codebuild.rules.artifacts import File, unzipped, zipped
from ecs_cd.local.codepipeline.work import Work
from ecs_cd.model.references import S3Object

_LARGEST = 256 * 1024 * 1024  # bytes, unpacked; the archives whose files an action reads are far smaller


def get(aws: Aws, place: S3Object) -> bytes:
    """The archive."""
    return bytes(aws.client("s3").get_object(Bucket=place.bucket, Key=place.key)["Body"].read())


def put(aws: Aws, place: S3Object, body: bytes) -> None:
    """Writes the archive."""
    aws.client("s3").put_object(Bucket=place.bucket, Key=place.key, Body=body)


def put_output(aws: Aws, work: Work, body: bytes) -> None:
    """Writes the output artifact of a source, which has one."""
    (place,) = work.outputs.values()
    put(aws, place, body)


def files(body: bytes) -> Mapping[str, bytes]:
    """The files of an archive by their paths, without folders."""
    return {name: file.content for name, file in unzipped(body, _LARGEST).items() if not stat.S_ISDIR(file.mode)}


def zipped_folder(folder: Path) -> bytes:
    """An archive of the folder, with its links, executable files and empty folders: Git needs its own."""
    found = {}
    for place, inner, names in os.walk(folder):
        links = [name for name in inner if Path(place, name).is_symlink()]
        for path in (Path(place, name) for name in sorted([*names, *links])):
            content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
            found[path.relative_to(folder).as_posix()] = File(content, path.lstat().st_mode)
        if not names and not inner:
            found[f"{Path(place).relative_to(folder).as_posix()}/"] = File(b"", Path(place).stat().st_mode)
    return zipped(found)
