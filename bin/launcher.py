"""Becomes ecs_cd. Runs under `python -I -S -B`: nothing of the caller's Python can be imported."""

import sys

try:  # nothing has started until ecs_cd handles signals: until then, a signal ends it silently
    import gc
    import os
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(130))
except KeyboardInterrupt:
    sys.exit(130)

gc.disable()  # until the first request is sent: imported modules are not garbage
sys.path[:0] = sys.argv[1:3]
del sys.argv[1:3]

from ecs_cd.cli import entry  # noqa: E402

entry()
