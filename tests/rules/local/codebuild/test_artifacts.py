"""Which files are in an artifact."""

from __future__ import annotations

import io
import stat
import zipfile

import pytest

from ecs_cd.local.codebuild.rules.artifacts import File, chosen, wanted, zipped
from ecs_cd.local.codebuild.rules.buildspec import Buildspec, Files

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


def test_an_archive_keeps_permissions() -> None:
    """A script stays executable."""
    with zipfile.ZipFile(io.BytesIO(zipped({"d/run.sh": File(b"x", 0o755), "a": File(b"y")}))) as archive:
        modes = {each.filename: stat.S_IMODE(each.external_attr >> 16) for each in archive.infolist()}
        assert modes == {"d/run.sh": 0o755, "a": 0o644}
        assert archive.read("d/run.sh") == b"x"
