"""Compares our reader of Dockerfiles with BuildKit's own: `make fuzz`, which needs Go.

Without a count, writes BuildKit's answers for the first files to tests/corpus/dockerfiles.jsonl.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.rules.images import dockerfiles

TOP = Path(__file__).resolve().parents[3]
BUILDKIT = TOP / "dev" / "buildkit"
RECORDED = TOP / "tests" / "corpus" / "dockerfiles.jsonl"
RECORDS, BATCH = 400, 5000


def ask(seeds: Sequence[int]) -> list[dict[str, Any]]:
    """BuildKit's answers for the files of these seeds."""
    files = ({"text": dockerfiles.dockerfile(seed), "args": dockerfiles.BUILD_ARGS} for seed in seeds)
    lines = "".join(f"{json.dumps(file)}\n" for file in files)
    done = subprocess.run(["go", "run", "."], cwd=BUILDKIT, input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def record() -> None:
    seeds = range(RECORDS * 4)
    valid = ((seed, answer) for seed, answer in zip(seeds, ask(seeds), strict=True) if "error" not in answer)
    rows = [{"seed": seed, "file": dockerfiles.fingerprint(seed), **answer} for seed, answer in valid]
    RECORDED.write_text("".join(f"{json.dumps(row)}\n" for row in rows[:RECORDS]))


def soak(count: int) -> int:
    """Prints the files in which something was overlooked, and how many were valid; returns their number."""
    valid = wrong = 0
    for start in range(0, count, BATCH):
        seeds = range(start, min(start + BATCH, count))
        for seed, answer in zip(seeds, ask(seeds), strict=True):
            valid += "error" not in answer
            if missed := dockerfiles.overlooked(dockerfiles.dockerfile(seed), answer):
                wrong += 1
                print(f"{seed}: {dockerfiles.dockerfile(seed)!r}: {', '.join(sorted(missed))}")
    print(f"{count} Dockerfiles, {valid} of them valid: something was overlooked in {wrong}")
    return wrong


if __name__ == "__main__":
    if not sys.argv[1:]:
        record()
    elif soak(int(sys.argv[1])):
        sys.exit(1)
