"""Which files are in an artifact; as a zip file nothing leaves the folder, nothing fills the memory."""

from __future__ import annotations

import io
import stat
import zipfile

import pytest

from ecs_cd.local.codebuild.rules.artifacts import File, chosen, unzipped, wanted, zipped
from ecs_cd.local.codebuild.rules.buildspec import Buildspec, Files
from ecs_cd.model.errors import Refused

TREE = ["a.txt", "b.json", "out/a.txt", "out/deep/a.txt", "out/deep/deeper/c.txt", "out2/d.txt", ".hidden"]


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (Files(("a.txt",)), {"a.txt"}),
        (Files(("./a.txt",)), {"a.txt"}),
        (Files(("out/a.txt",)), {"out/a.txt"}),
        (Files(("*",)), {"a.txt", "b.json", ".hidden"}),
        (Files(("*.txt",)), {"a.txt"}),
        (Files(("**/*",)), set(TREE)),
        (Files(("**/a.txt",)), {"a.txt", "out/a.txt", "out/deep/a.txt"}),
        (Files(("out/*",)), {"out/a.txt"}),
        (Files(("out/**/*",)), {"out/a.txt", "out/deep/a.txt", "out/deep/deeper/c.txt"}),
        (Files(("a?txt", "b.json")), {"a.txt", "b.json"}),
        (Files(("out",)), set()),
        (Files(("none",)), set()),
        (Files(("**/*",), "out"), {"a.txt", "deep/a.txt", "deep/deeper/c.txt"}),
        (Files(("*",), "./out/deep/"), {"a.txt"}),
        (Files(("**/*",), "out*"), {"a.txt", "deep/a.txt", "deep/deeper/c.txt", "d.txt"}),
        (Files(("**/*",), "out", True), {"a.txt", "c.txt"}),
        (Files(("**/*",), "out", False, ("deep/**/*",)), {"a.txt"}),
        (Files(("**/*",), "."), set(TREE)),
    ],
)
def test_patterns_choose_files(files: Files, names: set[str]) -> None:
    """`*` stays in a folder, `**` goes into folders; names are below the base directory."""
    assert set(chosen(TREE, files)) == names


def test_a_name_leads_to_the_file() -> None:
    """The name in the artifact, and the path in the build's folder."""
    assert chosen(TREE, Files(("deep/*",), "out")) == {"deep/a.txt": "out/deep/a.txt"}


@pytest.mark.parametrize(
    ("output", "outputs", "files"),
    [
        ("A", ["A"], ("primary",)),
        ("B", ["B"], ("b",)),
        ("B", ["A", "B"], ("b",)),
        ("A", ["A", "B"], None),
    ],
)
def test_an_output_artifact_has_its_definition(output: str, outputs: list[str], files: tuple[str, ...] | None) -> None:
    """The one of its name, or for a single output the primary one."""
    spec = Buildspec(artifact=Files(("primary",)), secondary={"B": Files(("b",))})
    found = wanted(spec, output, outputs)
    assert (found and found.files) == files


def test_an_archive_keeps_what_files_are() -> None:
    """Modes, links, empty folders; equal files make equal archives."""
    files = {
        "d/run.sh": File(b"x", stat.S_IFREG | 0o755),
        "a:b\\c": File(b"y"),
        "link": File(b"d/run.sh", stat.S_IFLNK | 0o777),
        "empty/": File(b"", stat.S_IFDIR | 0o700),
    }
    found = unzipped(zipped(files))
    assert {name: (file.content, file.mode) for name, file in found.items()} == {
        name: (file.content, file.mode) for name, file in files.items()
    }
    assert zipped(files) == zipped(files)


@pytest.mark.parametrize(
    ("date", "modified"), [((2026, 1, 2, 3, 4, 6), 1767323046), ((1980, 0, 0, 0, 0, 0), 0)]
)  # the second is what Go writes for a file without a time
def test_an_archive_of_another_system_is_read(date: tuple[int, ...], modified: float) -> None:
    """Without modes, and without dates."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo("a", date)  # type: ignore[arg-type]
        entry.external_attr = 1  # of DOS
        archive.writestr(entry, "y")
    assert unzipped(packed.getvalue()) == {"a": File(b"y", stat.S_IFREG | 0o644, modified)}


@pytest.mark.parametrize("name", ["../a", "/etc/a", "b/../../a", ".."])
def test_a_path_outside_is_refused(name: str) -> None:
    """Whoever made the artifact."""
    with pytest.raises(Refused, match="a path outside of its folder"):
        unzipped(zipped({name: File(b"x")}))


@pytest.mark.parametrize("body", [b"", b"no zip", zipped({"a": File(b"x")})[:-30], b"PK\x05\x06" + bytes(17)])
def test_what_is_no_zip_file_is_refused(body: bytes) -> None:
    """With words, not with a traceback."""
    with pytest.raises(Refused, match="is not a zip file that can be read"):
        unzipped(body)


def test_an_archive_that_is_too_large_unpacked_is_refused() -> None:
    """A small file can hold gigabytes of zeros."""
    body = zipped({"zeros": File(b"0" * 100_000)})
    assert len(body) < 1000 and unzipped(body, limit=100_000)
    with pytest.raises(Refused, match="more than 99999 bytes, unpacked"):
        unzipped(body, limit=99_999)
