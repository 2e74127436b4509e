"""What happened to the deployment of a service, as data: phase by phase, until its outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from ecs_cd.model.verdict import Outcome


class Phase(str, Enum):
    """What a deployment is doing, in the same words for every strategy. The value is how it is told."""

    STARTING = "tasks starting"
    HEALTHY = "healthy"
    TEST_TRAFFIC = "test traffic"
    TRAFFIC = "traffic"
    BAKING = "bake time"
    PAUSED = "waiting for somebody"
    ENDING = "old tasks ending"
    FAILED = "failed"
    ROLLBACK = "rollback"


_BAD = (Phase.FAILED, Phase.ROLLBACK)

# What began, and when, in seconds of the job's clock. An outcome ends what was before it.
Moment = tuple[Phase | Outcome, float]


@dataclass(frozen=True)
class Span:
    """Something that took its time; without any it is a moment. ``bad`` has a colour of its own."""

    words: str
    begin: float
    end: float
    bad: bool = False


@dataclass(frozen=True)
class Deployed:
    """What became of one service. ``before`` and ``after`` are revisions as people say them, empty where there is
    none; ``images`` are those that were asked for, by container. ``change``: the lines of what differs between the two
    task definitions, ``None`` where that is not known."""

    service: str
    outcome: Outcome
    before: str = ""
    after: str = ""
    images: Mapping[str, str] | None = None
    moments: Sequence[Moment] = ()
    change: Sequence[str] | None = None

    @property
    def elapsed(self) -> float:
        return self.moments[-1][1] - self.moments[0][1] if self.moments else 0.0


def spans(moments: Sequence[Moment]) -> list[Span]:
    """The phases, but for those of no length, and in the end the outcome as a moment."""
    found = [
        Span(phase.value, begin, end, phase in _BAD)
        for (phase, begin), (_, end) in pairwise(moments)
        if isinstance(phase, Phase) and end > begin
    ]
    last, at = moments[-1] if moments else (None, 0.0)
    if isinstance(last, Outcome):
        found.append(Span(last.words, at, at, not last.green))
    return found


def as_seen(services: Sequence[Deployed], most: int) -> list[Deployed]:
    """In their order; where not all can be seen those that are not green come first: they are what people look for."""
    return list(services) if len(services) <= most else sorted(services, key=lambda one: one.outcome.green)
