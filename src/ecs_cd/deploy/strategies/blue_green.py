"""ECS's own BLUE_GREEN, LINEAR and CANARY deployments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecs, service_deployments
from ecs_cd.aws.ecs import Json
from ecs_cd.aws.errors import code, is_transient, transient_as_unreadable
from ecs_cd.aws.session import Aws
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules import blue_green, rolling, standing
from ecs_cd.deploy.rules.blue_green import FORWARD, UNDER_WAY, Snapshot
from ecs_cd.deploy.rules.conflict import Conflict
from ecs_cd.deploy.rules.own_deployment import OwnDeployment, absent_since, deleted
from ecs_cd.deploy.rules.unfinished import Unfinished, of_service, of_service_deployment, revisions
from ecs_cd.deploy.strategies import blue_green_calls, update_service
from ecs_cd.deploy.strategies.blue_green_calls import described, status
from ecs_cd.deploy.strategies.history import by_service_deployments
from ecs_cd.deploy.strategies.way_back import way_back
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.job.job import Job
from ecs_cd.model import pace
from ecs_cd.model.errors import OutcomeUnknown, Unreadable
from ecs_cd.model.references import short

_MARGIN = timedelta(seconds=5)  # how much older a service deployment may be than its PRIMARY

CARRIED_OUT_BY = "ECS"
# DescribeServices of ten services; ListServiceDeployments, DescribeServiceRevisions, DescribeServiceDeployments of one
CALLS_PER_LOOK = 3.1
CAN_BE_SUPERSEDED = True
OLD_TASKS_COUNT = False  # they may stay for the bake time
SERVICE_NAMES_TARGET_GROUPS = True

prepare = update_service.prepare
wait_budget = update_service.wait_budget
history = by_service_deployments


# ---- start ----


def start(job: Job, plan: DeploymentPlan, arn: str) -> OwnDeployment:
    """Calls UpdateService once, and finds the service deployment that it created.

    Makes no call if the service already runs this task definition or is on the way to it.
    """
    before = rolling.primary(plan.service)
    if before.get("taskDefinition") == arn and not plan.force and not plan.update:
        find = _wait_for if before.get("rolloutState") == "IN_PROGRESS" else _brought
        ours = find(job, plan, arn, before)
        if _holds(ours, before):
            job.ci.line(f"{plan.target.key}: the service already has {short(arn)}")
            own = _own(plan, arn, _name(ours) or _if_old(before), before, rolling.before(plan.service))
            return replace(own, unsettled=not standing.is_steady(plan.service))
        plan = replace(plan, force=True)  # it was rolled back: only force deploys the same revision again
    ran = update_service.ran_before(job, plan)
    ran = rolling.before(plan.service) if ran == arn else ran
    before, after = update_service.update(job, plan, arn)
    if after.get("id") == before.get("id"):  # nothing but settings changed
        find = _wait_for if after.get("rolloutState") == "IN_PROGRESS" else _found
        return _own(plan, arn, _name(find(job, plan, arn, after)) or _if_old(after), after, ran)
    ours = _wait_for(job, plan, arn, after, is_new=True)
    name = f"service deployment {short(str(ours['serviceDeploymentArn']))}" if ours else f"deployment {after.get('id')}"
    job.ci.line(f"{plan.target.key}: {name} started, {short(str(ran))} -> {short(arn)}")
    return replace(_own(plan, arn, _name(ours), after, ran), previous_id=str(before.get("id")))


def _holds(ours: Json | None, primary: Mapping[str, Any]) -> bool:
    """Whether the deployment behind this PRIMARY has succeeded or is running. One that ECS no longer lists is old."""
    if ours is None:
        return primary.get("rolloutState") != "FAILED"
    return ours.get("status") in ("SUCCESSFUL", *FORWARD)


def _own(plan: DeploymentPlan, arn: str, name: str, primary: Mapping[str, Any], previous: str | None) -> OwnDeployment:
    started_by, created_at = str(primary.get("id", "")), primary.get("createdAt")
    return OwnDeployment(plan.strategy, name, arn, previous, started_by=started_by, created_at=created_at)


def _name(ours: Json | None) -> str:
    """The service deployment's ARN; empty if ECS does not list it yet: see ``read``."""
    return str(ours["serviceDeploymentArn"]) if ours else ""


def _if_old(primary: Mapping[str, Any]) -> str:
    """The PRIMARY's id, if it is so old that ECS no longer lists its service deployment: see ``read``."""
    return "" if primary.get("rolloutState") == "IN_PROGRESS" else str(primary.get("id", ""))


