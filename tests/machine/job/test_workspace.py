"""Files of the workspace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ecs_cd.job import programs, workspace
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


def test_the_top_of_the_checkout_is_where_its_repository_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with `.git`, or a file of that name as in a worktree; an empty `.git` is none."""
    (tmp_path / "one" / ".git").mkdir(parents=True)
    (tmp_path / "one" / ".git" / "HEAD").touch()
    (tmp_path / "one" / "two" / ".git").mkdir(parents=True)
    (tmp_path / "one" / "three").mkdir()
    (tmp_path / "one" / "three" / ".git").touch()
    (tmp_path / "link").symlink_to("one/two")
    table = {"one": "one", "one/two": "one", "one/two/nope": "one", "one/three": "one/three", "link": "one"}
    for place, top in table.items():
        assert workspace.top(tmp_path / place) == tmp_path / top
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path / "one"))
    assert workspace.top(tmp_path / "one" / "two") is None
    assert workspace.top(tmp_path / "one") == tmp_path / "one"


def test_a_link_that_leads_to_itself_is_no_defect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit can hold it: on PATH, and around a file."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / ".git").touch()
    (checkout / "loop").symlink_to("loop")
    (tmp_path / "outside").symlink_to(checkout / "loop")
    monkeypatch.chdir(checkout)
    assert programs.path({"PATH": f"{checkout}/loop:{tmp_path}/outside:/bin"}) == "/bin"
    with pytest.raises(Refused, match="can't be read"):
        workspace.read_file("loop/x", what="it")


def test_without_a_working_directory_there_is_no_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step before may have removed it."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert workspace.top() is None
    assert programs.path({"PATH": "bin:/bin"}) == "/bin"
    programs.check_aws_files({})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (None, "/bin:/usr/bin"),
        ("", "/nonexistent"),
        (":", "/nonexistent"),
        ("/bin", "/bin"),
        ("{here}/bin:/bin", "/bin"),
        ("{here}/../{name}:/bin", "/bin"),
        ("{here}2/bin:/bin", "{here}2/bin:/bin"),
        ("~/bin:$HOME/bin:/bin", "/bin"),
    ],
)
@pytest.mark.parametrize("workspace_of_the_ci", [True, False])
def test_path_has_no_folder_of_the_checkout(
    path: str | None, expected: str, workspace_of_the_ci: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor a relative one; an empty PATH would be the working directory."""
    here = tmp_path / "here"
    here.mkdir()
    environ = {"PATH": path.format(here=here, name=here.name)} if path is not None else {}
    if workspace_of_the_ci:
        environ["GITHUB_WORKSPACE"] = str(here)
    else:
        (here / ".git").touch()
        monkeypatch.chdir(here)
    assert programs.path(environ) == expected.format(here=here)
