"""Becomes ecs_cd. Runs under `python -I -S -B`: nothing of the caller's Python can be imported."""

import sys

try:  # until ecs_cd listens nothing has been begun: a signal ends it without a word
    import os
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(130))
except KeyboardInterrupt:
    sys.exit(130)

from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(root / "src"), sys.argv.pop(1)]

from ecs_cd.cli import entry  # noqa: E402

entry()
