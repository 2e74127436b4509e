"""The example workflow `drift`: one issue while there is drift. Its script runs here, with a `gh` that records its calls."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.contract import parts

GH = """#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
case "$1 $2" in
  "issue list") printf '%s' "$OPEN" ;;
  "issue create" | "issue edit") cat > "$CALLS.body" ;;
esac
"""
HOSTILE = '$(touch "$CALLS.hacked") `id` \'; exit 3 #\n-n %s %d\\n'


def run(tmp_path: Path, *, result: str, issue: str = "", complete: str = "true", body: str = HOSTILE) -> list[str]:
    """The calls of `gh` by the script; ``issue`` is the number of the open one, ``complete`` whether everything could be
    compared."""
    jobs = parts.workflows()["examples/single-image/.github/workflows/drift.yml"]["jobs"]
    (step,) = jobs["issue"]["steps"]
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    calls = tmp_path / "calls"
    own = {"CALLS": str(calls), "OPEN": issue, "BODY": body, "RESULT": result, "COMPLETE": complete}
    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", step["run"]], env={**own, "PATH": path}, check=True)
    return [" ".join(line.split()[:2]) for line in calls.read_text().splitlines()]


@pytest.mark.parametrize(
    ("result", "complete", "issue", "calls"),
    [
        ("failed", "true", "", ["issue list", "label create", "issue create"]),
        ("failed", "false", "12", ["issue list", "issue edit"]),
        ("succeeded", "true", "12", ["issue list", "issue close"]),
        ("succeeded", "true", "", ["issue list"]),
        ("succeeded", "false", "12", ["issue list", "issue edit"]),
        ("succeeded", "false", "", ["issue list"]),
    ],
)
def test_one_issue_while_there_is_drift(
    tmp_path: Path, result: str, complete: str, issue: str, calls: list[str]
) -> None:
    """It is opened once, edited afterwards, and closed when the drift is gone: not because something, such as a service
    that is being deployed, could not be compared."""
    assert run(tmp_path, result=result, issue=issue, complete=complete) == calls


def test_the_body_is_only_text(tmp_path: Path) -> None:
    """Nothing in it is carried out, and it arrives as it is."""
    run(tmp_path, result="failed")
    assert (tmp_path / "calls.body").read_text() == f"{HOSTILE}\n"
    assert not (tmp_path / "calls.hacked").exists()
