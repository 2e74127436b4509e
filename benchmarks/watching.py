"""Deployments of minutes in virtual time, against the scripted AWS: their calls, and their delays."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks import scripts
from benchmarks.rows import RED, Row
from benchmarks.scripts import BACK, completes, dies, fails
from ecs_cd import cli
from ecs_cd.local.machine import LocalError
from tests.scripted_aws import Clock
from tests.scripted_aws.fleet import Course

INTERVAL = 2  # seconds between two looks
LATE = INTERVAL + 1
PHASES = 4  # a run: ends that fall differently between two looks
ROLLED_BACK = 3
KINDS = {
    "rolling": scripts.rolling_fleet,
    "BLUE_GREEN": scripts.blue_green_fleet,
    "CODE_DEPLOY": scripts.codedeploy_fleet,
}
BEFORE = {"rolling": 6, "BLUE_GREEN": 6}  # calls at the most; CodeDeploy is begun by another one than UpdateService
BEGINS = ("ecs.UpdateService", "codedeploy.CreateDeployment")


class Log(io.StringIO):
    """The lines of a log, with their times."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.written: list[tuple[float, str]] = []

    def write(self, text: str) -> int:
        self.written.append((self.clock.monotonic(), text))
        return super().write(text)


@dataclass(frozen=True)
class Taken:
    """A deploy, in virtual seconds since its last deployment started: when each later call came, when it reported the
    first error, and when the verb ended. Also how many calls came before the first deployment started."""

    before: int
    calls: Sequence[float]
    error: float | None
    ended: float

    def reads(self, start: float, end: float) -> list[float]:
        """The times of the calls in this period."""
        return [at for at in self.calls if start <= at < end]

    @property
    def intervals(self) -> list[float]:
        """The seconds from each poll to the next; the first poll follows the start of the deployment."""
        return [later - earlier for earlier, later in itertools.pairwise(sorted({0.0, *self.calls}))]


def watching(runs: int) -> list[Row]:
    """One service of each kind with a success and a failure; then many services."""
    phases = [number * INTERVAL / (PHASES * runs) for number in range(PHASES * runs)]
    rows = [row for kind in KINDS for row in _ends(kind, phases)]
    many = [("rolling", 1), ("rolling", 10), ("rolling", 100), ("BLUE_GREEN", 100), ("CODE_DEPLOY", 100)]
    return rows + [row for kind, number in many for row in _waiting(kind, number)]


def _ends(kind: str, phases: Sequence[float]) -> list[Row]:
    """How late the end of one service's deployment is noticed, for ends at different moments between two polls."""
    rows, seen = [], []
    for length in (60, 150) if kind == "rolling" else (60,):
        ends = [length - phase for phase in phases]
        taken = [_deploy(kind, {"web": completes(end)}) for end in ends]
        reads = [len(run.reads(0, end)) for run, end in zip(taken, ends, strict=True)]
        late = [run.ended - end for run, end in zip(taken, ends, strict=True)]
        most = length / INTERVAL if kind == "rolling" else None
        rows += [
            Row("watching", f"{kind}, {length} s: reads until COMPLETED", "calls", reads, most=most),
            Row("watching", f"{kind}, {length} s: COMPLETED to the verdict", "s", late, most=LATE),
        ]
        seen += taken
    after = [len(run.calls) - number for run, number in zip(taken, reads, strict=True)]
    ends = [30 + phase for phase in phases]
    taken = [_deploy(kind, {"web": fails(end)}, ROLLED_BACK) for end in ends]
    errors = [(run.error or 0) - end for run, end in zip(taken, ends, strict=True)]
    back = [run.ended - end - BACK for run, end in zip(taken, ends, strict=True)]
    seen += taken
    intervals = [interval for run in seen for interval in run.intervals]
    begin = "CreateDeployment" if kind == "CODE_DEPLOY" else "UpdateService"
    return [
        *rows,
        Row("watching", f"{kind}: the look that sees it, and the proof", "calls", after),
        Row("watching", f"{kind}: FAILED to red", "s", errors, most=LATE),
        Row("watching", f"{kind}: the rollback's end to the verdict", "s", back, most=LATE),
        Row("watching", f"{kind}: from one look to the next", "s", intervals, most=INTERVAL),
        Row("watching", f"{kind}: before {begin}", "calls", [run.before for run in seen], most=BEFORE.get(kind)),
    ]


def _waiting(kind: str, number: int) -> list[Row]:
    """The cost of waiting: for all services, while the tasks of all die, and for one when all others have ended."""
    names = [f"s{index}" for index in range(number)]
    last = {names[-1]: completes(70)}
    quiet = _deploy(kind, dict.fromkeys(names, completes(70)))
    dying = _deploy(kind, dict.fromkeys(names, dies(70)))
    done = _deploy(kind, {**dict.fromkeys(names, completes(30)), **last})
    failed = _deploy(kind, {**dict.fromkeys(names, fails(30)), **last}, ROLLED_BACK if number > 1 else 0)
    looks = [calls for run in (quiet, dying, done, failed) for calls in Counter(run.reads(1, 70)).values()]
    who = f"{kind}, {number} service{'s' if number > 1 else ''}"
    rows = [
        Row("watching", f"{who}: a minute of waiting", "calls", [len(quiet.reads(5, 65))]),
        Row("watching", f"{who}: a minute while tasks die", "calls", [len(dying.reads(5, 65))]),
        Row("watching", f"{who}: a look", "calls", looks, most=12),
    ]
    if number == 1:
        return rows
    return [
        *rows,
        Row("watching", f"{who}: the last COMPLETED to the verdict", "s", [done.ended - 70], most=LATE),
        Row("watching", f"{who}: the same, all others FAILED", "s", [failed.ended - 70], most=LATE),
    ]


def _deploy(kind: str, courses: Mapping[str, Course], exit_code: int = 0) -> Taken:
    """A deploy of services that go through these courses."""
    clock = Clock()
    log = Log(clock)
    with scripts.scripted(clock, log) as (aws, environ):
        KINDS[kind](aws, clock, courses)
        flags = [part for name, value in scripts.INPUTS.items() for part in (f"--{name}", value)]
        code = cli.main(["deploy", *flags], environ, clock=clock)
    if code != exit_code:
        raise LocalError(f"deploy against the scripted AWS ended with {code}, not {exit_code}:\n{log.getvalue()}")
    begins = [place for place, call in enumerate(aws.calls) if call.operation in BEGINS]
    begun = aws.calls[begins[-1]].time
    errors = (at - begun for at, text in log.written if text.startswith(RED))
    calls = [call.time - begun for call in aws.calls[begins[-1] + 1 :]]
    return Taken(begins[0], calls, next(errors, None), clock.monotonic() - begun)