def _wait_for(
    job: Job, plan: DeploymentPlan, arn: str, primary: Mapping[str, Any], *, is_new: bool = False
) -> Json | None:
    """The service deployment that came with this PRIMARY; ``None`` if ECS lists it so late that ``read`` finds it."""
    deadline = job.clock.monotonic() + pace.LISTED_SOON
    while True:
        found = _found(job, plan, arn, primary, is_new=is_new)
        if found or job.clock.monotonic() >= deadline:
            return found
        job.clock.sleep(1)


def _found(
    job: Job, plan: DeploymentPlan, arn: str, primary: Mapping[str, Any], *, is_new: bool = False
) -> Json | None:
    """What ``_brought`` it, once the deployment has started: a failed read then does not count as refused."""
    try:
        return _brought(job, plan, arn, primary, is_new=is_new)
    except (ClientError, BotoCoreError) as error:
        if is_transient(error):
            return None
        name = f"deployment {primary.get('id')} to {short(arn)}"
        raise OutcomeUnknown(f"can't read what became of {name}: {error}") from error


def _brought(
    job: Job, plan: DeploymentPlan, arn: str, primary: Mapping[str, Any], *, is_new: bool = False
) -> Json | None:
    service, created_at = str(plan.service["serviceArn"]), primary.get("createdAt")
    return brought(job, plan.cluster, service, arn, created_at, is_new=is_new)


def brought(
    job: Job,
    cluster: str,
    service: str,
    arn: str,
    created_at: datetime | None,
    *,
    polling: bool = False,
    is_new: bool = False,
) -> Json | None:
    """The newest service deployment to this task definition that is not older than the ECS deployment of
    ``created_at``; if that ``is_new``, the one that came with it, even if another one has replaced it.

    Identified by ECS's own clock and by its target service revision, never by list position.
    """
    since = created_at - _MARGIN if created_at else None
    listed = service_deployments.listed(job.aws, cluster, service, created_after=since, polling=polling)
    found = service_deployments.with_targets(job.aws, listed[: pace.NEWEST_LISTED], polling=polling)
    to_arn = [deployment for deployment, target in found if target == arn]
    return blue_green.came_with(created_at, to_arn) if is_new and created_at else next(iter(to_arn), None)


# ---- read ----


def read(job: Job, followed: Sequence[TrackedDeployment]) -> list[Snapshot]:
    """A snapshot of each service deployment, twenty per call; ended deployments are checked a second time.

    If ECS had no service deployment to identify, the service has long had the task definition: treated as SUCCESSFUL.
    Searches again for one that ECS did not list in time.
    """
    with transient_as_unreadable():
        for tracked in followed:
            if not tracked.own.id:
                _identify(job, tracked)
        ids = [tracked.own.id for tracked in followed]
        known = service_deployments.look_at(job.aws, [name for name in ids if name.startswith("arn:")])
        snapshots = [_first(job, tracked, known) for tracked in followed]
        over = [n for n, snapshot in enumerate(snapshots) if status(snapshot.deployment) not in UNDER_WAY]
        for number in over[pace.OVER_PER_LOOK :]:
            last = followed[number].snapshot
            snapshots[number] = last if isinstance(last, Snapshot) else Snapshot({"status": "PENDING"})
        over = over[: pace.OVER_PER_LOOK]
        for number, snapshot in zip(over, _again(job, [(followed[n], snapshots[n]) for n in over]), strict=True):
            snapshots[number] = snapshot
    return snapshots


def _first(job: Job, tracked: TrackedDeployment, known: Mapping[str, Json]) -> Snapshot:
    name = tracked.own.id
    if not name:
        return Snapshot(None, unlisted_for=tracked.timeline.age(job.clock.monotonic()))
    deployment = known.get(name) if name.startswith("arn:") else {"status": "SUCCESSFUL"}
    last = tracked.snapshot.stage if isinstance(tracked.snapshot, Snapshot) else ""
    return Snapshot(deployment, stage=blue_green.stage(deployment) or last)


def _identify(job: Job, tracked: TrackedDeployment) -> None:
    own, plan = tracked.own, tracked.plan
    service = str(plan.service["serviceArn"])
    ours = brought(job, plan.cluster, service, own.task_definition, own.created_at, polling=True, is_new=True)
    if ours:
        tracked.own = replace(own, id=str(ours["serviceDeploymentArn"]))
        job.ci.line(f"{tracked.key}: ECS lists it as {_words(ours, own.task_definition)}")


def _again(job: Job, over: Sequence[tuple[TrackedDeployment, Snapshot]]) -> list[Snapshot]:
    """Adds what the service itself says."""
    if not over:
        return []
    services = ecs.look_at_services(job.aws, over[0][0].plan.cluster, [tracked.plan.name for tracked, _ in over])
    return [_with_service(job, tracked, snapshot, services.get(tracked.plan.name)) for tracked, snapshot in over]


