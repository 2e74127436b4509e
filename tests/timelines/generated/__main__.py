"""One timeline, to read: python -m tests.timelines.generated SEED [STRATEGY]"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from .oracle import complaints
from .run import play
from .scenario import scenario


def main(seed: int, strategy: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        played = play(scenario(seed, strategy), Path(folder))
    print(played.scenario)
    for call in played.calls:
        print(f"{call.time:8.1f}  {call.operation} {call.outcome}")
    print(played.log)
    for attempt in played.world.attempts:
        told = {name: value for name, value in vars(attempt).items() if name not in ("tasks", "course", "ran")}
        for name in ("source", "back", "back_of"):
            told[name] = told[name] and told[name].id
        print(told, "ran", [(round(at, 1), count) for at, count in attempt.ran[-12:]])
    print("events:", [(round(at, 1), words) for at, words in played.world.events])
    print("mutations:", [(one.at, one.operation, one.target and one.target.id) for one in played.world.mutations])
    print("exit code", played.exit_code, "after", played.elapsed, played.outputs.get("result"))
    print("\n".join(complaints(played)) or "no complaint")


main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "ROLLING")
