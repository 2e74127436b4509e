"""An ECS rolling update: from a look at the service to a verdict on one deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.core.deployment import Mine
from ecs_cd.core.diagnosis import Evidence
from ecs_cd.core.references import short
from ecs_cd.core.strategy import STABLE, Until
from ecs_cd.core.verdict import Outcome, Verdict, Watching


@dataclass(frozen=True)
class Look:
    """One look at the service: DescribeServices' answer, and what is known besides.

    ``service`` is ``None`` when ECS answers that it is not there. ``died`` counts the tasks of this deployment that
    stopped by themselves. ``at`` is when we looked, ``failed_at`` when ECS first called ours FAILED or was seen to
    roll back, both in seconds of the same clock. ``status`` is ours in DescribeServiceDeployments, which is asked only
    once ours has failed or is no longer PRIMARY: ``None`` before, empty where ECS doesn't tell. ``asked_at`` is when.
    """

    service: Mapping[str, Any] | None
    died: int = 0
    at: float = 0.0
    failed_at: float | None = None
    status: str | None = None
    asked_at: float = float("-inf")

    @property
    def failed_for(self) -> float | None:
        """Seconds since the failure; ``None`` where there was none."""
        return None if self.failed_at is None else self.at - self.failed_at


_MOST_DEPLOYMENTS = 5  # of a service at once; ECS refuses another: aws/containers-roadmap#2836
_ROLLBACK_BEGINS = 60.0  # seconds after FAILED; ECS itself takes a few


def primary(service: Mapping[str, Any]) -> Mapping[str, Any]:
    """The deployment that ECS is working towards; empty where there is none."""
    return next((d for d in service.get("deployments", ()) if d.get("status") == "PRIMARY"), {})


def running(service: Mapping[str, Any]) -> str | None:
    """The task definition that the service is at: of its PRIMARY deployment, or under CODE_DEPLOY its task set."""
    sets = (one for one in service.get("taskSets", ()) if one.get("status") == "PRIMARY")
    found = primary(service) or next(sets, {})
    return found.get("taskDefinition")


def own(mine: Mine, service: Mapping[str, Any]) -> Mapping[str, Any]:
    """Our deployment as this look at the service lists it; empty where it does not."""
    return next((d for d in service.get("deployments", ()) if d.get("id") == mine.id), {})


def works_towards(service: Mapping[str, Any], task_definition: str) -> bool:
    """Whether the service is at this task definition, or on the way to it and hasn't failed."""
    current = primary(service)
    return bool(current.get("taskDefinition") == task_definition and current.get("rolloutState") != "FAILED")


def before(service: Mapping[str, Any]) -> str | None:
    """The task definition that the PRIMARY deployment replaces, where the service still lists it."""
    wanted = primary(service).get("taskDefinition")
    others = (str(d["taskDefinition"]) for d in service.get("deployments", ()) if d.get("taskDefinition") != wanted)
    return next(others, None)


def under_way(service: Mapping[str, Any], arn: str) -> str:
    """The deployment of somebody else that has not come to its end, in words; empty where there is none.

    One that goes to ``arn`` is the one we want. One that has failed by our own rule, in a service that ECS goes on
    trying for ever, is in nobody's way.
    """
    current = primary(service)
    state = str(current.get("rolloutState", ""))
    name = f"deployment {current.get('id')} ({short(str(current.get('taskDefinition', '')))})"
    open_ones = [d for d in service.get("deployments", ()) if d.get("status") in ("PRIMARY", "ACTIVE")]
    if len(open_ones) >= _MOST_DEPLOYMENTS and current.get("taskDefinition") != arn:
        return f"{len(open_ones)} deployments are active, the newest {name}; ECS takes no more"
    hopeless = not _breaker(service).get("enable") and not current.get("runningCount")
    hopeless = hopeless and current.get("failedTasks", 0) >= crash_limit(int(service.get("desiredCount", 0)))
    if state != "IN_PROGRESS" or current.get("taskDefinition") == arn or hopeless:
        return ""
    return f"{name} is {state}"


