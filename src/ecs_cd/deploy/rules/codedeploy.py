"""CodeDeploy's blue/green deployments of an ECS service: from a snapshot of the deployment to a verdict on it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ecs_cd.deploy.rules import appspec, standing
from ecs_cd.deploy.rules.own_deployment import READ_AGAIN, OwnDeployment
from ecs_cd.diagnosis.evidence import Evidence
from ecs_cd.document.rules.document import CodeDeploy
from ecs_cd.model import pace
from ecs_cd.model.lifecycle import LIFECYCLE_EVENTS, READY, STARTED, Until
from ecs_cd.model.references import short
from ecs_cd.model.verdict import InProgress, Outcome, Verdict
from ecs_cd.report.timeline import Phase

# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html
UNDER_WAY = ("Created", "Queued", "InProgress", "Baking", "Ready")
ENDED_BADLY = ("Failed", "Stopped")

# What autoRollbackConfiguration.events must contain, by error code; for any other code DEPLOYMENT_FAILURE.
_ROLLS_BACK_AT = {"MANUAL_STOP": "DEPLOYMENT_STOP_ON_REQUEST", "ALARM_ACTIVE": "DEPLOYMENT_STOP_ON_ALARM"}
_PHASES = {
    "BeforeInstall": Phase.STARTING,
    "Install": Phase.STARTING,
    "AfterInstall": Phase.HEALTHY,
    "AllowTestTraffic": Phase.TEST_TRAFFIC,
    "AfterAllowTestTraffic": Phase.TEST_TRAFFIC,
    "BeforeAllowTraffic": Phase.TRAFFIC,
    "AllowTraffic": Phase.TRAFFIC,
    "AfterAllowTraffic": Phase.TRAFFIC,
}


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of our deployment.

    ``info``: its entry in BatchGetDeployments, empty if CodeDeploy returns none. ``target``: the ``ecsTarget`` of
    BatchGetDeploymentTargets, ``None`` before the deployment starts. ``asked_at`` is the time of that call, which not
    every poll makes. ``rollback``: the entry of the deployment that rolls this one back. ``at`` is when the snapshot
    was taken, ``ended_at`` when our deployment was first seen as Failed or Stopped, in seconds of the same clock.
    ``absent_since``: since when ECS has not listed the service, by the same clock; ``gone``: the verdict if the service
    is deleted. ``service``: the DescribeServices answer, read if CodeDeploy's success says too little: see
    ``OwnDeployment``.
    """

    info: Mapping[str, Any]
    target: Mapping[str, Any] | None = None
    rollback: Mapping[str, Any] | None = None
    at: float = 0.0
    ended_at: float | None = None
    asked_at: float = float("-inf")
    absent_since: float | None = None
    gone: Verdict | None = None
    service: Mapping[str, Any] | None = None

    @property
    def status(self) -> str:
        return str(self.info.get("status", ""))


def names(given: CodeDeploy, cluster: str, service: str) -> CodeDeploy:
    """Fills in missing names with the defaults of the ECS console, which the official action also expects.

    Cluster and service may be ARNs.
    """
    default = f"ECS-{short(cluster)}-{short(service)}"
    return replace(
        given,
        application=given.application or f"App{default}",
        deployment_group=given.deployment_group or f"Dgp{default}",
    )


def target_id(cluster: str, service: str) -> str:
    """CodeDeploy's name for the service."""
    return f"{short(cluster)}:{short(service)}"


def judge(own: OwnDeployment, snapshot: Snapshot, until: Until) -> Verdict | InProgress:
    """What this snapshot says about our deployment. Never concludes from missing data alone."""
    match snapshot.status:
        case "Succeeded":
            return snapshot.gone or _succeeded(own, snapshot)
        case "Failed" | "Stopped":
            absent = READ_AGAIN if snapshot.absent_since is not None else None
            return snapshot.gone or absent or ended_badly(snapshot)
        case "":
            return InProgress(f"CodeDeploy does not show deployment {own.id}")
        case _:
            return _in_progress(snapshot, until)


