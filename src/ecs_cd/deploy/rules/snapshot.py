"""What a snapshot says of our deployment, whatever its strategy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ecs_cd.deploy.rules import blue_green, codedeploy, rolling
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.diagnosis.evidence import Evidence
from ecs_cd.model.exhaustive import assert_never
from ecs_cd.model.lifecycle import Until
from ecs_cd.model.verdict import InProgress, Verdict
from ecs_cd.report.timeline import Phase

Snapshot = rolling.Snapshot | blue_green.Snapshot | codedeploy.Snapshot


def judge(own: OwnDeployment, snapshot: Snapshot, until: Until, *, crashed: int) -> Verdict | InProgress:
    """The verdict, or what is still in progress. ``crashed`` counts our tasks that ended by themselves."""
    match snapshot:
        case rolling.Snapshot():
            return rolling.judge(own, replace(snapshot, crashed=crashed), until)
        case blue_green.Snapshot():
            return blue_green.judge(own, snapshot, until)
        case codedeploy.Snapshot():
            return codedeploy.judge(own, snapshot, until)
        case _:
            assert_never(snapshot)


def phase(own: OwnDeployment, snapshot: Snapshot) -> Phase | None:
    """What our deployment is doing; ``None`` if the snapshot does not show it."""
    match snapshot:
        case rolling.Snapshot():
            return rolling.phase(own, snapshot)
        case blue_green.Snapshot():
            return blue_green.phase(snapshot)
        case codedeploy.Snapshot():
            return codedeploy.phase(snapshot)
        case _:
            assert_never(snapshot)


def worth_evidence(own: OwnDeployment, before: Snapshot | None, now: Snapshot) -> bool:
    """Whether tasks may have died, or something else got worse, between two snapshots."""
    match now:
        case rolling.Snapshot():
            return rolling.worth_evidence(own, before if isinstance(before, rolling.Snapshot) else None, now)
        case blue_green.Snapshot():
            return blue_green.worth_evidence(before if isinstance(before, blue_green.Snapshot) else None, now)
        case codedeploy.Snapshot():
            return codedeploy.worth_evidence(before if isinstance(before, codedeploy.Snapshot) else None, now)
        case _:
            assert_never(now)


def evidence(own: OwnDeployment, snapshot: Snapshot | None) -> Evidence:
    """What the snapshot itself says about a failure."""
    match snapshot:
        case None:
            return Evidence()
        case rolling.Snapshot():
            return rolling.evidence(own, snapshot)
        case blue_green.Snapshot():
            return blue_green.evidence(snapshot)
        case codedeploy.Snapshot():
            return codedeploy.evidence(snapshot)
        case _:
            assert_never(snapshot)


def waits_for_old_tasks(snapshot: Snapshot | None) -> bool:
    """Whether all new tasks run, and the deployment only waits for the tasks of earlier revisions to stop."""
    return isinstance(snapshot, rolling.Snapshot) and bool(rolling.old_tasks(snapshot.service or {}))


def service(snapshot: Snapshot | None) -> Mapping[str, Any] | None:
    """The service as the snapshot shows it, if reading it brought the service."""
    return None if snapshot is None else snapshot.service


def none_runs(own: OwnDeployment, snapshot: Snapshot | None) -> bool:
    """Whether AWS counts none of the tasks as running that it wants of our deployment."""
    match snapshot:
        case None:
            return False
        case rolling.Snapshot():
            ours = rolling.listed(own, snapshot.service or {})
            return bool(ours.get("desiredCount")) and not ours.get("runningCount")
        case blue_green.Snapshot():
            target = (snapshot.deployment or {}).get("targetServiceRevision", {})
            return bool(target.get("requestedTaskCount")) and not target.get("runningTaskCount")
        case codedeploy.Snapshot():
            green = codedeploy.green(snapshot)
            return bool(green.get("desiredCount")) and not green.get("runningCount")
        case _:
            assert_never(snapshot)


def failures(own: OwnDeployment, snapshot: Snapshot) -> int:
    """How many of our tasks AWS counts as failed."""
    match snapshot:
        case rolling.Snapshot():
            return int(rolling.listed(own, snapshot.service or {}).get("failedTasks", 0))
        case blue_green.Snapshot():
            breaker = (snapshot.deployment or {}).get("deploymentCircuitBreaker", {})
            return int(breaker.get("failureCount", 0))
        case codedeploy.Snapshot():
            return 0
        case _:
            assert_never(snapshot)


def service_with_events(snapshot: Snapshot) -> Mapping[str, Any] | None:
    """The service, if reading the snapshot brought it with its events."""
    match snapshot:
        case rolling.Snapshot():
            return snapshot.service
        case blue_green.Snapshot() | codedeploy.Snapshot():
            return None
        case _:
            assert_never(snapshot)
