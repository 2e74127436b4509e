"""One deployment that is being followed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules import crashes, snapshot
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.rules.snapshot import Snapshot
from ecs_cd.diagnosis.evidence import Finding, StoppedTask
from ecs_cd.model.lifecycle import Until
from ecs_cd.model.references import short
from ecs_cd.model.verdict import InProgress, Outcome, Verdict
from ecs_cd.report.timeline import Moment, Phase

# After a failure without a rollback, ECS may keep trying.
_OVER = (Outcome.SUCCEEDED, Outcome.ROLLED_BACK, Outcome.ROLLBACK_FAILED, Outcome.SUPERSEDED, Outcome.GONE)


@dataclass
class Reported:
    """What the job log has shown: the ids of service events, lines of evidence, and causes of this service and of any
    service."""

    events: set[str] = field(default_factory=set)
    lines: set[str] = field(default_factory=set)
    causes: set[str] = field(default_factory=set)
    of_any: set[str] = field(default_factory=set)  # one set for all that are deployed together

    def first_time(self, what: str) -> bool:
        """Whether this is new for the service; from now on it isn't."""
        return _first_time(what, self.causes)

    def first_of_any(self, what: str) -> bool:
        """Whether this is new for all services; from now on it isn't."""
        return _first_time(what, self.of_any)


@dataclass
class Found:
    """The evidence so far: event messages, stopped tasks by ARN, a cause that waiting does not resolve, and what the
    deployment waits for. ``failures`` is the most failed tasks that AWS has counted; ``others`` are the ARNs of stopped
    tasks that are no evidence: those of another deployment, or scaled in."""

    events: list[str] = field(default_factory=list)
    stopped: dict[str, StoppedTask] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    permanent: Finding | None = None
    waiting: Finding | None = None
    failures: int = 0


@dataclass
class Wanted:
    """The evidence still to be read, and since when the deployment has not moved. Times are the job's clock's."""

    reads: deque[Any] = field(default_factory=deque)
    read_at: float = 0.0  # when evidence was read last
    state: Verdict | InProgress | None = None  # in the last snapshot
    moved_at: float = 0.0  # when that changed


@dataclass
class Timeline:
    """The phases so far. The first one counts from the request to AWS."""

    moments: list[Moment] = field(default_factory=list)
    asked_at: float | None = None

    def age(self, now: float) -> float:
        """Seconds since the request to AWS; 0 without one."""
        return 0.0 if self.asked_at is None else now - self.asked_at

    def add(self, what: Phase | Outcome | None, at: float) -> None:
        """Adds a moment if it is a change."""
        if what is not None and (not self.moments or self.moments[-1][0] is not what):
            begin = self.asked_at if self.asked_at is not None and not self.moments else at
            self.moments.append((what, begin))


@dataclass
class TrackedDeployment:
    """What is deployed, the deployment that ecs-cd started, its last snapshot, and its verdict once it has one.

    ``started``: AWS was asked to start it and has not refused. ``back_to``: the revision to which a rollback returns.
    """

    plan: DeploymentPlan
    own: OwnDeployment
    snapshot: Snapshot | None = None
    verdict: Verdict | None = None
    started: bool = False
    back_to: str = ""
    reported: Reported = field(default_factory=Reported)
    found: Found = field(default_factory=Found)
    wanted: Wanted = field(default_factory=Wanted)
    timeline: Timeline = field(default_factory=Timeline)

    def __post_init__(self) -> None:
        self.renew(self.plan)

    def renew(self, plan: DeploymentPlan) -> None:
        """The service was read again before its deployment: earlier events do not belong to this deployment."""
        self.plan = plan
        self.reported.events |= {str(event["id"]) for event in plan.service.get("events", ())}

    @property
    def key(self) -> str:
        """The service's name in the document."""
        return self.plan.target.key

    @property
    def under_way(self) -> bool:
        """Whether AWS continues it, or may. Another user's deployment is not reported as ours."""
        return self.started and not self.own.theirs and (self.verdict is None or self.verdict.outcome not in _OVER)

    @property
    def died(self) -> bool:
        """Whether tasks of our deployment have died."""
        return bool(self.found.failures or any(crashes.crashed(each.task) for each in self.found.stopped.values()))

    @property
    def way(self) -> tuple[str, str]:
        """From which revision to which it goes, by their short names."""
        before, after = self.own.previous_task_definition or "", self.own.task_definition
        if self.back_to and after != self.back_to:  # our deployment is rolled back
            before, after = after, self.back_to
        return short(before), short(after)

    def judge(self, until: Until) -> Verdict | InProgress:
        """What the last snapshot says. Requires a snapshot."""
        assert self.snapshot is not None
        crashed = sum(crashes.crashed(each.task) for each in self.found.stopped.values())
        return snapshot.judge(self.own, self.snapshot, until, crashed=crashed)

    def phase(self) -> Phase | None:
        """What the deployment is doing; ``None`` if the last snapshot does not show it."""
        if self.back_to:
            return Phase.ROLLBACK
        return snapshot.phase(self.own, self.snapshot) if self.snapshot else None


def _first_time(what: str, said: set[str]) -> bool:
    first = what not in said
    said.add(what)
    return first
