"""An ECS rolling update: from a snapshot of the service to a verdict on one deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.deploy.rules import crashes, standing
from ecs_cd.deploy.rules.own_deployment import READ_AGAIN, OwnDeployment, deleted
from ecs_cd.diagnosis.evidence import Evidence, Finding
from ecs_cd.diagnosis.old_tasks import OLD_TASKS
from ecs_cd.model import pace
from ecs_cd.model.lifecycle import STABLE, Until
from ecs_cd.model.references import short
from ecs_cd.model.verdict import InProgress, Outcome, Verdict
from ecs_cd.report.timeline import Phase


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of the service: the DescribeServices answer, and what else is known.

    ``service`` is ``None`` if ECS answers that the service is missing, which it has done since ``absent_since``.
    ``crashed`` counts the tasks of this deployment that ended by themselves. ``at`` is when the snapshot was taken.
    ``failed_at`` is when ECS first reported our deployment as FAILED or was seen to roll it back. Both are seconds of
    the same clock. ``status`` is our deployment's status in ListServiceDeployments, which is only called once our
    deployment has failed or is not PRIMARY: ``None`` before that call, empty if ECS does not list it, ``UNREADABLE`` if
    the role may not read it. ``why`` is ECS's reason there. ``asked_at`` is the time of that call, ``unlisted_since``
    since when ECS has not listed it.
    """

    service: Mapping[str, Any] | None
    crashed: int = 0
    at: float = 0.0
    failed_at: float | None = None
    status: str | None = None
    why: str = ""
    asked_at: float = float("-inf")
    unlisted_since: float | None = None
    absent_since: float | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether ECS has said nothing about our deployment for so long that it never will."""
        unlisted_for = 0.0 if self.unlisted_since is None else self.asked_at - self.unlisted_since
        return self.status == UNREADABLE or (self.status == "" and unlisted_for >= pace.ABSENT)

    @property
    def failed_for(self) -> float | None:
        """Seconds since the failure; ``None`` without a failure."""
        return None if self.failed_at is None else self.at - self.failed_at


UNREADABLE = "UNREADABLE"
_MOST_DEPLOYMENTS = 5  # of a service at once; ECS refuses another: aws/containers-roadmap#2836


def primary(service: Mapping[str, Any]) -> Mapping[str, Any]:
    """The deployment that ECS is working towards; empty without one."""
    return next((d for d in service.get("deployments", ()) if d.get("status") == "PRIMARY"), {})


def alive(deployment: Mapping[str, Any]) -> str | None:
    """The deployment's task definition if it has running tasks and has not failed."""
    lives = deployment.get("runningCount") and deployment.get("rolloutState") != "FAILED"
    return str(deployment["taskDefinition"]) if lives else None


def listed(own: OwnDeployment, service: Mapping[str, Any]) -> Mapping[str, Any]:
    """Our deployment as this DescribeServices answer lists it; empty if it does not."""
    return next((d for d in service.get("deployments", ()) if d.get("id") == own.id), {})


def state(deployment: Mapping[str, Any], service: Mapping[str, Any]) -> str:
    """The deployment's rolloutState.

    ECS reports none for a service behind a Classic Load Balancer. There a deployment is complete when it is the only
    one with tasks and all its desired tasks run, which is what `aws ecs wait services-stable` checks.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
    """
    stated = str(deployment.get("rolloutState") or "")
    full = deployment.get("runningCount", 0) == deployment.get("desiredCount", 0)
    return stated or ("COMPLETED" if full and _stable(deployment, service) else "IN_PROGRESS")


def works_towards(service: Mapping[str, Any], task_definition: str) -> bool:
    """Whether the service runs this task definition, or is on the way to it and has not failed."""
    current = primary(service)
    return bool(current.get("taskDefinition") == task_definition and current.get("rolloutState") != "FAILED")


def before(service: Mapping[str, Any]) -> str | None:
    """The task definition that the PRIMARY deployment replaces, if the service still lists it."""
    return standing.serving(service, but=str(primary(service).get("taskDefinition")))


