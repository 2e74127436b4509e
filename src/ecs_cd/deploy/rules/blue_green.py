"""ECS's BLUE_GREEN, LINEAR and CANARY deployments: from a snapshot of the service deployment to a verdict on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecs_cd.deploy.rules import standing
from ecs_cd.deploy.rules.own_deployment import READ_AGAIN, OwnDeployment
from ecs_cd.diagnosis.evidence import Evidence
from ecs_cd.model import pace
from ecs_cd.model.lifecycle import READY, STABLE, STAGES, STARTED, Until
from ecs_cd.model.references import short
from ecs_cd.model.verdict import InProgress, Outcome, Verdict
from ecs_cd.report.timeline import Phase

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
FORWARD = ("PENDING", "IN_PROGRESS")
BACKWARD = ("ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
UNDER_WAY = (*FORWARD, "STOP_REQUESTED", *BACKWARD)

_PHASES = {
    "RECONCILE_SERVICE": Phase.STARTING,
    "PRE_SCALE_UP": Phase.STARTING,
    "SCALE_UP": Phase.STARTING,
    "POST_SCALE_UP": Phase.HEALTHY,
    "TEST_TRAFFIC_SHIFT": Phase.TEST_TRAFFIC,
    "POST_TEST_TRAFFIC_SHIFT": Phase.TEST_TRAFFIC,
    "PRE_PRODUCTION_TRAFFIC_SHIFT": Phase.TRAFFIC,
    "PRODUCTION_TRAFFIC_SHIFT": Phase.TRAFFIC,
    "POST_PRODUCTION_TRAFFIC_SHIFT": Phase.TRAFFIC,
    "BAKE_TIME": Phase.BAKING,
    "CLEAN_UP": Phase.ENDING,
}


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of our service deployment.

    ``deployment``: its entry in DescribeServiceDeployments; ``None`` if ECS answers that it is MISSING. The other
    fields are only read once it has ended or is MISSING. ``newer``: a later deployment of the service, in words.
    ``stage``: the last lifecycle stage before it turned back or ended. ``unlisted_for``: for how many seconds ECS has
    listed no service deployment of this step. ``service``: the DescribeServices answer. ``absent_since``: since when
    that lacks the service, in seconds of the job's clock. ``gone``: the verdict if the service is deleted.
    ``stopped_since``: since when it has been STOPPED, by the same clock; ``at``: when the snapshot was taken.
    """

    deployment: Mapping[str, Any] | None
    newer: str = ""
    service: Mapping[str, Any] | None = None
    gone: Verdict | None = None
    absent_since: float | None = None
    unlisted_for: float = 0.0
    stopped_since: float | None = None
    at: float = 0.0
    stage: str = ""

    @property
    def stopped_for(self) -> float:
        """Seconds since it was first seen STOPPED; long ago if that is unknown."""
        return float("inf") if self.stopped_since is None else self.at - self.stopped_since


def judge(own: OwnDeployment, snapshot: Snapshot, until: Until) -> Verdict | InProgress:
    """What this snapshot says about our deployment. Never concludes from missing data alone."""
    if snapshot.gone or snapshot.absent_since is not None:
        return snapshot.gone or READ_AGAIN
    if snapshot.deployment is None:
        return _not_shown(own, snapshot)
    status = str(snapshot.deployment.get("status", ""))
    if status in FORWARD:
        return _going_forward(snapshot.deployment, until)
    back = short(own.previous_task_definition or "") or "the previous revision"
    if status in BACKWARD:
        return InProgress(f"{status}, to {back}: {_why(snapshot)}", alarming=True)
    if status == "STOP_REQUESTED":
        return InProgress(f"{status}: {_why(snapshot)}")
    return _ended(own, snapshot, until, back)


