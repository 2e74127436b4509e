"""Artifacts as zip files: nothing leaves the folder, nothing fills the memory."""

from __future__ import annotations

import io
import zipfile

import pytest

from ecs_cd.local.codepipeline import artifacts
from ecs_cd.local.codepipeline.work import World
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import S3Object
from tests.machine.local.codepipeline.conftest import BUCKET

FILES = {"a.json": b"{}", "folder/b": b"\x00"}


def zipped(**entries: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_an_artifact_comes_back_as_it_was(world: World) -> None:
    """Through S3, and byte by byte the same for the same files."""
    body = artifacts.zipped(FILES)
    artifacts.put(world.aws, S3Object(BUCKET, "pipeline/a.zip"), body)
    assert artifacts.files(artifacts.get(world.aws, S3Object(BUCKET, "pipeline/a.zip"))) == FILES
    assert artifacts.zipped(FILES) == body


@pytest.mark.parametrize("name", ["../a", "/etc/a", "b/../../a", "..\\a", "C:/a"])
def test_a_path_outside_is_refused(name: str) -> None:
    """Whoever made the artifact."""
    with pytest.raises(Refused, match="a path outside of its folder"):
        artifacts.files(zipped(**{name: "x"}))


@pytest.mark.parametrize("body", [b"", b"no zip", artifacts.zipped(FILES)[:-30], b"PK\x05\x06" + bytes(17)])
def test_what_is_no_zip_file_is_refused(body: bytes) -> None:
    """With words, not with a traceback."""
    with pytest.raises(Refused, match="is not a zip file that can be read"):
        artifacts.files(body)


def test_an_archive_that_is_too_large_unpacked_is_refused() -> None:
    """A small file can hold gigabytes of zeros."""
    body = zipped(zeros="0" * 100_000)
    assert len(body) < 1000 and artifacts.files(body, limit=100_000)
    with pytest.raises(Refused, match="more than 99999 bytes, unpacked"):
        artifacts.files(body, limit=99_999)