def _with_service(job: Job, tracked: TrackedDeployment, snapshot: Snapshot, service: Json | None) -> Snapshot:
    last, now = tracked.snapshot, job.clock.monotonic()
    since = absent_since(last.absent_since if isinstance(last, Snapshot) else None, service, now)
    gone = deleted(service, 0.0 if since is None else now - since)
    if service is None or gone:
        return replace(snapshot, gone=gone, absent_since=since)
    stopped_since, newest = last.stopped_since if isinstance(last, Snapshot) else None, None
    if snapshot.deployment and status(snapshot.deployment) == "STOPPED":
        newest = _newest(job.aws, tracked.plan.cluster, service, snapshot.deployment)
    if newest and newest[1] == tracked.own.task_definition:
        _adopt(job, tracked, newest, service)
        snapshot = Snapshot(service_deployments.look_at(job.aws, [tracked.own.id]).get(tracked.own.id))
        stopped_since = newest = None  # of this one, nothing is known yet
    if status(snapshot.deployment) == "SUCCESSFUL":
        return replace(snapshot, service=service, newer=standing.replaced_by(tracked.own, service))
    if status(snapshot.deployment) != "STOPPED":
        return replace(snapshot, service=service)
    snapshot = replace(snapshot, service=service, stopped_since=now if stopped_since is None else stopped_since, at=now)
    newer = _words(*newest) if newest else blue_green.replaced(tracked.own, service, snapshot.stopped_for)
    return replace(snapshot, newer=newer)


def _adopt(job: Job, tracked: TrackedDeployment, newest: tuple[Json, str], service: Json) -> None:
    """From now on, another user's deployment of the same revision is followed."""
    job.ci.line(f"{tracked.key}: {_words(*newest)} took over with the same task definition")
    primary = rolling.primary(service)
    known = primary.get("taskDefinition") == tracked.own.task_definition and not standing.is_ours(tracked.own, primary)
    name, started_by = str(newest[0]["serviceDeploymentArn"]), str(primary["id"]) if known else ""
    created_at = newest[0].get("createdAt")
    tracked.own = replace(tracked.own, id=name, started_by=started_by, created_at=created_at, theirs=True)


def _newest(aws: Aws, cluster: str, service: Json, ours: Mapping[str, Any]) -> tuple[Json, str] | None:
    """The newest service deployment created after our deployment, and its target task definition."""
    arn, since = str(service["serviceArn"]), ours.get("createdAt")
    listed = service_deployments.listed(aws, cluster, arn, created_after=since, polling=True)
    others = [deployment for deployment in listed if deployment["serviceDeploymentArn"] != ours["serviceDeploymentArn"]]
    return next(iter(service_deployments.with_targets(aws, others[:1], polling=True)), None)


def conflict(job: Job, plan: DeploymentPlan, arn: str) -> Conflict | None:
    """Another service deployment that has not ended; not one that never will.

    A deployment on its way to ``arn`` is the one we want; one that rolls back from it is not.
    """
    service = str(plan.service["serviceArn"])
    listed = service_deployments.listed(job.aws, plan.cluster, service, status=UNDER_WAY)
    for deployment, target in service_deployments.with_targets(job.aws, listed):
        if target != arn or deployment.get("status") not in FORWARD:
            return _conflict(job, plan, deployment, target)
    return _unlisted(job, plan, arn)


def _unlisted(job: Job, plan: DeploymentPlan, arn: str) -> Conflict | None:
    """A PRIMARY in progress that ECS does not list as a service deployment under way: lists lag."""
    current = rolling.primary(plan.service)
    target = str(current.get("taskDefinition", ""))
    if target in ("", arn) or current.get("rolloutState") != "IN_PROGRESS":
        return None
    listed = _brought(job, plan, target, current)
    if listed is None:
        return Conflict(f"{standing.words(current)} is IN_PROGRESS")
    return _conflict(job, plan, listed, target) if status(listed) in UNDER_WAY else None


def _conflict(job: Job, plan: DeploymentPlan, deployment: Json, target: str) -> Conflict | None:
    is_primary = rolling.primary(plan.service).get("taskDefinition") == target
    crashes = is_primary and rolling.may_crash_forever(plan.service)
    if crashes and rolling.crashes_forever(plan.service, update_service.crashed_tasks(job, plan)):
        return None
    words = f"{_words(deployment, target)} is {status(deployment)}"
    may_pause = status(deployment) in FORWARD
    return Conflict(
        words,
        blue_green.pause(described(job.aws, str(deployment["serviceDeploymentArn"]))) if may_pause else "",
    )


# ---- roll back, continue ----