def ran(service: Mapping[str, Any]) -> str | None:
    """The task definition to which a way back goes: of the PRIMARY once it is COMPLETED, else of what still serves.

    ``None`` if no deployment in this answer has worked: ECS's history may know what did.
    """
    current = primary(service)
    if not current:
        return standing.current(service).get("taskDefinition")
    completed = state(current, service) == "COMPLETED"
    return str(current["taskDefinition"]) if completed else standing.serving(service)


def conflict_words(service: Mapping[str, Any], arn: str, crashed: int = 0) -> str:
    """Another deployment that has not ended, in words; empty without one. ``crashed`` counts its tasks that ended by
    themselves.

    A deployment to ``arn`` is the one we want. A deployment that has failed by our own rule, while ECS keeps trying
    forever, does not block our deployment.
    """
    current = primary(service)
    name = standing.words(current)
    open_ones = [d for d in service.get("deployments", ()) if _is_open(d)]
    if len(open_ones) >= _MOST_DEPLOYMENTS and current.get("taskDefinition") != arn:
        return f"{len(open_ones)} deployments are active, the newest {name}; ECS accepts no more"
    hopeless = crashes_forever(service, crashed)
    if not current or current.get("taskDefinition") == arn or hopeless or state(current, service) != "IN_PROGRESS":
        return ""
    return f"{name} is IN_PROGRESS"


def _is_open(deployment: Mapping[str, Any]) -> bool:
    """Whether it counts towards ECS's limit on deployments: a failed one without tasks does not, even if listed."""
    over = deployment.get("rolloutState") == "FAILED" and not _alive(deployment)
    return deployment.get("status") in ("PRIMARY", "ACTIVE") and not over


def _alive(deployment: Mapping[str, Any]) -> int:
    """How many of its tasks are running or pending."""
    return int(deployment.get("runningCount", 0)) + int(deployment.get("pendingCount", 0))


def worth_evidence(own: OwnDeployment, before: Snapshot | None, now: Snapshot) -> bool:
    """Whether our tasks may have died between two snapshots: more failures, or fewer tasks than before."""
    if before is None or before.service is None or now.service is None:
        return False
    earlier, later = listed(own, before.service), listed(own, now.service)
    if later.get("rolloutState") == "COMPLETED" and not own.unsettled:
        return False

    failed = later.get("failedTasks", 0) > earlier.get("failedTasks", 0)
    fewer = later.get("runningCount", 0) < earlier.get("runningCount", 0) or _alive(later) < _alive(earlier)
    return failed or fewer or later.get("rolloutState") != earlier.get("rolloutState")


def evidence(own: OwnDeployment, snapshot: Snapshot) -> Evidence:
    """What the snapshot itself shows about a failure: ECS's reason, and the alarms if the reason mentions one."""
    service = snapshot.service or {}
    deployments = (listed(own, service), primary(service))
    reason = next((str(d["rolloutStateReason"]) for d in deployments if d.get("rolloutStateReason")), "")
    reason = snapshot.why or reason
    alarms = service.get("deploymentConfiguration", {}).get("alarms", {})
    names = alarms.get("alarmNames", ()) if "alarm" in reason.lower() else ()
    waiting = old_tasks(service)
    return Evidence(
        reason=reason,
        alarms=tuple({"AlarmName": name} for name in names),
        waiting=(Finding(f"old tasks still run: {waiting}", (), OLD_TASKS),) if waiting else (),
    )


def has_failed(own: OwnDeployment, service: Mapping[str, Any]) -> bool:
    """Whether this DescribeServices answer shows that our deployment failed. Later answers may no longer show it."""
    current = primary(service)
    rolled_back = current.get("id") != own.id and is_rollback(current) and not (own.replaced or _lags(own, service))
    return listed(own, service).get("rolloutState") == "FAILED" or rolled_back