def worth_evidence(mine: Mine, before: Look | None, now: Look) -> bool:
    """Whether tasks of ours may have died between two looks: more failures, or fewer tasks than there were."""
    if before is None or before.service is None or now.service is None:
        return False
    one, other = own(mine, before.service), own(mine, now.service)
    if other.get("rolloutState") == "COMPLETED":
        return False

    def alive(deployment: Mapping[str, Any]) -> int:
        return int(deployment.get("runningCount", 0)) + int(deployment.get("pendingCount", 0))

    failed = other.get("failedTasks", 0) > one.get("failedTasks", 0)
    fewer = other.get("runningCount", 0) < one.get("runningCount", 0) or alive(other) < alive(one)
    return failed or fewer or other.get("rolloutState") != one.get("rolloutState")


def evidence(mine: Mine, look: Look) -> Evidence:
    """What the look itself tells of a failure: ECS's reason, and the alarms where it names them."""
    service = look.service or {}
    deployments = (own(mine, service), primary(service))
    reason = next((str(d["rolloutStateReason"]) for d in deployments if d.get("rolloutStateReason")), "")
    alarms = service.get("deploymentConfiguration", {}).get("alarms", {})
    names = alarms.get("alarmNames", ()) if "alarm" in reason.lower() else ()
    return Evidence(reason=reason, alarms=tuple({"AlarmName": name} for name in names))


def died(task: Mapping[str, Any], mine: Mine) -> bool:
    """Whether a stopped task is of our deployment and stopped by itself. Scaling in is no death."""
    ours = task.get("taskDefinitionArn") == mine.task_definition
    started_by = str(task.get("startedBy", ""))
    of_another = bool(mine.started_by) and started_by.startswith("ecs-svc/") and started_by != mine.started_by
    scaled_in = (
        task.get("stopCode") == "ServiceSchedulerInitiated"
        and "scaling activity" in str(task.get("stoppedReason", "")).lower()
    )
    return ours and not of_another and not scaled_in and task.get("lastStatus") == "STOPPED"


def has_failed(mine: Mine, service: Mapping[str, Any]) -> bool:
    """Whether this look at the service shows that ours failed. Later ones may not show it any more."""
    return own(mine, service).get("rolloutState") == "FAILED" or _rolling_back(primary(service))