def _not_shown(own: OwnDeployment, snapshot: Snapshot) -> Verdict | InProgress:
    if own.id:
        return InProgress(f"ECS does not show service deployment {short(own.id)}")
    name = f"deployment {own.started_by} to {short(own.task_definition)}"
    words = f"{name} has started, but ECS lists no service deployment for it"
    return Verdict(Outcome.UNKNOWN, words) if snapshot.unlisted_for >= pace.LISTED_WITHIN else InProgress(words)


def stage(deployment: Mapping[str, Any] | None) -> str:
    """The lifecycle stage of a deployment that goes forward; empty without one."""
    going = deployment and deployment.get("status") in FORWARD
    return str(deployment.get("lifecycleStage", "")) if deployment and going else ""


def phase(snapshot: Snapshot) -> Phase | None:
    """What our deployment is doing; ``None`` if this snapshot does not show it, for example at an unknown stage."""
    deployment = snapshot.deployment or {}
    status = deployment.get("status")
    if status in BACKWARD:
        return Phase.ROLLBACK
    if status not in FORWARD:
        return None
    if paused_at(deployment):
        return Phase.PAUSED
    stage = deployment.get("lifecycleStage")
    return _PHASES.get(str(stage)) if stage else Phase.STARTING


def paused_at(deployment: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The hook at which a service deployment waits for an approval."""
    waiting = deployment.get("status") in FORWARD
    hooks = (hook for hook in _hooks(deployment) if hook.get("status") == "AWAITING_ACTION")
    return next(hooks, None) if waiting else None


def expired(deployment: Mapping[str, Any]) -> str:
    """Which pauses ended without an approval, and what ECS did then; empty if none did."""
    pauses = (hook for hook in _hooks(deployment) if hook.get("targetType") == "PAUSE")
    return "; ".join(
        f"the hook {hook.get('hookId')} expired{_at(hook)}, and ECS did {hook.get('timeoutAction', 'ROLLBACK')}"
        for hook in pauses
        if hook.get("status") == "TIMED_OUT"
    )


def _at(hook: Mapping[str, Any]) -> str:
    return f" at {hook['expiresAt']}" if "expiresAt" in hook else ""


def failed_hooks(snapshot: Snapshot) -> tuple[Mapping[str, Any], ...]:
    """The lifecycle hooks that failed. A hook that timed out does not count if its timeout action is CONTINUE."""
    return tuple(
        hook
        for hook in _hooks(snapshot.deployment or {})
        if hook.get("status") == "FAILED"
        or (hook.get("status") == "TIMED_OUT" and hook.get("timeoutAction") != "CONTINUE")
    )


def triggered_alarms(snapshot: Snapshot) -> tuple[str, ...]:
    """The names of the alarms that were in ALARM during the deployment."""
    return tuple(map(str, (snapshot.deployment or {}).get("alarms", {}).get("triggeredAlarmNames", ())))


def reason(snapshot: Snapshot) -> str:
    """Why it ended or rolls back, in ECS's own words; empty if ECS gives no reason."""
    deployment = snapshot.deployment or {}
    said = (deployment.get("rollback", {}).get("reason"), deployment.get("statusReason"))
    return "; ".join(dict.fromkeys(str(text).rstrip(". ") for text in said if text))


def evidence(snapshot: Snapshot) -> Evidence:
    """What ECS itself reports about a failure."""
    alarms = tuple({"AlarmName": name} for name in triggered_alarms(snapshot))
    return Evidence(alarms=alarms, hooks=failed_hooks(snapshot), reason=reason(snapshot))


def worth_evidence(before: Snapshot | None, now: Snapshot) -> bool:
    """Whether, since the previous snapshot, tasks may have died or something else went wrong."""
    was, now_is = _troubles(before), _troubles(now)
    worse = any(later > earlier for earlier, later in zip(was, now_is, strict=True))
    return worse or (before is not None and _alive(now) < _alive(before))


def _ended(own: OwnDeployment, snapshot: Snapshot, until: Until, back: str) -> Verdict | InProgress:
    status = str((snapshot.deployment or {}).get("status", ""))
    match status:
        case "SUCCESSFUL":
            return _succeeded(own, snapshot, until)
        case "STOPPED" if snapshot.newer:
            return Verdict(Outcome.SUPERSEDED, f"{snapshot.newer} replaced it")
        case "STOPPED" if snapshot.stopped_for < pace.ABSENT and not _is_explained(own, snapshot):
            return InProgress(f"STOPPED: {_why(snapshot)}; looking for the deployment that replaced it", alarming=True)
        case "STOPPED":
            return Verdict(Outcome.FAILED, f"STOPPED: {_why(snapshot)}")
        case "ROLLBACK_SUCCESSFUL":
            return Verdict(Outcome.ROLLED_BACK, f"ECS rolled back to {back}: {_why(snapshot)}")
        case "ROLLBACK_FAILED":
            return Verdict(Outcome.ROLLBACK_FAILED, f"the rollback to {back} failed too: {_why(snapshot)}")
        case _:  # a status that AWS added later does not count as an end
            return InProgress(f"{_progress(snapshot.deployment or {})} (ECS calls it {status})")


def _is_explained(own: OwnDeployment, snapshot: Snapshot) -> bool:
    """Whether a failure stopped it, and not another deployment, which ECS may list late."""
    if standing.replaced_by(own, snapshot.service or {}):
        return False
    breaker = (snapshot.deployment or {}).get("deploymentCircuitBreaker", {})
    return breaker.get("status") == "TRIGGERED" or bool(triggered_alarms(snapshot) or failed_hooks(snapshot))


def came_with(created_at: Any, newest_first: Sequence[Mapping[str, Any]]) -> Any:
    """Among service deployments to one revision, the one of the ECS deployment that was created then; ``None`` without
    any. Both are created within seconds; another user made a later one of the same revision."""
    dated = [each for each in newest_first if "createdAt" in each]
    return min(reversed(dated), key=lambda each: abs(each["createdAt"] - created_at), default=None)


def replaced(own: OwnDeployment, service: Mapping[str, Any], stopped_for: float) -> str:
    """What replaced a STOPPED deployment, in words, while ECS lists no newer service deployment.

    A newer deployment of the same revision is followed instead: ECS will list it.
    """
    same = standing.current(service).get("taskDefinition") == own.task_definition
    return "" if same and stopped_for < pace.ABSENT else standing.replaced_by(own, service)


def _succeeded(own: OwnDeployment, snapshot: Snapshot, until: Until) -> Verdict | InProgress:
    service = snapshot.service
    if service is None:
        return Verdict(Outcome.SUCCEEDED, _running((snapshot.deployment or {}).get("targetServiceRevision", {})))
    running, desired = service.get("runningCount", 0), service.get("desiredCount", 0)
    counts = f"{running} of {desired} running"
    if snapshot.newer:
        return Verdict(Outcome.SUPERSEDED, f"it completed, and then {snapshot.newer} replaced it")
    if own.unsettled and running < desired:
        return InProgress(f"SUCCESSFUL, {counts}; waiting until all its tasks run")
    if until.goal == STABLE and (running != desired or service.get("pendingCount")):
        return InProgress(f"SUCCESSFUL, {counts}; waiting until the service is stable")
    return Verdict(Outcome.SUCCEEDED, counts)


def _going_forward(deployment: Mapping[str, Any], until: Until) -> Verdict | InProgress:
    progress = "; ".join(filter(None, [_progress(deployment), pause(deployment)]))
    if _reached(deployment, until):
        return Verdict(Outcome.IN_PROGRESS, progress)
    if paused_at(deployment) and not until.through_pauses:
        return Verdict(Outcome.PAUSED, progress)
    return InProgress(progress)


def _reached(deployment: Mapping[str, Any], until: Until) -> bool:
    """Whether it has reached ``wait-until``; unknown stages do not count."""
    if until.goal == STARTED or (until.goal == READY and paused_at(deployment)):
        return True
    goal = "POST_TEST_TRAFFIC_SHIFT" if until.goal == READY else until.goal
    stage = deployment.get("lifecycleStage")
    return goal in STAGES and stage in STAGES and STAGES.index(str(stage)) >= STAGES.index(goal)


def pause(deployment: Mapping[str, Any]) -> str:
    """Where the deployment waits for an approval, until when, and what ends that; empty if it does not wait."""
    hook = paused_at(deployment)
    if hook is None:
        return ""
    expires = f" until {hook['expiresAt']}, when ECS does {hook.get('timeoutAction')}" if "expiresAt" in hook else ""
    remedy = "`ecs-cd continue` resumes the deployment, `ecs-cd rollback` rolls it back"
    return f"the hook {hook.get('hookId')} is AWAITING_ACTION{expires}: {remedy}"


def _progress(deployment: Mapping[str, Any]) -> str:
    """Stage, tasks, traffic, and any problem. Nothing in it changes with time alone."""
    stage = deployment.get("lifecycleStage")
    target = deployment.get("targetServiceRevision", {})
    words = [str(stage or deployment.get("status")), _running(target)]
    if stage and stage not in STAGES:
        words[0] += " (a stage that ecs-cd does not know)"
    if "requestedProductionTrafficWeight" in target:
        words.append(f"{target['requestedProductionTrafficWeight']:g} % of the production traffic")
    breaker, alarms = deployment.get("deploymentCircuitBreaker", {}), deployment.get("alarms", {})
    if breaker.get("failureCount"):
        words.append(
            f"{breaker['failureCount']} of the {breaker.get('threshold')} failures that trip the circuit breaker"
        )
    if breaker.get("status") == "TRIGGERED":
        words.append("the circuit breaker is TRIGGERED")
    if alarms.get("status") == "TRIGGERED":
        words.append(f"TRIGGERED: {_names(alarms.get('triggeredAlarmNames', ()), 'alarm')}")
    silent = ("SUCCEEDED", "AWAITING_ACTION")
    words += [f"{_name(hook)} {hook.get('status')}" for hook in _hooks(deployment) if hook.get("status") not in silent]
    return ", ".join(words)


def _why(snapshot: Snapshot) -> str:
    """ECS's reason, the alarms and hooks that the reason does not name, and the stage."""
    said = reason(snapshot) or "ECS gives no reason"
    alarms = [name for name in triggered_alarms(snapshot) if name not in said]
    more = [_names(alarms, "alarm")] if alarms else []
    more += [f"{_name(hook)} {hook['status']}" for hook in failed_hooks(snapshot)]
    at = f", at {snapshot.stage}" if snapshot.stage else ""
    return (f"{said} ({', '.join(more)})" if more else said) + at


def _troubles(snapshot: Snapshot | None) -> tuple[int, int, int]:
    """What only grows when a deployment goes wrong: failed tasks, failed hooks, and whether it rolls back."""
    if snapshot is None or snapshot.deployment is None:
        return (0, 0, 0)
    failures = snapshot.deployment.get("deploymentCircuitBreaker", {}).get("failureCount", 0)
    status = str(snapshot.deployment.get("status", ""))
    return (failures, len(failed_hooks(snapshot)), status.startswith(("ROLLBACK", "STOP")))


def _alive(snapshot: Snapshot) -> int:
    target = (snapshot.deployment or {}).get("targetServiceRevision", {})
    return int(target.get("runningTaskCount", 0)) + int(target.get("pendingTaskCount", 0))


def _running(target: Mapping[str, Any]) -> str:
    return f"{target.get('runningTaskCount', 0)} of {target.get('requestedTaskCount', 0)} running"


def _hooks(deployment: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    return tuple(deployment.get("lifecycleHookDetails", ()))


def _name(hook: Mapping[str, Any]) -> str:
    """The name of a Lambda function, or the id of a pause."""
    function = str(hook.get("targetArn", "")).rpartition(":")[2]
    return f"the hook {function or hook.get('hookId')}"


def _names(names: Any, kind: str) -> str:
    return f"{kind}{'s' if len(names) > 1 else ''} {', '.join(names)}"
