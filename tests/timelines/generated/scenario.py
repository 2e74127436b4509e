"""From a seed to a scenario: the service, its next tasks, what others do, what fails, and the inputs of the verb."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

from tests.scripted_aws import ecs
from tests.scripted_aws.codedeploy import EVENTS

from .answers import CHILD, ELSE
from .blue_green import STAGES, Hook
from .faults import EVIDENCE, KINDS, Faults
from .world import Course

# The service before: well; somebody's deployment of another revision under way, or in a crash loop; a FAILED PRIMARY;
# our revision already, well or under way ("ours paused": since long ago).
BEFORE = ("well", "under way", "crash loop", "failed", "ours", "ours under way")
ACTIONS = ("deploys", "deploys ours again", "forces", "scales to 0", "scales", "deletes", "alarm", "hook")


@dataclass(frozen=True)
class Event:
    """What somebody does, ``after`` so many seconds from ``when``: "start", "begun", "completed" or "failed"."""

    action: str
    when: str
    after: float


@dataclass(frozen=True)
class Scenario:
    seed: int
    strategy: str
    verb: str
    inputs: dict[str, str]
    before: str = "well"
    desired: int = 1
    configuration: dict[str, Any] = field(default_factory=dict)
    ours: Course = field(default_factory=Course)
    theirs: Course = field(default_factory=Course)
    back: Course = field(default_factory=Course)
    silent: bool = False
    digest: str = ecs.DIGEST
    events: tuple[Event, ...] = ()
    lags: dict[str, float] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    hook: Hook | None = None
    bake: float = 4
    fails_at: str = ""
    terminates: float = 0
    ready: float = 0
    codedeploy: dict[str, str] = field(default_factory=dict)  # of the document

    @property
    def timeout(self) -> float:
        return float(self.inputs["deployment-timeout"].rstrip("s"))


ROLLING, BLUE_GREEN, CODE_DEPLOY = STRATEGIES = ("ROLLING", "BLUE_GREEN", "CODE_DEPLOY")


def scenario(seed: int, strategy: str) -> Scenario:
    """``strategy``: BLUE_GREEN also draws LINEAR and CANARY."""
    draw = random.Random(f"{strategy} {seed}")
    found = _scenario(seed, strategy, draw)
    if strategy == BLUE_GREEN:
        return _blue_green(found, draw)
    return _codedeploy(found, draw) if strategy == CODE_DEPLOY else found


def _blue_green(found: Scenario, draw: random.Random) -> Scenario:
    hooks = (
        Hook(draw.choice(STAGES[:-1]), pauses=draw.choice((2, 10, 1000)), timeout_action=draw.choice(_TIMEOUTS)),
        Hook(draw.choice(STAGES[:-1])),
    )
    goals = ("ready", "SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP")
    goal = {"wait-until": draw.choice(goals)} if draw.random() < 0.15 else {}
    return replace(
        found,
        strategy=draw.choices(("BLUE_GREEN", "LINEAR", "CANARY"), (70, 15, 15))[0],
        inputs={**found.inputs, **goal},
        hook=draw.choices((None, *hooks), (75, 15, 10))[0],
        bake=draw.choice((1, 4, 15)),
    )


def _codedeploy(found: Scenario, draw: random.Random) -> Scenario:
    goal = {"wait-until": draw.choice(("ready", *EVENTS))} if draw.random() < 0.15 else {}
    late = {"codedeploy.ListDeployments": draw.choice((1, 5, 20))} if draw.random() < 0.2 else {}
    return replace(
        found,
        inputs={**found.inputs, "on-conflict": draw.choice(("wait", "wait", "fail")), **goal},
        fails_at=draw.choice(EVENTS) if draw.random() < 0.12 else "",
        terminates=draw.choices((0, 60), (85, 15))[0],
        ready=draw.choices((0, 60), (88, 12))[0],
        lags={**found.lags, **late},
    )


_TIMEOUTS = ("CONTINUE", "ROLLBACK")


def _scenario(seed: int, strategy: str, draw: random.Random) -> Scenario:
    desired = draw.choices((1, 2, 3, 7, 0), (40, 25, 15, 10, 10))[0]
    return Scenario(
        seed,
        strategy,
        "deploy",
        _inputs(draw),
        before=draw.choices(BEFORE, (66, 10, 6, 6, 6, 6))[0],
        desired=desired,
        configuration=_configuration(draw),
        ours=_course(draw, bad=0.35),
        theirs=_course(draw, bad=0.2),
        back=_course(draw, bad=0.12),
        silent=draw.random() < 0.1,
        digest=draw.choices((ecs.DIGEST, CHILD, "", ELSE), (70, 15, 10, 5))[0],
        events=_events(draw),
        lags=_lags(draw),
        faults=_faults(draw),
    )


def _inputs(draw: random.Random) -> dict[str, str]:
    rare = {
        "on-failure": ("rollback", 0.3),
        "wait-until": (draw.choice(("started", "stable", "stable")), 0.2),
        "fail-fast": ("true", 0.15),
        "force-new-deployment": ("true", 0.1),
        "keep-revisions": ("2", 0.1),
    }
    given = {name: value for name, (value, share) in rare.items() if draw.random() < share}
    conflict = draw.choices(("wait", "fail", "supersede"), (70, 15, 15))[0]
    return {"on-conflict": conflict, "deployment-timeout": f"{draw.choices((45, 60, 90), (50, 35, 15))[0]}s", **given}


def _configuration(draw: random.Random) -> dict[str, Any]:
    enable = draw.random() < 0.7
    breaker = {"enable": enable, "rollback": enable and draw.random() < 0.75}
    found: dict[str, Any] = {"deploymentCircuitBreaker": breaker}
    if draw.random() < 0.3:
        found["alarms"] = {"alarmNames": ["errors"], "enable": True, "rollback": draw.random() < 0.7}
    return found


def _course(draw: random.Random, bad: float) -> Course:
    found: dict[str, Any] = {
        "start": draw.choice((1, 3, 6)),
        "settles": draw.choice((1, 4, 8)),
        "drains": draw.choice((0.5, 3, 10, 25)),
        "early": draw.random() < 0.12,
    }
    if draw.random() < bad:
        found["deaths"] = draw.choice((1, 2, 4, 1000, 1000))
        found["dies"] = draw.choice(("at start", "unhealthy", "later"))
        found["lives"] = draw.choice((1, 3, 12))
    elif draw.random() < 0.08:
        found["no_room"] = draw.choice((10, 30, 1000))
    return Course(**found)


def _events(draw: random.Random) -> tuple[Event, ...]:
    found: list[Event] = []
    while draw.random() < 0.4 and len(found) < 3:
        when = draw.choices(("start", "begun", "completed", "failed"), (15, 45, 30, 10))[0]
        action = draw.choices(ACTIONS, (40, 8, 8, 10, 6, 8, 10, 10))[0]
        seconds = draw.choice((0, 0.5, 1, 2, 3, 5, 8, 13, 21))
        found.append(Event(action, when, seconds))
    return tuple(found)


def _lags(draw: random.Random) -> dict[str, float]:
    """How late answers are; half of all timelines have none."""
    if draw.random() < 0.5:
        return {}
    most = {"ecs.DescribeServices": 20, "ecs.ListTasks": 40, "ecs.DescribeTasks": 20, "ecs.ListServiceDeployments": 40}
    return {
        name: min(longest, draw.choices((1, 3, 8, 20, 40), (25, 25, 25, 15, 10))[0])
        for name, longest in most.items()
        if draw.random() < 0.5
    }


def _faults(draw: random.Random) -> Faults:
    rate = draw.choices((0, 0.03, 0.15), (60, 25, 15))[0]
    kinds = draw.choice((KINDS, (draw.choice(KINDS),)))
    begin = draw.uniform(0, 40)
    blackout = (begin, begin + draw.choice((3, 10, 40))) if draw.random() < 0.1 else (0.0, 0.0)
    names = ("ecs.DescribeServices", "ecs.ListTasks", "ecs.ListServiceDeployments")
    absent = {name: draw.randint(2, 12) for name in names if draw.random() < 0.08}
    expires = draw.uniform(0, 60) if draw.random() < 0.04 else None
    denials = EVIDENCE if draw.random() < 0.1 else ()
    return Faults(rate, kinds, blackout, absent, expires=expires, denied=denials)
