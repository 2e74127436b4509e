"""CodeDeploy's blue/green deployments of an ECS service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import codedeploy, ecs
from ecs_cd.aws.codedeploy import Json
from ecs_cd.aws.errors import code, is_transient, transient_as_unreadable
from ecs_cd.aws.session import Aws
from ecs_cd.deploy import rules
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules import standing
from ecs_cd.deploy.rules.codedeploy import ENDED_BADLY, UNDER_WAY, Snapshot
from ecs_cd.deploy.rules.conflict import Conflict
from ecs_cd.deploy.rules.history import PastDeployment
from ecs_cd.deploy.rules.own_deployment import OwnDeployment, absent_since, deleted
from ecs_cd.deploy.rules.unfinished import Unfinished, of_codedeploy
from ecs_cd.deploy.strategies import codedeploy_calls, codedeploy_checks
from ecs_cd.deploy.strategies.history import by_codedeploy
from ecs_cd.deploy.strategies.way_back import way_back
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.document.rules.document import CodeDeploy
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model import pace
from ecs_cd.model.errors import Unreadable
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.model.references import short

CARRIED_OUT_BY = "CodeDeploy"
CALLS_PER_LOOK = 2.1  # DescribeServices of ten services, ListDeployments and BatchGetDeployments of one
CAN_BE_SUPERSEDED = False  # the group refuses a second deployment, and ecs-cd does not stop the first
OLD_TASKS_COUNT = False  # they run until the termination wait has passed
SERVICE_NAMES_TARGET_GROUPS = False  # only Blue's


# ---- before ----


def prepare(job: Job, plan: DeploymentPlan) -> DeploymentPlan:
    """The plan with the AppSpec that the document names; without one, ``start`` makes it from the service.

    Raises ``Refused`` for everything that CodeDeploy would refuse: a deployment group that is missing or deploys
    something else, an AppSpec that does not fit the task definition.
    """
    names = _names(plan)
    found = concurrently(
        lambda: codedeploy_checks.read_appspec(job, plan.service, names.appspec, plan.definition),
        lambda: codedeploy_checks.check_group(job, rules.codedeploy.target_id(plan.cluster, plan.name), names),
        lambda: codedeploy_checks.check_config(job, names.deployment_config),
    )
    return replace(plan, appspec=found[0])


def wait_budget(job: Job, plan: DeploymentPlan, timeout: float) -> float:
    """Seconds to follow a deployment.

    Like the official action, adds the wait for an approval and the wait before the old tasks end to ``timeout``, up to
    six hours.
    """
    names = _names(plan)
    group = codedeploy.deployment_group(job.aws, names.application, names.deployment_group)
    return max(timeout, min(timeout + 60.0 * rules.codedeploy.waits(group), pace.LONGEST_WAIT_BUDGET))


# ---- start ----


def start(job: Job, plan: DeploymentPlan, arn: str) -> OwnDeployment:
    """Calls CreateDeployment once.

    Makes no call if the service already runs this task definition or is on the way to it. Raises ``Busy`` if another
    deployment of the deployment group is running.
    """
    names, before = _names(plan), _before(plan.service, arn)
    previous_id = str(standing.current(plan.service).get("id", ""))
    running, asked = _running(job, names)
    adopted = next((each for each in running if _brings(each, arn)), None)
    if adopted:
        job.ci.line(f"{plan.target.key}: {rules.codedeploy.words(adopted)} is already under way")
        own = _own(arn, before, str(adopted["deploymentId"]))
        return own if standing.is_ours(own, standing.current(plan.service)) else replace(own, previous_id=previous_id)
    there = None if running or plan.force else _brought(job, plan.service, arn)
    if there:
        job.ci.line(f"{plan.target.key}: the service already has {short(arn)}")
        return replace(_own(arn, before, there), unsettled=not standing.is_steady(plan.service))
    name = codedeploy_calls.create(job, plan, arn, names, asked)
    job.ci.line(f"{plan.target.key}: deployment {name} started, {short(str(before))} -> {short(arn)}")
    return replace(_own(arn, before, name), previous_id=previous_id)


def conflict(job: Job, plan: DeploymentPlan, arn: str) -> Conflict | None:
    """Another deployment of this service that has not ended.

    A deployment on its way to ``arn`` is the one we want.
    """
    found, _ = _running(job, _names(plan))
    others = (each for each in found if not _brings(each, arn))
    conflicts = (
        Conflict(f"{rules.codedeploy.words(each)} is {each.get('status')}", rules.codedeploy.pause(each))
        for each in others
    )
    return next(conflicts, None)


def waiting(job: Job, plan: DeploymentPlan) -> OwnDeployment | None:
    """The deployment group's deployment if it is Ready; a group has at most one that has not ended."""
    found, _ = _running(job, _names(plan))
    ready = next((info for info in found if info.get("status") == "Ready"), None)
    return of_codedeploy(ready, plan.service).own if ready else None


def unfinished(job: Job, plan: DeploymentPlan) -> Unfinished | None:
    """The deployment group's deployment that has not ended, or its rollback."""
    found = [of_codedeploy(info, plan.service) for info in _running(job, _names(plan))[0]]
    return max(found, key=lambda each: bool(each.back_to), default=None)


