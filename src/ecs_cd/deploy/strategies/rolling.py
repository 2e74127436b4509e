"""ECS rolling updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecs
from ecs_cd.aws.errors import is_transient, transient_as_unreadable
from ecs_cd.aws.session import Aws
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules import rolling, standing
from ecs_cd.deploy.rules.blue_green import UNDER_WAY
from ecs_cd.deploy.rules.conflict import Conflict
from ecs_cd.deploy.rules.own_deployment import OwnDeployment, absent_since
from ecs_cd.deploy.rules.rolling import Snapshot
from ecs_cd.deploy.rules.unfinished import Unfinished, of_service
from ecs_cd.deploy.strategies import blue_green, update_service
from ecs_cd.deploy.strategies.history import by_service_deployments
from ecs_cd.deploy.strategies.way_back import way_back
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.job.job import Job
from ecs_cd.model import pace
from ecs_cd.model.errors import Unreadable
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.model.references import short

CARRIED_OUT_BY = "ECS"
CALLS_PER_LOOK = 0.1  # DescribeServices takes ten services, and shows everything about a rolling update
CAN_BE_SUPERSEDED = True
OLD_TASKS_COUNT = True
SERVICE_NAMES_TARGET_GROUPS = True

prepare = update_service.prepare
wait_budget = update_service.wait_budget
history = by_service_deployments


def start(job: Job, plan: DeploymentPlan, arn: str) -> OwnDeployment:
    """Calls UpdateService once, and identifies the new deployment from its answer.

    Makes no call if the service already runs this task definition or is on the way to it.
    """
    before = rolling.primary(plan.service)
    if not plan.force and not plan.update and rolling.works_towards(plan.service, arn):
        job.ci.line(f"{plan.target.key}: the service already has {short(arn)}")
        ours, previous = before, rolling.before(plan.service)
        unsettled = not standing.is_steady(plan.service)
    else:
        previous, unsettled = update_service.ran_before(job, plan), False
        before, ours = update_service.update(job, plan, arn)
        job.ci.line(f"{plan.target.key}: deployment {ours['id']} started, {short(str(previous))} -> {short(arn)}")
    name, before_id, created = str(ours["id"]), str(before.get("id")), ours.get("createdAt")
    own = OwnDeployment(Strategy.ROLLING, name, arn, previous, before_id, started_by=name, created_at=created)
    return replace(own, unsettled=unsettled)


def read(job: Job, followed: Sequence[TrackedDeployment]) -> list[Snapshot]:
    """A snapshot of each service, ten per call."""
    if not followed:
        return []
    now = job.clock.monotonic()
    with transient_as_unreadable():
        services = ecs.look_at_services(job.aws, followed[0].plan.cluster, [tracked.plan.name for tracked in followed])
        snapshots = [_snapshot(job, tracked, services.get(tracked.plan.name), now) for tracked in followed]
        return _with_status(job, followed, snapshots)


def _snapshot(job: Job, tracked: TrackedDeployment, service: Mapping[str, Any] | None, now: float) -> Snapshot:
    last = tracked.snapshot if isinstance(tracked.snapshot, Snapshot) else Snapshot(None)
    since = absent_since(last.absent_since, service, now)
    if service is None:
        return replace(last, service=None, at=now, absent_since=since)
    if rolling.taken_over(tracked.own, service, failed=last.failed_at is not None):
        own_status = _own_status(job, tracked, service)
        if own_status.startswith("ROLLBACK"):
            last = replace(last, failed_at=now)
        elif own_status not in UNDER_WAY and (own_status or last.says_nothing):  # else what ECS lists lags
            _adopt(job, tracked, rolling.primary(service))
            last = Snapshot(None)
    if rolling.replaced(tracked.own, service):
        tracked.own = replace(tracked.own, replaced=True)
    failed = last.failed_at is not None or rolling.has_failed(tracked.own, service)
    failed_at = (now if last.failed_at is None else last.failed_at) if failed else None
    snapshot = replace(last, service=service, at=now, failed_at=failed_at, absent_since=since)
    # A status asked for while DescribeServices lagged says nothing about what happens later.
    return snapshot if _unclear(tracked, snapshot) else replace(snapshot, status=None, unlisted_since=None)


def _own_status(job: Job, tracked: TrackedDeployment, service: Mapping[str, Any]) -> str:
    """Our service deployment's status if the later deployment of the same revision may be its rollback."""
    theirs = rolling.primary(service).get("createdAt")
    if not rolling.may_be_its_rollback(tracked.own):
        return rolling.UNREADABLE
    listed, _ = _status(job, tracked, service, since=theirs)
    return rolling.UNREADABLE if listed else _status(job, tracked, service)[0]


def _adopt(job: Job, tracked: TrackedDeployment, current: Mapping[str, Any]) -> None:
    """From now on, another user's deployment of the same revision is followed."""
    name, created = str(current["id"]), current.get("createdAt")
    job.ci.line(f"{tracked.key}: deployment {name} took over with the same task definition")
    tracked.own = replace(tracked.own, id=name, started_by=name, created_at=created, theirs=True)


