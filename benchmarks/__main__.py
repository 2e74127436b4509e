"""`make bench`, or `python -m benchmarks [NAME ...] [--json PATH]`."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dev.host import ROOT, progress
from ecs_cd.local import machine
from ecs_cd.local.machine import LocalError

sys.path.insert(0, str(ROOT / "src"))

from benchmarks.build import build
from benchmarks.cold_start import cold_start
from benchmarks.hand_off import hand_off
from benchmarks.local_codepipeline import local_codepipeline
from benchmarks.many import many
from benchmarks.pipeline import pipeline
from benchmarks.platforms import platforms
from benchmarks.rows import Row, table
from benchmarks.verbs import calls, failed, memory, migration, verdict
from benchmarks.watching import watching
from benchmarks.world import World, world

REAL: dict[str, Callable[[World, int], list[Row]]] = {
    "pipeline": pipeline,
    "verdict": verdict,
    "failed": failed,
    "migration": migration,
    "memory": memory,
    "calls": calls,
    "build": build,
    "platforms": platforms,
    "local_codepipeline": local_codepipeline,
}
SCRIPTED: dict[str, Callable[[int], list[Row]]] = {
    "cold_start": cold_start,
    "watching": watching,
    "hand_off": hand_off,
    "many": many,
}
RUNS = 5
# Measured elsewhere, on a machine of this size: the same pipeline made of the official actions.
QUOTED = "Not measured here, quoted: the same pipeline of the official actions takes 25.4 s and 16 AWS calls."


def main() -> int:
    """Measures and prints; the exit code says whether the measurement worked, not how fast it was."""
    machine.exit_on_signals()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [*REAL, *SCRIPTED]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(names)}; all if none is named")
    parser.add_argument("--json", type=Path, metavar="PATH", help="also write the values there")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(names)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there is {', '.join(names)}")
    try:
        rows = measure([name for name in names if name in arguments.names or not arguments.names])
    except LocalError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; everything that was started has been stopped.", file=sys.stderr)
        return 130
    print(f"{table(rows)}\n\nMedians of {RUNS} runs. {QUOTED}")
    if arguments.json:
        data = {"runs": RUNS, "rows": [row.data for row in rows]}
        arguments.json.write_text(f"{json.dumps(data, indent=2)}\n")
    return 0


def measure(names: list[str]) -> list[Row]:
    """The rows of these benchmarks."""
    rows = []
    with contextlib.ExitStack() as parts:
        here = parts.enter_context(world()) if set(names) & set(REAL) else None
        for name in names:
            started = time.monotonic()
            if name in SCRIPTED:
                rows += SCRIPTED[name](RUNS)
            elif here is not None:
                rows += REAL[name](here, RUNS)
            progress(f"{name}: measured in {time.monotonic() - started:.0f} s")
    return rows


if __name__ == "__main__":
    sys.exit(main())
