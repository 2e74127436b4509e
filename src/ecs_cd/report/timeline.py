"""The deployment of a service as data: phase by phase, up to its outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

from ecs_cd.model.verdict import Outcome


class Phase(str, Enum):
    """What a deployment is doing, in the same words for every strategy. The value is the text that reports show."""

    STARTING = "tasks starting"
    HEALTHY = "healthy"
    TEST_TRAFFIC = "test traffic"
    TRAFFIC = "traffic"
    BAKING = "bake time"
    PAUSED = "waiting for approval"
    ENDING = "old tasks stopping"
    FAILED = "failed"
    ROLLBACK = "rollback"


_BAD = (Phase.FAILED, Phase.ROLLBACK)

# What started, and when, in seconds of the job clock. An outcome ends the phase before it.
Moment = tuple[Phase | Outcome, float]


@dataclass(frozen=True)
class Span:
    """A period of time. ``bad`` spans have a separate colour."""

    words: str
    begin: float
    end: float
    bad: bool = False


@dataclass(frozen=True)
class Deployed:
    """The result for one service. ``before`` and ``after`` are revisions in short form, empty if there isn't one;
    ``images`` are the requested images by container. ``change``: the lines of the diff between the two task
    definitions, ``None`` if it is unknown. ``links``: pages of the ``service``, its ``deployment``, its ``task
    definition``, and of each image by the name of its container. ``wave``: with several documents, its number."""

    service: str
    outcome: Outcome
    before: str = ""
    after: str = ""
    images: Mapping[str, str] | None = None
    moments: Sequence[Moment] = ()
    change: Sequence[str] | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    wave: int = 0

    @property
    def elapsed(self) -> float:
        return self.moments[-1][1] - self.moments[0][1] if self.moments else 0.0


def spans(moments: Sequence[Moment]) -> list[Span]:
    """The phases, without those of zero length. The outcome only ends the last phase."""
    return [
        Span(phase.value, begin, end, phase in _BAD)
        for (phase, begin), (_, end) in pairwise(moments)
        if isinstance(phase, Phase) and end > begin
    ]


def as_seen(services: Sequence[Deployed], most: int) -> list[Deployed]:
    """The services in order. If there are more than ``most``, the ones that are not green come first."""
    return list(services) if len(services) <= most else sorted(services, key=lambda service: service.outcome.green)