def _unclear(tracked: TrackedDeployment, snapshot: Snapshot) -> bool:
    """Whether the service itself does not show enough: our deployment has failed, or is not PRIMARY."""
    current = rolling.primary(snapshot.service) if snapshot.service else {}
    return snapshot.service is not None and (snapshot.failed_at is not None or current.get("id") != tracked.own.id)


def _with_status(job: Job, followed: Sequence[TrackedDeployment], snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Adds the status of one deployment that the service does not show.

    This costs two calls for each, so with several deployments each poll asks for one, in rotation.
    """
    found = list(snapshots)
    unclear = [
        number
        for number, (tracked, snapshot) in enumerate(zip(followed, snapshots, strict=True))
        if _unclear(tracked, snapshot) and (len(followed) == 1 or snapshot.at - snapshot.asked_at >= pace.STATUS_EVERY)
    ]
    if not unclear:
        return found
    number = min(unclear, key=lambda each: (snapshots[each].asked_at, each))
    tracked, snapshot = followed[number], snapshots[number]
    assert snapshot.service is not None
    status, why = _status(job, tracked, snapshot.service)
    since = snapshot.at if snapshot.unlisted_since is None else snapshot.unlisted_since
    found[number] = replace(
        snapshot, status=status, why=why, asked_at=snapshot.at, unlisted_since=None if status else since
    )
    return found


def _status(job: Job, tracked: TrackedDeployment, service: Mapping[str, Any], *, since: Any = None) -> tuple[str, str]:
    """The status of the newest service deployment to our revision, and ECS's reason.

    It is as old as our deployment or, with ``since``, not older than that.
    """
    arn, own = str(service["serviceArn"]), tracked.own
    created = since or own.created_at
    try:
        ours = blue_green.brought(job, tracked.plan.cluster, arn, own.task_definition, created, polling=True)
    except (ClientError, BotoCoreError) as error:
        if is_transient(error):
            raise
        return rolling.UNREADABLE, ""  # no permission, or an ECS without this call: DescribeServices must suffice
    return str((ours or {}).get("status", "")), str((ours or {}).get("statusReason", ""))


def conflict(job: Job, plan: DeploymentPlan, arn: str) -> Conflict | None:
    """Another deployment of this service that has not ended; not one that never will."""
    words = rolling.conflict_words(plan.service, arn)
    if words and rolling.may_crash_forever(plan.service):
        words = rolling.conflict_words(plan.service, arn, update_service.crashed_tasks(job, plan))
    return Conflict(words) if words else None


def undo(job: Job, tracked: TrackedDeployment) -> OwnDeployment:
    """Deploys what ran before. Raises ``Refused`` if nothing did, or if another deployment has replaced this one."""
    return start(job, *way_back(job, tracked))


def stop(aws: Aws, entry: Mapping[str, Any]) -> str:
    """In the last seconds of a cancelled job: deploys what ran before, if the service works towards our revision.

    Raises ``Unreadable`` if ECS may only not show the deployment yet.
    """
    cluster, name = str(entry["cluster"]), str(entry["service"])
    wanted, previous = entry["task_definition"], entry.get("previous_task_definition")
    service = ecs.look_at_service(aws, cluster, name)
    if service is None:
        raise Unreadable(f"ECS does not list service {name}; nothing was stopped")
    current = rolling.primary(service)
    if current.get("taskDefinition") != wanted:
        words = f"service {name} is moving to {short(str(current.get('taskDefinition')))}; nothing was stopped"
        if current.get("taskDefinition") == previous or current.get("id") == entry.get("previous_id", ""):
            raise Unreadable(words)
        return words
    if not _is_ours(entry, current):
        return f"{standing.words(current)} of service {name} is not the one that this job started; nothing was stopped"
    if rolling.state(current, service) == "COMPLETED":
        return f"the deployment of service {name} to {short(str(wanted))} is COMPLETED; nothing was stopped"
    if not previous:
        return f"service {name} ran nothing before {short(wanted)} to go back to; ECS continues it"
    ecs.update_service(aws, cluster, name, previous, force=False, more={})
    return f"service {name} goes back to {short(previous)} (on-cancel: stop)"


def unfinished(job: Job, plan: DeploymentPlan) -> Unfinished | None:
    """The PRIMARY deployment, if ECS has not completed it."""
    return of_service(plan.strategy, plan.service)


def _is_ours(entry: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    """Whether the PRIMARY is our deployment; cancelled before UpdateService answered, any later one of our revision."""
    if entry.get("id"):
        return bool(current.get("id") == entry["id"])
    return bool(current.get("id") != entry.get("previous_id"))


def waiting(job: Job, plan: DeploymentPlan) -> OwnDeployment | None:
    """A rolling update never waits for an approval."""
    return None


def go_on(job: Job, plan: DeploymentPlan, own: OwnDeployment) -> bool:
    """Does nothing: a rolling update never waits for an approval."""
    return False