def taken_over(own: OwnDeployment, service: Mapping[str, Any], *, failed: bool) -> bool:
    """Whether a later deployment brings our task definition, so that its result is our result.

    A rollback does not count, even if it returns to the same revision. ``failed``: an earlier snapshot showed that
    our deployment failed. Nothing takes over a deployment that has completed.
    """
    current = primary(service)
    ours = current.get("id") != own.id and current.get("taskDefinition") == own.task_definition
    failed = failed or has_failed(own, service)
    back = is_rollback(current) or (failed and own.previous_task_definition == own.task_definition)
    completed = own.completed or listed(own, service).get("rolloutState") == "COMPLETED"
    return ours and not back and not completed and not _lags(own, service)


def replaced(own: OwnDeployment, service: Mapping[str, Any]) -> bool:
    """Whether another deployment has replaced this one: a rollback that comes later belongs to the other."""
    current = primary(service)
    theirs = current.get("taskDefinition") not in (None, own.task_definition, own.previous_task_definition)
    return theirs and not is_rollback(current) and not _lags(own, service)


def may_be_its_rollback(own: OwnDeployment) -> bool:
    """Whether a later deployment of the same revision may be its rollback; DescribeServices can't show that."""
    return own.previous_task_definition == own.task_definition


def judge(own: OwnDeployment, snapshot: Snapshot, until: Until) -> Verdict | InProgress:
    """What this snapshot says about our deployment. Never concludes from missing data alone."""
    service = snapshot.service
    gone = deleted(service, snapshot.at - (snapshot.at if snapshot.absent_since is None else snapshot.absent_since))
    if gone or service is None:
        return gone or READ_AGAIN
    current = primary(service)
    took_over = taken_over(own, service, failed=snapshot.failed_at is not None) and not may_be_its_rollback(own)
    if current.get("id") == own.id or took_over:
        return _while_primary(own, current, service, snapshot, until)
    return _after_primary(own, service, current, snapshot)


def phase(own: OwnDeployment, snapshot: Snapshot) -> Phase | None:
    """What our deployment is doing; ``None`` if this snapshot does not show it."""
    service = snapshot.service
    if service is None:
        return None
    current, failed = primary(service), snapshot.failed_at is not None or has_failed(own, service)
    if _goes_back(own, service, failed=failed) or str(snapshot.status).startswith("ROLLBACK"):
        return Phase.ROLLBACK
    if failed:
        return Phase.FAILED
    if current.get("id") != own.id:
        return None
    full = current.get("runningCount", 0) >= current.get("desiredCount", 0)
    return Phase.HEALTHY if full else Phase.STARTING


def _while_primary(
    own: OwnDeployment, ours: Mapping[str, Any], service: Mapping[str, Any], snapshot: Snapshot, until: Until
) -> Verdict | InProgress:
    counts, now = _counts(ours), state(ours, service)
    waits_for = _still_missing(own, ours, service, until) if now == "COMPLETED" else ""
    if now == "COMPLETED" and not waits_for:
        return Verdict(Outcome.SUCCEEDED, counts)
    if now == "FAILED":
        return _failed_and_primary(ours, service, snapshot)
    if crashes.hopeless(ours, service, snapshot.crashed):
        counted = crashes.counts_failures(ours, service)
        why = "the circuit breaker no longer counts them" if counted else "the service has no circuit breaker"
        return Verdict(Outcome.FAILED, f"{snapshot.crashed} tasks died and none runs; {why}, so ECS keeps trying")
    if waits_for:
        return InProgress(f"COMPLETED, {counts}; waiting until {waits_for}")
    unknown = "" if now == "IN_PROGRESS" else f" (ECS calls it {now})"
    old = old_tasks(service)
    return InProgress(counts + unknown + (f"; waiting for {old} to stop" if old else ""))