def go_on(job: Job, plan: DeploymentPlan, own: OwnDeployment) -> bool:
    """Lets the traffic move."""
    codedeploy_calls.proceed(job, own.id)
    return True


def history(job: Job, plan: DeploymentPlan) -> Sequence[PastDeployment]:
    """What CodeDeploy has done in this deployment group."""
    return by_codedeploy(job, plan, _names(plan))


def _running(job: Job, names: CodeDeploy) -> tuple[list[Json], datetime]:
    """The group's running deployments, and when we asked, by AWS's clock."""
    ids, asked = codedeploy.deployment_ids(job.aws, names.application, names.deployment_group, statuses=UNDER_WAY)
    return codedeploy.deployments(job.aws, ids), asked


def _brings(info: Mapping[str, Any], arn: str) -> bool:
    return bool(arn) and rules.codedeploy.deploys(info) == arn


def _names(plan: DeploymentPlan) -> CodeDeploy:
    return rules.codedeploy.names(plan.target.codedeploy, plan.cluster, plan.name)


def _brought(job: Job, service: Mapping[str, Any], arn: str) -> str | None:
    """The deployment that brought this task definition into production; ``None`` if none did, or if it ended badly.

    A deployment that CodeDeploy did not make, or has forgotten, is named by its task set.
    """
    sets: Sequence[Mapping[str, Any]] = service.get("taskSets", ())
    task_set = next((each for each in sets if each.get("status") == "PRIMARY"), {})
    if task_set.get("taskDefinition") != arn:
        return None
    name = str(task_set.get("externalId", ""))
    found = next(iter(codedeploy.deployments(job.aws, [name])), {}) if _is_named(name) else {}
    if found.get("status") in ENDED_BADLY:
        return None
    return name if found else str(task_set.get("id", ""))


def _is_named(name: str) -> bool:
    """Whether this names a CodeDeploy deployment."""
    return name.startswith("d-")


def _before(service: Mapping[str, Any], arn: str) -> str | None:
    """What the service runs or, if the traffic is on ``arn`` already, the task set that it replaces.

    A PRIMARY task set without any running task does not count while another one serves.
    """
    primary = standing.current(service)
    if primary.get("taskDefinition") != arn and primary.get("runningCount") != 0:
        return primary.get("taskDefinition")
    others = [each for each in service.get("taskSets", ()) if each.get("taskDefinition") != arn]
    best: Json = max(
        others, key=lambda each: (each.get("runningCount", 0), each.get("status") == "PRIMARY"), default={}
    )
    return best.get("taskDefinition")


def _own(arn: str, before: str | None, name: str) -> OwnDeployment:
    return OwnDeployment(Strategy.CODE_DEPLOY, name, arn, before)


# ---- read ----


def read(job: Job, followed: Sequence[TrackedDeployment]) -> list[Snapshot]:
    """A snapshot of all these deployments and their rollbacks, 25 per call.

    Reads the lifecycle events in rotation, and whenever the status has changed.
    """
    backs = [rules.codedeploy.rollback_id(last.info) for tracked in followed if (last := _last(tracked))]
    ids = dict.fromkeys(name for name in [*(tracked.own.id for tracked in followed), *backs] if _is_named(name))
    with transient_as_unreadable():
        known = codedeploy.look_at_deployments(job.aws, list(ids))
        snapshots = [_snapshot(job, tracked, known) for tracked in followed]
        snapshots = _with_service(job, followed, snapshots)
    due = _due(followed, snapshots)
    for number, tracked in enumerate(followed):
        if number in due:
            snapshots[number] = _with_target(job, tracked, snapshots[number])
        elif _has_changed(tracked, snapshots[number]):
            snapshots[number] = replace(snapshots[number], target=None)  # the last one read is outdated
    return snapshots


def _snapshot(job: Job, tracked: TrackedDeployment, known: Mapping[str, Json]) -> Snapshot:
    """If CodeDeploy has no deployment to identify, the service has long had the task definition."""
    last = _last(tracked) or Snapshot({})
    now = job.clock.monotonic()
    info = known.get(tracked.own.id, {}) if _is_named(tracked.own.id) else {"status": "Succeeded"}
    ended = info.get("status") in ENDED_BADLY
    return replace(
        last,
        info=info,
        rollback=known.get(rules.codedeploy.rollback_id(info)),
        at=now,
        ended_at=(now if last.ended_at is None else last.ended_at) if ended else None,
    )


