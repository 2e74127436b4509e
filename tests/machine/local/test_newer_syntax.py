"""What GitHub's workflows may have and act does not know yet: left out of what act gets, and nothing else changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev import workflows
from dev.host import ROOT
from ecs_cd.local import act, machine, newer_syntax

QUEUE = "on: push\nconcurrency:\n  group: g\n  cancel-in-progress: false\n  queue: max\njobs: {}\n"
JOB = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: $/greet\n"
CALL = "on: push\njobs:\n  a:\n    uses: $/.github/workflows/called.yml\n"
CALLED = "on: workflow_call\n" + "jobs: {a: {runs-on: x, steps: [{run: echo}]}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (QUEUE, QUEUE.replace("  queue: max\n", "")),
        ("concurrency:\n  queue: max  # why\n  group: g\n", "concurrency:\n  group: g\n"),
        ("concurrency: {group: g, queue: max}\n", "concurrency: {group: g}\n"),
        ("concurrency: {queue: max, group: g}\n", "concurrency: {group: g}\n"),
        ("jobs:\n  a:\n    concurrency:\n      group: g\n      'queue': single", "jobs:\n  a:\n    concurrency:\n      group: g\n"),
        (JOB, JOB.replace("$/greet", '"local/repository/greet@self"')),
        ("jobs: {a: {uses: \"$/./b\"}}", "jobs: {a: {uses: \"local/repository/b@self\"}}"),
        ("env: {queue: max, uses: x}\n", "env: {queue: max, uses: x}\n"),
        ("concurrency: g\n", "concurrency: g\n"),
        ("a: [", "a: ["),
        ("", ""),
    ],
)  # fmt: skip
def test_only_what_act_does_not_know_is_left_out(text: str, expected: str) -> None:
    """`queue` of `concurrency` and the `$` of `uses: $/...`, however they are written; comments and the rest stay."""
    assert newer_syntax.without(text) == expected


def test_act_gets_copies_and_the_files_stay(tmp_path: Path) -> None:
    """A file without any of it is used in place."""
    repo, scratch = tmp_path / "repo", tmp_path / "scratch"
    (repo / ".github/workflows").mkdir(parents=True)
    scratch.mkdir()
    (repo / ".github/workflows/old.yml").write_text("on: push\njobs: {}\n")
    assert newer_syntax.workflow(repo, "old.yml", scratch) == ".github/workflows/old.yml"
    assert newer_syntax.workflow(repo, "absent.yml", scratch) == ".github/workflows/absent.yml"
    assert newer_syntax.tree(repo, scratch) == repo
    (repo / ".github/workflows/new.yml").write_text(QUEUE)
    assert "queue" not in Path(newer_syntax.workflow(repo, "new.yml", scratch)).read_text()
    copy = newer_syntax.tree(repo, scratch)
    assert "queue" not in (copy / ".github/workflows/new.yml").read_text()
    assert (copy / ".github/workflows/old.yml").exists()
    assert (repo / ".github/workflows/new.yml").read_text() == QUEUE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (QUEUE.replace("jobs: {}\n", CALLED.partition("\n")[2]), "Unknown Property queue"),
        (CALL, "`uses` key references invalid workflow path"),
    ],
)
def test_this_act_does_not_know_it(tmp_path: Path, text: str, words: str) -> None:
    """Fails with the first act that takes it. Then ecs_cd.local.newer_syntax is dead code, and pipeline.yml can name its
    actions as `$/build-push`, which needs no rewriting in dev/release.py."""
    (tmp_path / ".github/workflows").mkdir(parents=True)
    machine.run(["git", "init", "--quiet", tmp_path])
    (tmp_path / ".github/workflows/x.yml").write_text(text)
    (tmp_path / ".github/workflows/called.yml").write_text(CALLED)
    command = ["act", "push", "--dryrun", "--no-cache-server", "--platform", "x=-self-hosted"]
    env = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert words in done.stdout + done.stderr


def test_the_whole_pipeline_runs_here(tmp_path: Path) -> None:
    """What act gets of it has neither."""
    text = (newer_syntax.tree(ROOT, tmp_path) / ".github/workflows/pipeline.yml").read_text()
    assert newer_syntax.without(text) == text


def test_a_workflow_uses_its_own_repository(tmp_path: Path) -> None:
    """An action and a workflow of the commit that runs, without a checkout step; the queue is no obstacle."""
    repo = tmp_path / "repo"
    files = {
        "greet/action.yml": "runs: {using: composite, steps: [{run: echo greeted, shell: bash}]}\n",
        ".github/workflows/called.yml": CALLED.replace("echo", "echo called"),
        ".github/workflows/x.yml": f"{QUEUE.replace('jobs: {}', 'jobs:')}{JOB.partition('jobs:')[2][1:]}{CALL.partition('jobs:')[2][1:].replace(' a:', ' b:')}",
    }
    for name, text in files.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(text)
    machine.run(["git", "init", "--quiet", repo])
    workflows.commit(repo, "first")
    with act.start(repo, workflow="x.yml", labels=("ubuntu-latest", "x"), env={}, replaced={}) as run:
        result = run.wait(60)
    assert result.green, result.log
    assert "greeted" in result.log
    assert "called" in result.log
