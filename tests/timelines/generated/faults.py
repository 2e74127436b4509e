"""What goes wrong between us and AWS, at any call: by seed, operation and number of the call, not by threads' order."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.scripted_aws import (
    Answer,
    Params,
    ScriptedAws,
    denied,
    expired,
    garbled,
    lost,
    reset,
    server_error,
    throttled,
)

from .answers import SERVICE, Answers

# "html" and the like are 200s that are no answers; "late 5xx" is one after AWS did what was asked.
KINDS = ("throttled", "5xx", "late 5xx", "reset", "lost", "html", "cut", "{}", "null")
_BODIES = {"html": b"<html><body>Bad gateway</body></html>", "cut": b'{"services": [{"na', "{}": b"{}", "null": b"null"}
_ABSENT: dict[str, Params] = {
    "ecs.DescribeServices": {"services": [], "failures": [{"arn": SERVICE, "reason": "MISSING"}]},
    "ecs.ListTasks": {"taskArns": []},
    "ecs.ListServiceDeployments": {"serviceDeployments": []},
}
EVIDENCE = ("logs.GetLogEvents", "elbv2.DescribeTargetHealth", "cloudwatch.DescribeAlarms")


@dataclass(frozen=True)
class Faults:
    """``rate``: of calls that fail, by one of ``kinds``. ``blackout``: from when to when all calls fail.

    ``absent``: operations one call of which, that number, finds nothing; ``fails``: that fails in that way. ``expires``:
    when the credentials end.
    """

    rate: float = 0
    kinds: tuple[str, ...] = KINDS
    blackout: tuple[float, float] = (0, 0)
    absent: dict[str, int] = field(default_factory=dict)
    fails: dict[str, tuple[int, str]] = field(default_factory=dict)
    expires: float | None = None
    denied: tuple[str, ...] = ()


class Line:
    """The line to AWS. ``hits``: the faults so far, (when, operation, kind)."""

    def __init__(self, seed: int, faults: Faults, answers: Answers, aws: ScriptedAws) -> None:
        self.seed, self.faults, self.answers, self.aws = seed, faults, answers, aws
        self.hits: list[tuple[float, str, str]] = []
        self._numbers: dict[str, int] = {}

    def serve(self, operations: dict[str, Callable[[Params], Answer]]) -> None:
        for name, handler in operations.items():
            self.aws.on(name, self._serve(name, handler))

    def _serve(self, name: str, handler: Callable[[Params], Answer]) -> Callable[[Params], Answer]:
        def answer(params: Params) -> Answer:
            self.answers.world.advance(self.aws.elapsed())
            kind = self._fault(name)
            if not kind:
                found = handler(params)
                self.answers.delivered(name)
                return found
            self.hits.append((self.aws.elapsed(), name, kind))
            return _hit(kind, name, params, handler)

        return answer

    def _fault(self, name: str) -> str:
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        faults, now = self.faults, self.aws.elapsed()
        if faults.expires is not None and now >= faults.expires:
            return "expired"
        if name in faults.denied:
            return "denied"
        if faults.blackout[0] <= now < faults.blackout[1]:
            return "5xx"
        if faults.absent.get(name) == number:
            return "absent"
        if faults.fails.get(name, (0, ""))[0] == number:
            return faults.fails[name][1]
        if not faults.rate:
            return ""
        drawn = random.Random(f"{self.seed} {name} {number}")
        return drawn.choice(faults.kinds) if drawn.random() < faults.rate else ""


def _hit(kind: str, name: str, params: Params, handler: Callable[[Params], Answer]) -> Answer:
    """Only what is lost, garbled or late was done."""
    match kind:
        case "throttled":
            return throttled()
        case "5xx":
            return server_error()
        case "late 5xx":
            handler(params)
            return server_error()
        case "reset":
            return reset()
        case "lost":
            return lost(handler(params))
        case "absent":
            return _ABSENT[name]
        case "expired":
            return expired()
        case "denied":
            return denied(name)
        case _:
            return garbled(_BODIES[kind], handler(params))
