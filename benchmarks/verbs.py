"""The verbs as processes: how late they are, how much memory they use, how many AWS calls they make."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence

from benchmarks.rows import RED, Row
from benchmarks.world import (
    Snapshot,
    Step,
    World,
    build_inputs,
    change,
    life,
    polled,
    seen,
    verb,
    wait_until_settled,
)
from dev.workflows import commit

ROLLED_BACK = 3
CHANGING = {"PutImage", "RegisterTaskDefinition", "RunTask", "UpdateService"}


def verdict(here: World, runs: int) -> list[Row]:
    """From COMPLETED, seen from outside, to the end of the deploy step's process."""
    late = [step.ended - completed for _, _, (step, completed) in _separate(here, runs)]
    return [Row("verdict", "COMPLETED to the end of deploy", "s", late, 2)]


def migration(here: World, runs: int) -> list[Row]:
    """From the end of the migration's container to the end of the migrate step's process."""
    late = [step.ended - died for _, (step, died), _ in _separate(here, runs)]
    return [Row("migration", "container's end to the end of migrate", "s", late, 1.5)]


def failed(here: World, runs: int) -> list[Row]:
    """An image that crashes: from FAILED to the first error in the log, from the rollback's end to the step's."""
    app = here.repo / "app.py"
    good = app.read_text()
    app.write_text("raise SystemExit('broken')\n")
    broken = commit(here.repo, "broken")
    verb(here, "build-push", build_inputs(here, broken))
    app.write_text(good)
    commit(here.repo, "mended")
    red, end = [], []
    for _ in range(runs):
        wait_until_settled(here)
        with polled(here) as looks:
            step = verb(here, "deploy", {"sha": broken}, ROLLED_BACK)
        breaker = _turned(looks, "FAILED")
        rollback = [look for look in looks if look.asked >= breaker]
        red.append(next(at for at, line in step.lines if line.startswith(RED)) - breaker)
        end.append(step.ended - seen(rollback, lambda look: "IN_PROGRESS" not in look.deployments.values()))
    return [
        Row("failed", "circuit breaker's FAILED to red", "s", red, 2),
        Row("failed", "rollback's end to the end of deploy", "s", end, 2),
    ]


def memory(here: World, runs: int) -> list[Row]:
    """Peak resident memory of each verb: the largest of its process and its children."""
    separate, whole = _separate(here, runs), _whole(here, runs)
    taken = {
        "build-push": [build for build, _, _ in separate],
        "migrate": [step for _, (step, _), _ in separate],
        "deploy": [step for _, _, (step, _) in separate],
        "pipeline": [new for new, _ in whole],
    }
    return [Row("memory", name, "MB", [step.peak for step in steps], 76) for name, steps in taken.items()]


def calls(here: World, runs: int) -> list[Row]:
    """The AWS calls, polls included, without the requests that Docker sends to the registry."""
    before = [step.calls.index("UpdateService") for _, _, (step, _) in _separate(here, runs)]
    rows = [Row("calls", "deploy, before UpdateService", "calls", before)]
    whole = _whole(here, runs)
    for what, steps in (("new commit", [new for new, _ in whole]), ("same commit again", [same for _, same in whole])):
        changing = [sum(call in CHANGING for call in step.calls) for step in steps]
        rows.append(Row("calls", f"pipeline, {what}", "calls", [len(step.calls) for step in steps]))
        rows.append(Row("calls", f"pipeline, {what}: of them changing something", "calls", changing))
    return rows


@functools.cache
def _separate(here: World, runs: int) -> list[tuple[Step, tuple[Step, float], tuple[Step, float]]]:
    """build-push; migrate with its container's end; deploy with COMPLETED; for a new commit each time."""
    taken = []
    for _ in range(runs):
        built = verb(here, "build-push", build_inputs(here, change(here)))
        wait_until_settled(here)
        started = time.time()
        migrated = verb(here, "migrate")
        died = life(here, "my-app-migration", started)[1]
        with polled(here) as looks:
            deployed = verb(here, "deploy")
        taken.append((built, (migrated, died), (deployed, _turned(looks, "COMPLETED"))))
    return taken


@functools.cache
def _whole(here: World, runs: int) -> list[tuple[Step, Step]]:
    """The pipeline for a new commit, and for the same commit again."""
    taken = []
    for _ in range(runs):
        inputs = build_inputs(here, change(here))
        wait_until_settled(here)
        new = verb(here, "pipeline", inputs)
        wait_until_settled(here)
        taken.append((new, verb(here, "pipeline", inputs)))
    return taken


def _turned(looks: Sequence[Snapshot], state: str) -> float:
    """When a deployment that did not exist at the first poll reached this state."""
    known = looks[0].deployments
    return seen(looks, lambda look: state in [now for name, now in look.deployments.items() if name not in known])