def crash_limit(desired: int) -> int:
    """How many tasks may die before we call it a failure where no circuit breaker does.

    The breaker's own rule: half the desired count, at least 3, at most 200.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    return min(200, max(3, -(-desired // 2)))


def judge(mine: Mine, look: Look, until: Until) -> Verdict | Watching:
    """What this look says of our deployment. Never concludes from an absence alone."""
    service = look.service
    if service is None or service.get("status") in ("DRAINING", "INACTIVE"):
        state = "is not there any more" if service is None else f"is {service['status']}"
        return Verdict(Outcome.GONE, f"the service {state}: somebody deleted it while we deployed")
    current = primary(service)
    if current.get("id") == mine.id or current.get("taskDefinition") == mine.task_definition:
        return _while_primary(current, service, look, until)
    return _after_primary(mine, service, current, look)


def _while_primary(ours: Mapping[str, Any], service: Mapping[str, Any], look: Look, until: Until) -> Verdict | Watching:
    counts = _counts(ours)
    state = ours.get("rolloutState", "IN_PROGRESS")
    if state == "COMPLETED" and until.goal == STABLE and not _stable(ours, service):
        return Watching(f"COMPLETED, {counts}; waiting until the service is stable")
    if state == "COMPLETED":
        return Verdict(Outcome.SUCCEEDED, counts)
    if state == "FAILED":
        return _failed_and_primary(ours, service, look)
    limit = crash_limit(int(service.get("desiredCount", 0)))
    if not _breaker(service).get("enable") and look.died >= limit and not ours.get("runningCount"):
        return Verdict(
            Outcome.FAILED,
            f"{look.died} tasks died and none runs; the service has no circuit breaker, so ECS goes on trying",
        )
    unknown = "" if state == "IN_PROGRESS" else f" (ECS calls it {state})"
    return Watching(counts + unknown)


def _stable(ours: Mapping[str, Any], service: Mapping[str, Any]) -> bool:
    alone = all(d.get("id") == ours.get("id") or not d.get("runningCount") for d in service.get("deployments", ()))
    steady = service.get("runningCount") == service.get("desiredCount") and not service.get("pendingCount")
    return alone and steady


def _failed_and_primary(ours: Mapping[str, Any], service: Mapping[str, Any], look: Look) -> Verdict | Watching:
    """ECS may not have begun to roll back yet, or has nothing to roll back to: a first deployment."""
    why = str(ours.get("rolloutStateReason") or "no reason given").rstrip(".")
    said = [why, *(str(event.get("message", "")) for event in service.get("events", ())[:5])]
    nowhere = any("no rollback candidate" in text.lower() for text in said)
    begun = str(look.status).startswith("ROLLBACK")
    overdue = (look.failed_for or 0) >= _ROLLBACK_BEGINS and not begun
    if not _rolls_back(service) or nowhere:
        return Verdict(Outcome.FAILED, why)
    if overdue:
        return Verdict(Outcome.FAILED, f"{why}; ECS does not roll back")
    return Watching(f"FAILED: {why}; waiting for the rollback", alarming=True)


def _after_primary(
    mine: Mine, service: Mapping[str, Any], current: Mapping[str, Any], look: Look
) -> Verdict | Watching:
    ours, status = own(mine, service), look.status or ""
    asked = look.status is not None
    failed = ours.get("rolloutState") == "FAILED" or look.failed_for is not None
    back_to_previous = failed and current.get("taskDefinition") == mine.previous_task_definition
    if status.startswith("ROLLBACK") or _rolling_back(current) or back_to_previous:
        return _during_rollback(ours, current, status)
    if current.get("id") == mine.previous_id and not failed and status in ("", "PENDING", "IN_PROGRESS"):
        return Watching("ECS does not show our deployment yet")  # DescribeServices lags behind UpdateService
    successor = f"deployment {current.get('id')} ({short(str(current.get('taskDefinition', '')))})"
    if current and status == "SUCCESSFUL":
        return Verdict(Outcome.SUPERSEDED, f"ours completed, and then {successor} replaced it")
    if current and (status.startswith("STOP") or (asked and not (status or failed))):
        return Verdict(Outcome.SUPERSEDED, f"{successor} replaced ours")
    return Watching(f"{mine.id} is not PRIMARY any more; waiting for ECS to say whether it was replaced or rolled back")


def _during_rollback(ours: Mapping[str, Any], current: Mapping[str, Any], status: str) -> Verdict | Watching:
    target = short(str(current.get("taskDefinition", "the previous revision")))
    reasons = (ours.get("rolloutStateReason"), current.get("rolloutStateReason"))
    why = next((str(r) for r in reasons if r and "completed" not in str(r).lower()), "the deployment failed")
    state = current.get("rolloutState")
    if status == "ROLLBACK_FAILED" or state == "FAILED":
        return Verdict(Outcome.ROLLBACK_FAILED, f"the rollback to {target} failed as well: {why}")
    if status == "ROLLBACK_SUCCESSFUL" or state == "COMPLETED":
        return Verdict(Outcome.ROLLED_BACK, f"ECS rolled back to {target}: {why}")
    return Watching(f"FAILED; rolling back to {target}, {_counts(current)}", alarming=True)


def _rolling_back(deployment: Mapping[str, Any]) -> bool:
    return "rolling back" in str(deployment.get("rolloutStateReason", "")).lower()


def _rolls_back(service: Mapping[str, Any]) -> bool:
    alarms = service.get("deploymentConfiguration", {}).get("alarms", {})
    return any(rule.get("enable") and rule.get("rollback") for rule in (_breaker(service), alarms))


def _breaker(service: Mapping[str, Any]) -> Mapping[str, Any]:
    breaker: Mapping[str, Any] = service.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {})
    return breaker


def _counts(deployment: Mapping[str, Any]) -> str:
    running, desired = deployment.get("runningCount", 0), deployment.get("desiredCount", 0)
    extra = [
        f"{deployment.get(key, 0)} {word}"
        for key, word in (("pendingCount", "pending"), ("failedTasks", "failed"))
        if deployment.get(key)
    ]
    return ", ".join([f"{running} of {desired} running", *extra])