def old_tasks(service: Mapping[str, Any]) -> str:
    """The tasks of earlier revisions that still run once all new ones do, such as ``1 of web:1``; empty before that."""
    current = primary(service)
    full = current.get("desiredCount") and current.get("runningCount", 0) >= current["desiredCount"]
    others = [d for d in service.get("deployments", ()) if d.get("id") != current.get("id") and d.get("runningCount")]
    names = [f"{d['runningCount']} of {short(str(d.get('taskDefinition', '')))}" for d in others]
    return ", ".join(names) if full and not current.get("pendingCount") else ""


def may_crash_forever(service: Mapping[str, Any]) -> bool:
    """Whether the PRIMARY deployment's stopped tasks can show that ECS would retry forever: not all its tasks run."""
    current = primary(service)
    return state(current, service) == "IN_PROGRESS" and crashes.misses_tasks(current, service)


def crashes_forever(service: Mapping[str, Any], crashed: int) -> bool:
    """Whether ECS would retry the PRIMARY deployment forever. ``crashed`` counts its tasks that ended by themselves."""
    current = primary(service)
    deaths = max(crashed, int(current.get("failedTasks", 0)))
    return crashes.hopeless(current, service, deaths) or crashes.never_settles(current, service, deaths)


def _still_missing(own: OwnDeployment, ours: Mapping[str, Any], service: Mapping[str, Any], until: Until) -> str:
    """What a COMPLETED deployment still waits for; empty if nothing."""
    if until.goal == STABLE and not _stable(ours, service):
        return "the service is stable"
    if own.unsettled and not standing.is_steady(service):
        return "all its tasks run"
    if _early_success(service).get("enable") and ours.get("desiredCount") and not ours.get("runningCount"):
        return "its first task runs"
    return ""


def defers_cleanup(service: Mapping[str, Any]) -> bool:
    """Whether ECS calls a deployment COMPLETED before it has removed the old tasks."""
    early = _early_success(service)
    return bool(early.get("enable")) and early.get("sourceServiceRevisionCleanup") == "DEFERRED"


def _early_success(service: Mapping[str, Any]) -> Mapping[str, Any]:
    early: Mapping[str, Any] = service.get("deploymentConfiguration", {}).get("earlySuccessCriteria", {})
    return early


def _stable(ours: Mapping[str, Any], service: Mapping[str, Any]) -> bool:
    alone = all(d.get("id") == ours.get("id") or not d.get("runningCount") for d in service.get("deployments", ()))
    steady = service.get("runningCount") == service.get("desiredCount") and not service.get("pendingCount")
    return alone and steady


def _failed_and_primary(
    ours: Mapping[str, Any], service: Mapping[str, Any], snapshot: Snapshot
) -> Verdict | InProgress:
    """ECS may not have started to roll back yet, or has nothing to roll back to: a first deployment."""
    why = str(ours.get("rolloutStateReason") or "no reason given").rstrip(".")
    since = ours.get("createdAt")  # events of an earlier deployment say nothing about ours
    events = [e for e in service.get("events", ())[:5] if not since or "createdAt" not in e or e["createdAt"] >= since]
    said = [why, *(str(event.get("message", "")) for event in events)]
    nowhere = any("no rollback candidate" in text.lower() for text in said)
    started = str(snapshot.status).startswith("ROLLBACK")
    overdue = (snapshot.failed_for or 0) >= pace.ROLLBACK_BEGINS and not started
    if not _rolls_back(service) or nowhere:
        return Verdict(Outcome.FAILED, why)
    if overdue:
        return Verdict(Outcome.FAILED, f"{why}; ECS does not roll back")
    return InProgress(f"FAILED: {why}; waiting for the rollback", alarming=True)


