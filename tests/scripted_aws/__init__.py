"""A scripted AWS: an HTTP server on loopback that answers the real boto3 from a script written in the test.

What may be asked and answered is in botocore's own service models; time is virtual.

    with ScriptedAws(clock := Clock()) as aws:
        aws.use(monkeypatch)
        aws.on("ecs.DescribeServices", {"services": [ecs.service()]})
        aws.on("ecs.UpdateService", lost({"service": updated}))
        aws.on("ecs.DescribeServices", at(0, {...}), at(5, throttled()), at(7, {...}), after="ecs.UpdateService")
"""

from .clock import Clock, moment
from .script import (
    Answer,
    At,
    Call,
    Cut,
    Error,
    Garbled,
    Lost,
    Reset,
    at,
    cut,
    denied,
    error,
    expired,
    garbled,
    lost,
    reset,
    server_error,
    throttled,
)
from .server import ScriptedAws
from .wire import Params, ScriptError, Unmodelled

__all__ = [
    "Answer",
    "At",
    "Call",
    "Clock",
    "Cut",
    "Error",
    "Garbled",
    "Lost",
    "Params",
    "Reset",
    "ScriptError",
    "ScriptedAws",
    "Unmodelled",
    "at",
    "cut",
    "denied",
    "error",
    "expired",
    "garbled",
    "lost",
    "moment",
    "reset",
    "server_error",
    "throttled",
]
