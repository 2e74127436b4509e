"""ecs_cd.local.sources: what `up` has read, and what a run reads again."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecs_cd.local.sources import Sources
from ecs_cd.model.errors import Refused


def never() -> str:
    raise AssertionError("a run asks no AWS account")


def test_what_has_changed_is_named(tmp_path: Path) -> None:
    """By the path of a file; what is as it was isn't."""
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)

    def read(sources: Sources) -> Sources:
        for name in ("one", "two"):
            sources.file(tmp_path / name, what="the document")
        return sources

    before = read(Sources()).digests
    assert read(Sources(again=True)).changed(before) == []
    (tmp_path / "two").write_text("changed")
    assert read(Sources(again=True)).changed(before) == [str(tmp_path / "two")]


def test_a_run_has_what_up_read_from_aws() -> None:
    """The text is that of `up`; what `up` has not read is refused, with the remedy."""
    first = Sources()
    assert first.of_aws("/a/b", lambda: "text") == "text"
    again = Sources(dict(first.kept), again=True)
    assert again.of_aws("/a/b", never) == "text"
    assert again.changed(first.digests) == []
    with pytest.raises(Refused, match="ecs-cd local up has not read s3://b/k") as refused:
        again.of_aws("s3://b/k", never)
    assert "Run ecs-cd local up again" in refused.value.remedy


def test_a_file_that_is_gone_is_refused_but_not_that_of_variables(tmp_path: Path) -> None:
    """The values of a pipe can be read once; every other file has to be there."""
    path = tmp_path / "local.env"
    path.write_text("A=1")
    first = Sources()
    assert first.values(path, what="the file") == "A=1"
    path.unlink()
    assert Sources(dict(first.kept), again=True).values(path, what="the file") == "A=1"
    for sources, remedy in ((Sources(), ""), (Sources(again=True), "Run ecs-cd local up again")):
        with pytest.raises(Refused, match="can't be read: No such file") as refused:
            sources.file(path, what="the document")
        assert remedy in refused.value.remedy
        with pytest.raises(Refused):
            sources.values(path, what="the file")