def _with_service(job: Job, followed: Sequence[TrackedDeployment], snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Reads the services that decide, until ECS lists them: CodeDeploy's messages about a deleted service vary."""
    found, now = list(snapshots), job.clock.monotonic()
    due = [
        number
        for number, (tracked, snapshot) in enumerate(zip(followed, snapshots, strict=True))
        if _service_decides(tracked, snapshot)
    ]
    services = (
        ecs.look_at_services(job.aws, followed[0].plan.cluster, [followed[number].plan.name for number in due])
        if due
        else {}
    )
    for number in due:
        service = services.get(followed[number].plan.name)
        since = absent_since(snapshots[number].absent_since, service, now)
        gone = deleted(service, 0.0 if since is None else now - since)
        found[number] = replace(snapshots[number], service=service, absent_since=since, gone=gone)
    return found


def _service_decides(tracked: TrackedDeployment, snapshot: Snapshot) -> bool:
    """Whether the deployment just ended badly, or its success says too little."""
    if snapshot.status == "Succeeded":
        return tracked.own.unsettled or tracked.own.completed
    last = _last(tracked)
    return snapshot.ended_at is not None and (last is None or last.ended_at is None or last.absent_since is not None)


def _due(followed: Sequence[TrackedDeployment], snapshots: Sequence[Snapshot]) -> list[int]:
    """The deployments whose lifecycle events to read: those whose status has changed, then some others, oldest first.

    At most as many as one poll may cost on top of the deployments and their rollbacks.
    """
    named = [n for n, tracked in enumerate(followed) if _is_named(tracked.own.id)]
    started = [n for n in named if snapshots[n].status not in ("", "Created", "Queued")]
    oldest_first = sorted(started, key=lambda n: snapshots[n].asked_at)
    changed = [n for n in oldest_first if _has_changed(followed[n], snapshots[n])]
    others = [n for n in oldest_first if n not in changed]
    due = changed + others[: max(1, len(followed) // pace.TARGETS_SHARE)]
    return due[: max(1, pace.LOOK_CALLS - 2 * -(-len(followed) // codedeploy.DEPLOYMENTS_A_CALL))]


def _has_changed(tracked: TrackedDeployment, snapshot: Snapshot) -> bool:
    last = _last(tracked)
    return last is None or last.status != snapshot.status


def _last(tracked: TrackedDeployment) -> Snapshot | None:
    return tracked.snapshot if isinstance(tracked.snapshot, Snapshot) else None


def _with_target(job: Job, tracked: TrackedDeployment, snapshot: Snapshot) -> Snapshot:
    """Adds the lifecycle events; if they can't be read, the deployment's own status must suffice."""
    snapshot = replace(snapshot, asked_at=snapshot.at)
    try:
        target = codedeploy.ecs_target(
            job.aws, tracked.own.id, rules.codedeploy.target_id(tracked.plan.cluster, tracked.plan.name)
        )
    except (ClientError, BotoCoreError) as error:
        what = code(error) or type(error).__name__
        if not is_transient(error) and tracked.reported.first_of_any(f"target: {what}"):
            job.ci.warning(f"{tracked.key}: can't read the lifecycle events ({what})")
        return snapshot
    snapshot = replace(snapshot, target=target)
    task_set = str(rules.codedeploy.green(snapshot).get("identifer", ""))
    if task_set.startswith("ecs-svc/") and tracked.own.started_by != task_set:  # ECS writes it into the tasks
        tracked.own = replace(tracked.own, started_by=task_set)
    return snapshot


# ---- roll back, continue ----


def undo(job: Job, tracked: TrackedDeployment) -> OwnDeployment:
    """Stops our deployment if it is still running, or else deploys what ran before.

    CodeDeploy rolls back a stopped deployment, so ecs-cd keeps following the same one. Raises ``Refused`` if
    another deployment has replaced it.
    """
    own = tracked.own
    if _is_named(own.id):
        if codedeploy_calls.roll_back(job, own.id):
            return own
        ours = next(iter(codedeploy.deployments(job.aws, [own.id])), {})
        if rules.codedeploy.rollback_id(ours):
            return own
    plan, previous = way_back(job, tracked)
    # Once the traffic has moved, an answer that shows the previous revision is an old one.
    last = _last(tracked)
    return start(job, replace(plan, force=last is not None and rules.codedeploy.has_moved(last)), previous)


def stop(aws: Aws, entry: Mapping[str, Any]) -> str:
    """In the last seconds of a cancelled job: stops our deployment if it is running; CodeDeploy rolls it back. Raises
    ``Unreadable`` if the service does not show it, which it may do late."""
    service, wanted = str(entry["service"]), str(entry["task_definition"])
    name = str(entry.get("id") or "") or _by_task_set(aws, entry)
    if not name:
        raise Unreadable(f"service {service} shows no deployment to {short(wanted)}; nothing was stopped")
    what = f"deployment {name} ({short(wanted)}) of service {service}"
    ours = next(iter(codedeploy.deployments(aws, [name])), {})
    if ours.get("status") not in UNDER_WAY or not codedeploy.stop(aws, name):
        return f"{what} is no longer under way; nothing was stopped"
    return f"{what} is being stopped and rolled back (on-cancel: stop)"


def _by_task_set(aws: Aws, entry: Mapping[str, Any]) -> str:
    """Cancelled before CreateDeployment answered: the task set that CodeDeploy has made names its deployment."""
    service = ecs.look_at_service(aws, str(entry["cluster"]), str(entry["service"])) or {}
    ours = (
        str(each.get("externalId", ""))
        for each in service.get("taskSets", ())
        if each.get("taskDefinition") == entry["task_definition"] and each.get("status") != "PRIMARY"
    )
    return next(filter(_is_named, ours), "")
