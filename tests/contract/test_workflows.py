"""The workflows that people copy: those of the README and of the examples."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ecs_cd import interface
from tests.contract import parts
from tests.contract.parts import ROOT, Step

COPIED = {where: workflow for where, workflow in parts.workflows().items() if not where.startswith(".github")}
OUTPUT = re.compile(r"steps\.([\w-]+)\.outputs\.([\w-]+)")


@pytest.fixture(params=COPIED)
def where(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ours(where: str) -> list[Step]:
    return [step for step in parts.steps(where, COPIED[where]) if step.verb]


def test_there_are_workflows_to_copy() -> None:
    """The README shows the whole pipeline and the separate actions; each example has a workflow."""
    verbs = {step.verb for where in COPIED for step in ours(where) if where.startswith("README.md")}
    assert verbs == {name for name, verb in interface.VERBS.items() if verb.action}
    for example in (ROOT / "examples").iterdir():
        assert any(where.startswith(f"examples/{example.name}/") for where in COPIED)


def test_a_workflow_gives_inputs_that_exist(where: str) -> None:
    """GitHub only warns of an unknown input; a test fails."""
    for step in ours(where):
        options = interface.options(interface.VERBS[step.verb].inputs)
        given = step.content.get("with", {})
        assert set(given) <= set(options), step.where
        assert {name for name, option in options.items() if option.required} <= set(given), step.where


def test_values_in_a_workflow_are_valid(where: str) -> None:
    """What is written out is read without complaint; expressions stand for any text."""
    for step in ours(where):
        given = {name: re.sub(r"\$\{\{.*?\}\}", "x", str(text)) for name, text in step.content["with"].items()}
        interface.read(interface.VERBS[step.verb].inputs, {name: text for name, text in given.items() if text != "x"})


def test_a_workflow_reads_outputs_that_exist(where: str) -> None:
    """An output that does not exist is an empty text, and nobody says so."""
    by_id = {step.content["id"]: interface.VERBS[step.verb].outputs for step in ours(where) if "id" in step.content}
    for step_id, output in OUTPUT.findall(str(COPIED[where])):
        if step_id in by_id:
            assert output in by_id[step_id], f"{where}: {step_id}.{output}"


def test_a_workflow_never_cancels_a_deployment(where: str) -> None:
    """The next push waits: `concurrency` without `cancel-in-progress`."""
    workflow: dict[Any, Any] = COPIED[where]
    assert workflow["concurrency"]["cancel-in-progress"] is False


def test_a_workflow_asks_for_no_more_than_it_needs(where: str) -> None:
    """No permissions but each job's own: to read the repository, to sign in."""
    workflow: dict[Any, Any] = COPIED[where]
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert set(job["permissions"].items()) <= {("contents", "read"), ("id-token", "write")}


def test_the_workflows_of_the_readme_are_valid(tmp_path: Path) -> None:
    """actionlint finds nothing; those in files are checked by `make lint`."""
    files = []
    for number, block in enumerate(block for block in parts.readme_blocks("yaml") if "jobs:" in block):
        files.append(tmp_path / f"{number}.yml")
        files[-1].write_text(block, encoding="utf-8")
    actionlint = Path(sys.executable).with_name("actionlint")
    done = subprocess.run([actionlint, *files], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
