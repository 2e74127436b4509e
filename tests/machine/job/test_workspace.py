"""Files of the workspace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ecs_cd.job import workspace
from ecs_cd.model.errors import Refused


@pytest.mark.parametrize("path", ["a\0b", "\0", "/dev/null\0", "\ud800"])
def test_a_path_that_can_not_be_one_is_refused(path: str) -> None:
    """As a file that isn't there is."""
    with pytest.raises(Refused, match="the template: no path can have a NUL character") as refused:
        workspace.read_file(path, what="the template")
    assert refused.value.remedy


def test_a_file_without_an_end_is_refused(tmp_path: Path) -> None:
    """A commit can hold a link to a device."""
    (tmp_path / "template.json").symlink_to("/dev/zero")
    with pytest.raises(Refused, match="can't be read: it has more than 1048576 bytes"):
        workspace.read_file(str(tmp_path / "template.json"), what="the template")


def test_a_file_is_read_as_text(tmp_path: Path) -> None:
    """Without a byte order mark, with any line ends; a pipe as well."""
    (tmp_path / "x").write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n")
    assert workspace.read_file(str(tmp_path / "x"), what="it") == "a\nb\nc\n"
    reading, writing = os.pipe()
    os.write(writing, b"text")
    os.close(writing)
    assert workspace.read_file(f"/dev/fd/{reading}", what="it") == "text"
    os.close(reading)
