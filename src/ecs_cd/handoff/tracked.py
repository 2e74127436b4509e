"""An execution that ecs-cd follows: what it has read of it so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from ecs_cd.aws.logs import Stream
from ecs_cd.handoff.plan import HandOffPlan
from ecs_cd.handoff.rules.progress import Snapshot, Wanted


@dataclass
class TrackedExecution:
    """``listed_at`` is when CodePipeline last knew it, ``failed_at`` and ``succeeded_at`` when its status was first
    Failed or Succeeded, and ``replaced_by`` a newer one that was there when ecs-cd found this one."""

    plan: HandOffPlan
    id: str
    wanted: Wanted
    started: float  # by the job's clock
    nonce: str = ""
    snapshot: Snapshot = field(default_factory=Snapshot)
    looks: int = 0
    changed_at: float = field(init=False)  # when an action last changed
    listed_at: float = field(init=False)
    failed_at: float | None = None
    succeeded_at: float | None = None
    replaced_by: str = ""
    logs: dict[str, Stream | None] = field(default_factory=dict)  # by build; None if it has no log yet
    shown: str = ""  # the build whose log was shown last

    def __post_init__(self) -> None:
        self.listed_at = self.changed_at = self.started
