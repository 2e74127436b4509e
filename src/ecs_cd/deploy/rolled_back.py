"""Verifies rollbacks: the tasks of the previous revision run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ecs_cd.aws import ecs
from ecs_cd.aws.errors import transient_as_unreadable
from ecs_cd.deploy.rules import rolled_back, snapshot
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.job.job import Job
from ecs_cd.job.watch import watch
from ecs_cd.model import pace
from ecs_cd.model.verdict import InProgress, Outcome, Verdict


def verify_rollbacks(job: Job, group: Sequence[TrackedDeployment]) -> None:
    """Adds to each rollback how many tasks run; if none does in time, the rollback has failed."""
    left = [tracked for tracked in group if tracked.verdict and tracked.verdict.outcome is Outcome.ROLLED_BACK]
    services = {tracked.key: snapshot.service(tracked.snapshot) for tracked in left}
    left = [tracked for tracked in left if not _give_verdict(tracked, services[tracked.key], late=False)]
    if not left:
        return
    found: dict[str, Any] = {}
    late_at = job.clock.monotonic() + pace.ROLLBACK_RUNS

    def read() -> None:
        with transient_as_unreadable():
            names = [tracked.plan.name for tracked in left]
            found.update(ecs.look_at_services(job.aws, left[0].plan.cluster, names))

    def judge(_: None) -> Verdict | Mapping[str, InProgress]:
        late = job.clock.monotonic() >= late_at
        left[:] = [tracked for tracked in left if not _give_verdict(tracked, found.get(tracked.plan.name), late=late)]
        waiting = {tracked.key: InProgress("rolled back; waiting until its tasks run") for tracked in left}
        return waiting or Verdict(Outcome.SUCCEEDED, "")

    watch(
        read,
        judge,
        lambda key, watching: job.ci.line(f"{key or 'deploy'}: {watching.message}"),
        clock=job.clock,
        timeout=pace.ROLLBACK_RUNS,
        interval=lambda _: pace.LOOK_EVERY,
    )


def _give_verdict(tracked: TrackedDeployment, service: Mapping[str, Any] | None, *, late: bool) -> bool:
    """Gives the rollback its verdict, if there is one."""
    assert tracked.verdict is not None
    verdict = rolled_back.judge(tracked.own, tracked.verdict, service, late=late)
    tracked.verdict = verdict or tracked.verdict
    return verdict is not None
