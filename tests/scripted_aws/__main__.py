"""The scripted AWS in real time, as an endpoint for other processes: `python -m tests.scripted_aws MODULE:FUNCTION [PORT]`.

The function gets the server and the clock, and scripts it. A violation is printed at the end, which SIGTERM brings.
"""

from __future__ import annotations

import importlib
import signal
import sys
import time

from .server import ScriptedAws


def serve(script: str, port: int = 0) -> int:
    module, _, function = script.partition(":")
    aws = ScriptedAws(time, ("0.0.0.0", port))
    getattr(importlib.import_module(module), function)(aws, time)
    print(aws.url, flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})
    for call in aws.calls:
        print(f"{call.time:7.2f} {call.operation} {call.outcome}", flush=True)
    aws.close()
    return 0


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.exit(serve(sys.argv[1], *map(int, sys.argv[2:3])))