def _succeeded(own: OwnDeployment, snapshot: Snapshot) -> Verdict | InProgress:
    dated = replace(own, created_at=snapshot.info.get("createTime"))
    newer = standing.replaced_by(dated, snapshot.service or {})
    if newer:
        return Verdict(Outcome.SUPERSEDED, f"it completed, and then {newer} replaced it")
    if own.unsettled and snapshot.service and not standing.is_steady(snapshot.service):
        running, desired = standing.counts(snapshot.service, own.task_definition)
        return InProgress(f"Succeeded, {running} of {desired} running; waiting until all its tasks run")
    return Verdict(Outcome.SUCCEEDED, _progress(snapshot))


def phase(snapshot: Snapshot) -> Phase | None:
    """What our deployment is doing; ``None`` if this snapshot does not show it."""
    match snapshot.status:
        case "Created" | "Queued":
            return Phase.STARTING
        case "Ready":
            return Phase.PAUSED
        case "Baking":
            return Phase.BAKING
        case "Failed" | "Stopped":
            return Phase.ROLLBACK if rollback_id(snapshot.info) else Phase.FAILED
        case "InProgress":
            return Phase.ENDING if _traffic_is_over(snapshot) else _by_event(snapshot)
        case _:
            return None


def _by_event(snapshot: Snapshot) -> Phase | None:
    """By the running lifecycle event; between two events by the last one: `Install` has started the tasks."""
    states = {name: event.get("status") for name, event in _events(snapshot).items()}
    going_on = next((name for name, state in states.items() if state == "InProgress"), None)
    if going_on:
        return _PHASES.get(going_on)
    done = [name for name, state in states.items() if state == "Succeeded"]
    if not done:
        return Phase.STARTING if states else None
    return Phase.HEALTHY if done[-1] == "Install" else _PHASES.get(done[-1])


def waits(group: Mapping[str, Any]) -> int:
    """The minutes that a deployment of this group, or this deployment, may wait.

    The wait for an approval to move the traffic, plus the wait before the old tasks end.
    """
    options = group.get("blueGreenDeploymentConfiguration", {})
    ready = options.get("deploymentReadyOption", {}).get("waitTimeInMinutes", 0)
    before_the_end = options.get("terminateBlueInstancesOnDeploymentSuccess", {}).get("terminationWaitTimeInMinutes", 0)
    return int(ready + before_the_end)


def rollback_id(info: Mapping[str, Any]) -> str:
    """The deployment that rolls this one back; empty without one."""
    return str(info.get("rollbackInfo", {}).get("rollbackDeploymentId", ""))


def deploys(info: Mapping[str, Any]) -> str:
    """The task definition that a deployment brings; empty if its AppSpec is not returned, as for one in S3."""
    revision = info.get("revision", {})
    written = revision.get("appSpecContent") or revision.get("string") or {}
    return appspec.task_definition(str(written.get("content", ""))) if written.get("content") else ""


def words(info: Mapping[str, Any]) -> str:
    """``deployment d-ABC (web:7)``."""
    brings = short(deploys(info))
    return f"deployment {info.get('deploymentId')}{f' ({brings})' if brings else ''}"


def green(snapshot: Snapshot) -> Mapping[str, Any]:
    """The new task set; empty before it exists."""
    return next((each for each in _task_sets(snapshot) if each.get("taskSetLabel") == "Green"), {})


def has_moved(snapshot: Snapshot) -> bool:
    """Whether the traffic is on the new tasks, and was not taken back."""
    moved = _events(snapshot).get("AllowTraffic", {}).get("status") == "Succeeded"
    return moved and not rollback_id(snapshot.info)


def failed_events(snapshot: Snapshot) -> tuple[Mapping[str, Any], ...]:
    """The lifecycle events that failed, with their diagnostics."""
    return tuple(event for event in _events(snapshot).values() if event.get("status") == "Failed")


def reason(snapshot: Snapshot) -> str:
    """CodeDeploy's error code and message; empty if it gives none."""
    error = snapshot.info.get("errorInformation", {})
    return ": ".join(str(error[key]).rstrip(". ") for key in ("code", "message") if error.get(key))


def evidence(snapshot: Snapshot) -> Evidence:
    """What CodeDeploy itself reports about a failure."""
    error = snapshot.info.get("errorInformation", {})
    # "... have been activated ... Activated alarms: <one> <two>"
    alarms = re.findall(r"<([^<>]+)>", str(error.get("message", ""))) if error.get("code") == "ALARM_ACTIVE" else []
    return Evidence(
        alarms=tuple({"AlarmName": name} for name in alarms), lifecycle=failed_events(snapshot), reason=reason(snapshot)
    )