def _after_primary(
    own: OwnDeployment, service: Mapping[str, Any], current: Mapping[str, Any], snapshot: Snapshot
) -> Verdict | InProgress:
    status, lags = snapshot.status or "", _lags(own, service)
    if status.startswith("STOP") and is_rollback(current) and not lags:
        to = short(str(current.get("taskDefinition")))
        return Verdict(Outcome.SUPERSEDED, f"another deployment replaced it, which ECS rolls back to {to}")
    failed = snapshot.failed_at is not None or has_failed(own, service) or status.startswith("ROLLBACK")
    completed = own.completed or listed(own, service).get("rolloutState") == "COMPLETED"
    late = lags and status in ("ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")  # what ran before, not the rollback
    back = _goes_back(own, service, failed=failed) and not late
    if back or status.startswith("ROLLBACK"):
        return _during_rollback(own, service, current if back else {}, snapshot)
    if lags and not failed:
        return InProgress("ECS does not show the deployment yet")
    if current and (completed or status == "SUCCESSFUL"):
        return Verdict(Outcome.SUPERSEDED, f"it completed, and then {standing.words(current)} replaced it")
    if current and failed and (snapshot.says_nothing or status):
        return Verdict(Outcome.FAILED, f"it failed, and then {standing.words(current)} replaced it")
    if current and (status.startswith("STOP") or snapshot.says_nothing):
        return Verdict(Outcome.SUPERSEDED, f"{standing.words(current)} replaced it")
    return InProgress(f"{own.id} is no longer PRIMARY; waiting for ECS to say whether it was replaced or rolled back")


def _goes_back(own: OwnDeployment, service: Mapping[str, Any], *, failed: bool) -> bool:
    """Whether the PRIMARY deployment is the rollback of our deployment."""
    current = primary(service)
    if current.get("id") == own.id:
        return False
    to_previous = failed and current.get("taskDefinition") == own.previous_task_definition
    return to_previous or (is_rollback(current) and not own.replaced and not _lags(own, service))


def _lags(own: OwnDeployment, service: Mapping[str, Any]) -> bool:
    """Whether DescribeServices still shows the state before UpdateService: an older PRIMARY, and not our deployment."""
    current = primary(service)
    created = current.get("createdAt")
    older = bool(created and own.created_at and created < own.created_at)
    return not listed(own, service) and bool(older or current.get("id") == own.previous_id)


def _during_rollback(
    own: OwnDeployment, service: Mapping[str, Any], rollback: Mapping[str, Any], snapshot: Snapshot
) -> Verdict | InProgress:
    """``rollback`` is the deployment that rolls back, if ECS reports it; another one may have replaced it."""
    target = short(str(rollback.get("taskDefinition") or own.previous_task_definition or "the previous revision"))
    reasons = (snapshot.why, listed(own, service).get("rolloutStateReason"), rollback.get("rolloutStateReason"))
    stated = (str(r).rstrip(".") for r in reasons if r and "completed" not in str(r).lower())
    why = next(stated, "the deployment failed")
    status = snapshot.status or ""
    now = state(rollback, service) if rollback else ""
    if status == "ROLLBACK_FAILED" or now == "FAILED":
        return Verdict(Outcome.ROLLBACK_FAILED, f"the rollback to {target} failed too: {why}")
    if status == "ROLLBACK_SUCCESSFUL" or now == "COMPLETED":
        return Verdict(Outcome.ROLLED_BACK, f"ECS rolled back to {target}: {why}")
    counts = f", {_counts(rollback)}" if rollback else ""
    return InProgress(f"FAILED; rolling back to {target}{counts}", alarming=True)


def is_rollback(deployment: Mapping[str, Any]) -> bool:
    """Whether ECS started it to roll back another one."""
    return "rolling back" in str(deployment.get("rolloutStateReason", "")).lower()


def _rolls_back(service: Mapping[str, Any]) -> bool:
    alarms = service.get("deploymentConfiguration", {}).get("alarms", {})
    return any(rule.get("enable") and rule.get("rollback") for rule in (crashes.breaker(service), alarms))


def _counts(deployment: Mapping[str, Any]) -> str:
    running, desired = deployment.get("runningCount", 0), deployment.get("desiredCount", 0)
    extra = [
        f"{deployment.get(key, 0)} {word}"
        for key, word in (("pendingCount", "pending"), ("failedTasks", "failed"))
        if deployment.get(key)
    ]
    return ", ".join([f"{running} of {desired} running", *extra])
