"""Becomes ecs_cd. Runs under `python -I -S -B`: nothing of the caller's Python can be imported."""

import sys

try:  # until ecs_cd listens nothing has been begun: a signal ends it without a word
    import gc
    import os
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(130))
except KeyboardInterrupt:
    sys.exit(130)

gc.disable()  # until the first request is on its way: what is imported is no garbage to look for
sys.path[:0] = sys.argv[1:3]
del sys.argv[1:3]

from ecs_cd.cli import entry  # noqa: E402

entry()
