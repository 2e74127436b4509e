"""One deployment that is being followed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.core.deployment import Mine
from ecs_cd.core.diagnosis import Finding, StoppedTask
from ecs_cd.core.verdict import Verdict, Watching
from ecs_cd.plan import Plan


@dataclass
class Following:
    """What is deployed, which deployment is ours, the last look at it, and its verdict once there is one.

    Then what has been found out besides: the events and dead tasks of this deployment, a cause that never heals, what
    has been said of it already, and the reads of evidence that are still to be made.
    """

    plan: Plan
    mine: Mine
    look: Any = None  # what the strategy's `read` gives
    verdict: Verdict | None = None
    seen_events: set[str] = field(default_factory=set)
    events: list[str] = field(default_factory=list)
    stopped: dict[str, StoppedTask] = field(default_factory=dict)
    permanent: Finding | None = None
    said: set[str] = field(default_factory=set)
    reads: deque[Any] = field(default_factory=deque)
    state: Verdict | Watching | None = None  # at the last look
    moved_at: float = 0.0  # when that changed, by the job's clock

    def __post_init__(self) -> None:
        self.seen_events |= {str(event["id"]) for event in self.plan.service.get("events", ())}

    @property
    def key(self) -> str:
        """The service as the document calls it."""
        return self.plan.target.key

    def first_time(self, what: str) -> bool:
        """Whether this has not been said yet; from now on it has."""
        first = what not in self.said
        self.said.add(what)
        return first