def worth_evidence(before: Snapshot | None, now: Snapshot) -> bool:
    """Whether, since the previous snapshot, tasks may have died or something else went wrong."""
    if before is None:
        return False
    worse = len(failed_events(now)) > len(failed_events(before))
    ended = now.status in ENDED_BADLY and before.status not in ENDED_BADLY
    earlier, later = green(before), green(now)
    alive, still = (each.get("runningCount", 0) + each.get("pendingCount", 0) for each in (earlier, later))
    return worse or ended or still < alive or later.get("runningCount", 0) < earlier.get("runningCount", 0)


# ---- under way ----


def _in_progress(snapshot: Snapshot, until: Until) -> Verdict | InProgress:
    failed = failed_events(snapshot)
    if failed:
        return InProgress(f"{snapshot.status}, {_failures(snapshot)}", alarming=True)
    progress = "; ".join(filter(None, [_progress(snapshot), pause(snapshot.info)]))
    if _reached(snapshot, until.goal):
        return Verdict(Outcome.IN_PROGRESS, progress)
    if snapshot.status == "Ready" and not until.through_pauses:
        return Verdict(Outcome.PAUSED, progress)
    return InProgress(progress)


def _reached(snapshot: Snapshot, goal: str) -> bool:
    """Whether it has reached ``wait-until``.

    A group without an approval is never Ready: then it counts when the traffic starts to move.
    """
    if goal == STARTED or (goal == READY and snapshot.status == "Ready"):
        return True
    event = "BeforeAllowTraffic" if goal == READY else goal
    if event not in LIFECYCLE_EVENTS:
        return False
    states = {name: found.get("status") for name, found in _events(snapshot).items()}
    later = LIFECYCLE_EVENTS[LIFECYCLE_EVENTS.index(event) + 1 :]
    return states.get(event) == "Succeeded" or any(states.get(each) in ("InProgress", "Succeeded") for each in later)


def _progress(snapshot: Snapshot) -> str:
    """Lifecycle event, tasks and traffic. Nothing in it changes with time alone."""
    if snapshot.status in UNDER_WAY and _traffic_is_over(snapshot):
        return _until_the_old_tasks_end(snapshot)
    known = snapshot.status in (*UNDER_WAY, "Succeeded")
    said = [snapshot.status if known else f"{snapshot.status} (a status that ecs-cd does not know)"]
    states = {name: str(event.get("status")) for name, event in _events(snapshot).items()}
    current = [f"{name} {state}" for name, state in states.items() if state not in ("Pending", "Succeeded", "Skipped")]
    said += current if snapshot.status != "Succeeded" else []
    said += [_tasks(each) for each in sorted(_task_sets(snapshot), key=lambda each: str(each.get("taskSetLabel")))]
    return ", ".join(said)


def _tasks(task_set: Mapping[str, Any]) -> str:
    name = task_set.get("taskSetLabel") or task_set.get("identifer")
    weight = task_set.get("trafficWeight")
    traffic = f" with {weight:g} % of the traffic" if weight is not None else ""
    return f"{name}: {task_set.get('runningCount', 0)} of {task_set.get('desiredCount', 0)} running{traffic}"


def pause(info: Mapping[str, Any]) -> str:
    """What ends the wait for an approval; empty if the deployment does not wait."""
    if info.get("status") != "Ready":
        return ""
    option = info.get("blueGreenDeploymentConfiguration", {}).get("deploymentReadyOption", {})
    minutes, stops = option.get("waitTimeInMinutes"), option.get("actionOnTimeout") == "STOP_DEPLOYMENT"
    then = f"; after {minutes} minutes CodeDeploy {'stops it' if stops else 'continues it'}" if minutes else ""
    return (
        f"it waits for an approval: `ecs-cd continue`, or `Reroute traffic` in "
        f"CodeDeploy's console, moves the traffic; `ecs-cd rollback` rolls it back{then}"
    )


def _traffic_is_over(snapshot: Snapshot) -> bool:
    last = _events(snapshot).get("AfterAllowTraffic", {}).get("status") == "Succeeded"
    return last or bool(snapshot.info.get("instanceTerminationWaitTimeStarted"))