def undo(job: Job, tracked: TrackedDeployment) -> OwnDeployment:
    """Lets ECS roll back our deployment if it is still running, and follows that; otherwise deploys what ran before.

    Raises ``Refused`` if another deployment has replaced it.
    """
    own = tracked.own
    ours = described(job.aws, own.id)
    if status(ours) in UNDER_WAY:
        if blue_green_calls.take_back(job, ours):
            return own
        ours = described(job.aws, own.id)
    if status(ours) == "ROLLBACK_SUCCESSFUL":
        return own
    return start(job, *way_back(job, tracked))


def stop(aws: Aws, entry: Mapping[str, Any]) -> str:
    """In the last seconds of a cancelled job: lets ECS roll back our deployment if it is still running. Raises
    ``Unreadable`` if ECS does not list it, which it may do late."""
    cluster, name, wanted = (str(entry[key]) for key in ("cluster", "service", "task_definition"))
    arn = str(entry.get("id") or "")
    if arn:
        ours = described(aws, arn)
    else:  # cancelled before ECS listed it
        listed = service_deployments.listed(aws, cluster, name, status=FORWARD)
        found = service_deployments.with_targets(aws, listed)
        ours = next((deployment for deployment, target in found if target == wanted), {})
    if not ours:
        raise Unreadable(f"service {name} has no service deployment to {short(wanted)} under way; nothing was stopped")
    if status(ours) not in FORWARD:
        return f"{_words(ours, wanted)} of service {name} is {status(ours)}; nothing was stopped"
    try:
        service_deployments.roll_back(aws, str(ours["serviceDeploymentArn"]))
    except ClientError as error:
        if code(error) not in blue_green_calls.ENDED:
            raise
        return f"{_words(ours, wanted)} of service {name} has already ended; nothing was stopped"
    return f"{_words(ours, wanted)} of service {name} is being rolled back (on-cancel: stop)"


def paused(job: Job, cluster: str, service: str) -> tuple[Json, Mapping[str, Any]] | None:
    """The service deployment that waits for an approval, and its hook."""
    listed = service_deployments.listed(job.aws, cluster, service, status=FORWARD)
    known = service_deployments.described(job.aws, [str(deployment["serviceDeploymentArn"]) for deployment in listed])
    waiting = ((deployment, blue_green.paused_at(deployment)) for deployment in known.values())
    return next(((deployment, hook) for deployment, hook in waiting if hook), None)


def waiting(job: Job, plan: DeploymentPlan) -> OwnDeployment | None:
    """The service deployment that waits for an approval, whichever run started it."""
    found = paused(job, plan.cluster, plan.name)
    if found is None:
        return None
    return replace(_unfinished(job, plan, found[0]).own, hook=str(found[1]["hookId"]))


def unfinished(job: Job, plan: DeploymentPlan) -> Unfinished | None:
    """The newest service deployment that has not ended, whichever run started it; ECS may list it late."""
    listed = service_deployments.listed(job.aws, plan.cluster, plan.name, status=UNDER_WAY)
    arns = [str(deployment["serviceDeploymentArn"]) for deployment in listed]
    known = service_deployments.described(job.aws, arns)
    newest = next((known[arn] for arn in arns if arn in known and status(known[arn]) in UNDER_WAY), None)
    if newest:
        return _unfinished(job, plan, newest)
    is_new = rolling.primary(plan.service).get("rolloutState") == "IN_PROGRESS"
    return of_service(plan.strategy, plan.service) if is_new else None


def _unfinished(job: Job, plan: DeploymentPlan, deployment: Json) -> Unfinished:
    """With the PRIMARY that it brought, which tells it apart from another deployment that replaces it."""
    arns = filter(None, revisions(deployment))
    found = of_service_deployment(plan.strategy, deployment, service_deployments.task_definitions(job.aws, arns))
    primary = rolling.primary(plan.service)
    if primary.get("taskDefinition") != found.own.task_definition:
        return found
    own = replace(found.own, started_by=str(primary.get("id", "")), created_at=primary.get("createdAt"))
    return replace(found, own=own)


def go_on(job: Job, plan: DeploymentPlan, own: OwnDeployment) -> bool:
    """Continues it from the hook where it waited, and waits until ECS shows that it continues.

    If another user has continued it by now, it may wait at the next hook, which no user has approved.
    """
    found, hook = paused(job, plan.cluster, plan.name), own.hook
    if found is None or found[0]["serviceDeploymentArn"] != own.id or found[1]["hookId"] != hook:
        return False
    blue_green_calls.proceed(job, own.id, hook, "CONTINUE")
    for _ in range(pace.RESUMED_WITHIN):
        now = paused(job, plan.cluster, plan.name)
        if now is None or now[1].get("hookId") != hook:
            break
        job.clock.sleep(1)
    return True


def _words(deployment: Mapping[str, Any], target: str) -> str:
    return f"service deployment {short(str(deployment['serviceDeploymentArn']))} ({short(target)})"
