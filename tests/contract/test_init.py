"""What `ecs-cd init` writes, read by actionlint."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ecs_cd.init.rules.result import make
from ecs_cd.init.rules.versions import OLDEST
from tests.rules.init.repositories import CASES, files, snapshot

ACTIONLINT = Path(sys.executable).parent / "actionlint"


def complaints(folder: Path, texts: dict[str, str]) -> str:
    """What actionlint says about these workflows."""
    for name, text in texts.items():
        (folder / name).write_text(text)
    command = [str(ACTIONLINT), "-no-color", "-oneline", *(str(folder / name) for name in texts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.stem))
def test_actionlint_accepts_the_workflows(case: Path, tmp_path: Path) -> None:
    """Also where the old workflow has actions and runners that no longer run."""
    result = make(snapshot(files(case)))
    new = {
        path.rpartition("/")[2]: text for path, text in result.files.items() if path.startswith(".github/workflows/")
    }
    assert new
    assert complaints(tmp_path, new) == ""


def test_actionlint_accepts_the_versions(tmp_path: Path) -> None:
    """Of every action in the table: the oldest that runs; the one before is refused."""
    head = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
    new = "".join(f"      - uses: {name}@v{number}\n" for name, number in OLDEST.items())
    old = "".join(f"      - uses: {name}@v{number - 1}\n" for name, number in OLDEST.items())
    runtime = ("deprecated", "runtime or service")
    said = complaints(tmp_path, {"new.yml": head + new}).splitlines()
    assert [line for line in said if any(word in line for word in runtime)] == []
    said = complaints(tmp_path, {"old.yml": head + old}).splitlines()
    assert len([line for line in said if any(word in line for word in runtime)]) == len(OLDEST)
