"""A deploy of one service and of a hundred as a process, in real time, against the scripted AWS in this process."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks import process, scripts
from benchmarks.process import Process
from benchmarks.rows import Row
from benchmarks.scripts import completes
from dev.tree import release_tree
from tests.scripted_aws import ScriptedAws

SECONDS = 5  # from UpdateService to COMPLETED
PHASE = 0.37  # seconds, so that COMPLETED falls differently between two looks each time
LATE = 3  # seconds: from one look to the next, and one more


def many(runs: int) -> list[Row]:
    """The memory of a deploy, and how late its verdict is when a poll takes time."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="ecs-cd-bench-") as scratch:
        tree = release_tree(Path(scratch) / "ecs-cd")
        for number in (1, 100):
            who = f"{number} service{'s' if number > 1 else ''}"
            taken = [_deploy(number, SECONDS + run * PHASE, tree, Path(scratch)) for run in range(runs)]
            late = [_verdict(step) - completed for step, completed in taken]
            rows += [
                Row("many", f"{who}: the last COMPLETED to the verdict's line", "s", late, most=LATE),
                Row("many", f"{who}: memory of deploy", "MB", [step.peak for step, _ in taken], 120),
            ]
    return rows


def _deploy(number: int, seconds: float, tree: Path, scratch: Path) -> tuple[Process, float]:
    """The process, and the time at which the last of its deployments was COMPLETED."""
    with ScriptedAws(time) as aws:
        fleet = scripts.rolling_fleet(aws, time, {f"s{index}": completes(seconds) for index in range(number)})
        fleet.events = scripts.EVENTS
        step = process.verb("deploy", scripts.INPUTS, aws.environ, tree=tree, where=scratch, scratch=scratch)
        completed = max(updates[-1].at for updates in fleet.updates.values()) + seconds
        return step, time.time() - time.monotonic() + completed


def _verdict(step: Process) -> float:
    return next(at for at, line in step.lines if line.startswith("Deployment succeeded"))