def _until_the_old_tasks_end(snapshot: Snapshot) -> str:
    option = snapshot.info.get("blueGreenDeploymentConfiguration", {}).get(
        "terminateBlueInstancesOnDeploymentSuccess", {}
    )
    minutes = option.get("terminationWaitTimeInMinutes")
    waits = f"waits {minutes} minutes before it stops" if minutes else "stops"
    return (
        f"{snapshot.status}, all traffic is on the new tasks; CodeDeploy {waits} the old ones "
        "(`wait-until: AfterAllowTraffic` does not wait for that)"
    )


# ---- ended badly ----


def ended_badly(snapshot: Snapshot) -> Verdict | InProgress:
    """A deployment that is Failed or Stopped: its rollback decides."""
    why, back = _why(snapshot), rollback_id(snapshot.info)
    if not back:
        return _without_rollback(snapshot, why)
    state = (snapshot.rollback or {}).get("status")
    if state == "Succeeded":
        return Verdict(Outcome.ROLLED_BACK, f"CodeDeploy rolled back (deployment {back}): {why}")
    if snapshot.rollback and state in ENDED_BADLY:
        its = reason(Snapshot(snapshot.rollback)) or "CodeDeploy gives no reason"
        return Verdict(
            Outcome.ROLLBACK_FAILED,
            f"the rollback (deployment {back}) {state} too: {its}; the deployment itself: {why}",
        )
    return InProgress(f"{why}; rolling back with deployment {back}{f', {state}' if state else ''}", alarming=True)


def _without_rollback(snapshot: Snapshot, why: str) -> Verdict | InProgress:
    waited = 0.0 if snapshot.ended_at is None else snapshot.at - snapshot.ended_at
    message = snapshot.info.get("rollbackInfo", {}).get("rollbackMessage")
    limit = _rollback_wait(snapshot)
    if waited < limit and not message:
        return InProgress(f"{why}; waiting for the rollback", alarming=True)
    more = f"; {message}" if message else "; CodeDeploy does not roll back"
    return Verdict(Outcome.FAILED, f"{why}{more}")


def _rollback_wait(snapshot: Snapshot) -> float:
    """Seconds after the end in which CodeDeploy may still start a rollback."""
    if _rolls_back(snapshot.info):
        return pace.CODEDEPLOY_ROLLBACK_BEGINS
    return pace.CODEDEPLOY_ROLLBACK_MAY_BEGIN if snapshot.status == "Stopped" else 0.0


def _rolls_back(info: Mapping[str, Any]) -> bool:
    configuration = info.get("autoRollbackConfiguration", {})
    code = info.get("errorInformation", {}).get("code", "")
    events = configuration.get("events", ())
    return bool(configuration.get("enabled")) and _ROLLS_BACK_AT.get(code, "DEPLOYMENT_FAILURE") in events


def _why(snapshot: Snapshot) -> str:
    """CodeDeploy's reason, and the lifecycle events that the reason does not name."""
    by_hand = snapshot.info.get("errorInformation", {}).get("code") == "MANUAL_STOP"
    said = reason(snapshot) or "CodeDeploy gives no reason"
    failures = _failures(snapshot)
    return f"{snapshot.status}{' manually' if by_hand else ''}, {said}{f' ({failures})' if failures else ''}"


def _failures(snapshot: Snapshot) -> str:
    return ", ".join(_failure(event) for event in failed_events(snapshot))


def _failure(event: Mapping[str, Any]) -> str:
    message = str(event.get("diagnostics", {}).get("message") or "").rstrip(". ")
    return f"{event.get('lifecycleEventName')} Failed{f': {message}' if message else ''}"


def _events(snapshot: Snapshot) -> dict[str, Mapping[str, Any]]:
    """The lifecycle events by name, in the order in which they happen."""
    found = {
        str(event.get("lifecycleEventName")): event for event in (snapshot.target or {}).get("lifecycleEvents", ())
    }
    order = {name: number for number, name in enumerate(LIFECYCLE_EVENTS)}
    return dict(sorted(found.items(), key=lambda item: order.get(item[0], len(order))))


def _task_sets(snapshot: Snapshot) -> list[Mapping[str, Any]]:
    return list((snapshot.target or {}).get("taskSetsInfo", ()))
