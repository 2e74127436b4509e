"""From a snapshot of a service deployment to a verdict on ecs-cd's deployment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from ecs_cd.deploy.rules import blue_green
from ecs_cd.deploy.rules.blue_green import Snapshot
from ecs_cd.deploy.rules.own_deployment import OwnDeployment, deleted
from ecs_cd.model.lifecycle import DEPLOYED, READY, STABLE, STAGES, STARTED, Strategy, Until
from ecs_cd.model.verdict import InProgress, Outcome, Verdict
from tests.scripted_aws import Params, moment
from tests.scripted_aws import blue_green as answers

OLD, NEW = ("arn:aws:ecs:r:1:task-definition/web:" + n for n in "12")
MINE = OwnDeployment(Strategy.BLUE_GREEN, answers.arn("2"), NEW, OLD, started_by="ecs-svc/2")
NEWER = "service deployment 9 (web:7)"
PAUSE = answers.hook(expiresAt=moment(600), timeoutAction="ROLLBACK")
WAITS = (
    "POST_TEST_TRAFFIC_SHIFT, 2 of 2 running, 0 % of the production traffic; the hook ecs-pause-1 is AWAITING_ACTION "
    "until 2026-01-01 00:10:00+00:00, when ECS does ROLLBACK: `ecs-cd continue` resumes the deployment, "
    "`ecs-cd rollback` rolls it back"
)
TEST = answers.hook("FAILED", "h", targetType="AWS_LAMBDA", targetArn="arn:aws:lambda:r:1:function:smoke")
ALARMS = {"status": "TRIGGERED", "alarmNames": ["slow", "web-5xx"], "triggeredAlarmNames": ["web-5xx"]}


def seen(status: str = "IN_PROGRESS", stage: str | None = None, **more: Any) -> Params:
    return answers.service_deployment(status=status, stage=stage, desired=2, **more)


def look(status: str = "IN_PROGRESS", stage: str | None = None, **more: Any) -> Snapshot:
    return Snapshot(seen(status, stage, **more))


def service(running: int, pending: int = 0, status: str = "ACTIVE") -> Params:
    return {"status": status, "desiredCount": 2, "runningCount": running, "pendingCount": pending}


def stopped(hook: Params, current: str) -> Snapshot:
    """Just now; the service's PRIMARY has this id."""
    there = {**service(2), "deployments": [{"id": current, "status": "PRIMARY", "taskDefinition": NEW}]}
    return replace(look("STOPPED", hooks=[hook]), service=there, stopped_since=0.0, at=1.0)


PAUSED = look(stage="POST_TEST_TRAFFIC_SHIFT", hooks=[PAUSE])
SHIFT, BAKE = look(stage="PRODUCTION_TRAFFIC_SHIFT", running=2, weight=50.0), look(stage="BAKE_TIME")

Row = tuple[str, Snapshot, Until, tuple[Outcome, str] | str]
TABLE: list[Row] = [
    ("pending", look("PENDING"), Until(), "PENDING, 0 of 2 running, 0 % of the production traffic"),
    ("no stage yet", look(), Until(), "IN_PROGRESS, 0 of 2 running, 0 % of the production traffic"),
    ("a stage", SHIFT, Until(), "PRODUCTION_TRAFFIC_SHIFT, 2 of 2 running, 50 % of the production traffic"),
    ("a step of a canary", look(stage="PRODUCTION_TRAFFIC_SHIFT", running=2, weight=2.5), Until(),
     "PRODUCTION_TRAFFIC_SHIFT, 2 of 2 running, 2.5 % of the production traffic"),
    ("next to nothing is told", Snapshot({"status": "IN_PROGRESS"}), Until(), "IN_PROGRESS, 0 of 0 running"),
    ("members that AWS added since", look(stage="BAKE_TIME", rollbackMonitors=[{"status": "NEW"}]), Until(),
     "BAKE_TIME, 2 of 2 running, 100 % of the production traffic"),
    ("a stage of the documentation only", look(stage="PRE_PRODUCTION_TRAFFIC_SHIFT"), Until(),
     "PRE_PRODUCTION_TRAFFIC_SHIFT, 0 of 2 running, 0 % of the production traffic"),
    ("a stage that AWS added since", look(stage="PONDERING"), Until(),
     "PONDERING (a stage that ecs-cd does not know), 0 of 2 running, 0 % of the production traffic"),
    ("a status that AWS added since", look("PONDERING", "BAKE_TIME"), Until(),
     "BAKE_TIME, 2 of 2 running, 100 % of the production traffic (ECS calls it PONDERING)"),
    ("tasks failed", look(stage="SCALE_UP", failures=1), Until(),
     "SCALE_UP, 0 of 2 running, 0 % of the production traffic, 1 of the 3 failures that trip the circuit breaker"),
    ("an alarm", look(stage="BAKE_TIME", alarms=ALARMS), Until(),
     "BAKE_TIME, 2 of 2 running, 100 % of the production traffic, TRIGGERED: alarm web-5xx"),
    ("a hook runs", look(stage="POST_SCALE_UP", hooks=[TEST | {"status": "IN_PROGRESS"}]), Until(),
     "POST_SCALE_UP, 2 of 2 running, 0 % of the production traffic, the hook smoke IN_PROGRESS"),

    ("successful", look("SUCCESSFUL"), Until(), (Outcome.SUCCEEDED, "2 of 2 running")),
    ("successful, though a stage was asked for", look("SUCCESSFUL"), Until("BAKE_TIME"), (Outcome.SUCCEEDED, "2 of 2")),
    ("successful, and the service moves on", Snapshot(seen("SUCCESSFUL"), service=service(3)), Until(),
     (Outcome.SUCCEEDED, "3 of 2 running")),
    ("stable, not asked", look("SUCCESSFUL"), Until(STABLE), (Outcome.SUCCEEDED, "2 of 2 running")),
    ("stable", Snapshot(seen("SUCCESSFUL"), service=service(2)), Until(STABLE), (Outcome.SUCCEEDED, "2 of 2 running")),
    ("the old tasks still run", Snapshot(seen("SUCCESSFUL"), service=service(4)), Until(STABLE),
     "SUCCESSFUL, 4 of 2 running; waiting until the service is stable"),
    ("tasks are pending", Snapshot(seen("SUCCESSFUL"), service=service(2, 1)), Until(STABLE),
     "SUCCESSFUL, 2 of 2 running; waiting until the service is stable"),
    ("stable is not reached on the way", BAKE, Until(STABLE), "BAKE_TIME, 2 of 2 running, 100 % of the production traffic"),

    ("paused", PAUSED, Until(), (Outcome.PAUSED, WAITS)),
    ("paused before the stage", PAUSED, Until("BAKE_TIME"), (Outcome.PAUSED, WAITS)),
    ("paused, and waited for", PAUSED, Until(through_pauses=True), WAITS),
    ("paused is ready", PAUSED, Until(READY), (Outcome.IN_PROGRESS, WAITS)),
    ("paused early is ready", look(stage="PRE_SCALE_UP", hooks=[PAUSE]), Until(READY), (Outcome.IN_PROGRESS, "PRE_SCALE_UP")),
    ("paused at the stage", PAUSED, Until("POST_TEST_TRAFFIC_SHIFT"), (Outcome.IN_PROGRESS, WAITS)),
    ("paused, without an end told", look(stage="PRE_SCALE_UP", hooks=[answers.hook()]), Until(),
     (Outcome.PAUSED, "the hook ecs-pause-1 is AWAITING_ACTION: `ecs-cd continue`")),
    ("a pause that is over", look(stage="BAKE_TIME", hooks=[answers.hook("SUCCEEDED")]), Until(),
     "BAKE_TIME, 2 of 2 running, 100 % of the production traffic"),

    ("started", look("PENDING"), Until(STARTED), (Outcome.IN_PROGRESS, "PENDING")),
    ("not ready", look(stage="TEST_TRAFFIC_SHIFT"), Until(READY), "TEST_TRAFFIC_SHIFT, 2 of 2 running, 0 % of the production traffic"),
    ("ready", look(stage="POST_TEST_TRAFFIC_SHIFT"), Until(READY), (Outcome.IN_PROGRESS, "POST_TEST_TRAFFIC_SHIFT")),
    ("past ready", BAKE, Until(READY), (Outcome.IN_PROGRESS, "BAKE_TIME")),
    ("the stage", BAKE, Until("BAKE_TIME"), (Outcome.IN_PROGRESS, "BAKE_TIME, 2 of 2 running")),
    ("past the stage", look(stage="CLEAN_UP"), Until("BAKE_TIME"), (Outcome.IN_PROGRESS, "CLEAN_UP")),
    ("before the stage", SHIFT, Until("BAKE_TIME"), "PRODUCTION_TRAFFIC_SHIFT, 2 of 2 running, 50 % of the production traffic"),
    ("past a stage of the documentation", SHIFT, Until("PRE_PRODUCTION_TRAFFIC_SHIFT"), (Outcome.IN_PROGRESS, "PRODUCTION")),
    ("whether past a stage nobody knows", look(stage="PONDERING"), Until("SCALE_UP"),
     "PONDERING (a stage that ecs-cd does not know), 0 of 2 running, 0 % of the production traffic"),
    ("the stage, but it goes back", look("ROLLBACK_IN_PROGRESS", "BAKE_TIME", statusReason="x."), Until("BAKE_TIME"),
     "ROLLBACK_IN_PROGRESS, to web:1: x"),
    ("the stage, but it is being stopped", look("STOP_REQUESTED", "BAKE_TIME"), Until("BAKE_TIME"),
     "STOP_REQUESTED: ECS gives no reason"),
    ("ready, but it goes back", look("ROLLBACK_REQUESTED", "BAKE_TIME", hooks=[PAUSE]), Until(READY),
     "ROLLBACK_REQUESTED, to web:1: ECS gives no reason"),
    ("started, but it goes back", look("ROLLBACK_REQUESTED"), Until(STARTED), "ROLLBACK_REQUESTED, to web:1: ECS gives no reason"),

    ("stopped", look("STOPPED", statusReason="Stopped by a user."), Until(), (Outcome.FAILED, "STOPPED: Stopped by a user")),
    ("stopped after a hook failed", stopped(TEST, "ecs-svc/2"), Until(), (Outcome.FAILED, "the hook smoke FAILED")),
    ("a hook failed, and another deployment is PRIMARY", stopped(TEST, "ecs-svc/9"), Until(),
     "STOPPED: ECS gives no reason (the hook smoke FAILED); looking for the deployment that replaced it"),
    ("stopped by a newer one", Snapshot(seen("STOPPED"), newer=NEWER), Until(), (Outcome.SUPERSEDED, f"{NEWER} replaced it")),
    ("successful, whatever is newer", Snapshot(seen("SUCCESSFUL"), newer=NEWER), Until(), (Outcome.SUCCEEDED, "2 of 2 running")),
    ("rolled back", look("ROLLBACK_SUCCESSFUL", rollback={"reason": "Tasks failed to start."}, statusReason="Rolled back."),
     Until(), (Outcome.ROLLED_BACK, "ECS rolled back to web:1: Tasks failed to start; Rolled back")),
    ("the same reason twice", look("ROLLBACK_SUCCESSFUL", rollback={"reason": "It is slow."}, statusReason="It is slow."),
     Until(), (Outcome.ROLLED_BACK, "ECS rolled back to web:1: It is slow")),
    ("rolled back by an alarm", look("ROLLBACK_SUCCESSFUL", alarms=ALARMS), Until("BAKE_TIME"),
     (Outcome.ROLLED_BACK, "ECS gives no reason (alarm web-5xx)")),
    ("rolled back by an alarm that is named", look("ROLLBACK_SUCCESSFUL", alarms=ALARMS, statusReason="web-5xx."), Until(),
     (Outcome.ROLLED_BACK, "ECS rolled back to web:1: web-5xx")),
    ("rolled back by a hook", look("ROLLBACK_SUCCESSFUL", hooks=[TEST]), Until(),
     (Outcome.ROLLED_BACK, "ECS gives no reason (the hook smoke FAILED)")),
    ("rolled back at a stage", replace(look("ROLLBACK_SUCCESSFUL", hooks=[TEST]), stage="POST_SCALE_UP"), Until(),
     (Outcome.ROLLED_BACK, "(the hook smoke FAILED), at POST_SCALE_UP")),
    ("the rollback failed", look("ROLLBACK_FAILED", statusReason="No."), Until(),
     (Outcome.ROLLBACK_FAILED, "the rollback to web:1 failed too: No")),

    ("gone", Snapshot(None, gone=deleted(None, 60)), Until(), (Outcome.GONE, "the service is gone")),
    ("missing, once", Snapshot(None, absent_since=1.0), Until(), "ECS does not list the service; reading it again"),
    ("going", Snapshot(seen(), gone=deleted({"status": "DRAINING"}, 0)), Until(), (Outcome.GONE, "is DRAINING")),
    ("stages go back to one before", look(stage="SCALE_UP", running=2), Until("BAKE_TIME"),
     "SCALE_UP, 2 of 2 running, 0 % of the production traffic"),
    ("missing", Snapshot(None, service=service(2)), Until(), "ECS does not show service deployment 2"),
]  # fmt: skip


@pytest.mark.parametrize(("look", "until", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_look_at_the_service_deployment_gives_this_verdict(
    look: Snapshot, until: Until, expected: tuple[Outcome, str] | str
) -> None:
    """From a snapshot and a goal to a verdict; a text is the state that the log shows before a verdict."""
    judged = blue_green.judge(MINE, look, until)
    if isinstance(expected, str):
        assert isinstance(judged, InProgress), judged
        assert judged.message == expected
    else:
        assert isinstance(judged, Verdict), judged
        assert (judged.outcome, expected[1] in judged.message) == (expected[0], True), judged.message


def test_of_a_first_deployment_no_revision_is_named_to_go_back_to() -> None:
    """ecs-cd knows of no earlier revision."""
    first = OwnDeployment(Strategy.CANARY, answers.arn("1"), OLD)
    judged = blue_green.judge(first, look("ROLLBACK_SUCCESSFUL"), Until())
    assert isinstance(judged, Verdict)
    assert "rolled back to the previous revision" in judged.message


@pytest.mark.parametrize(
    ("status", "alarming"),
    [("ROLLBACK_REQUESTED", True), ("ROLLBACK_IN_PROGRESS", True), ("STOP_REQUESTED", False), ("IN_PROGRESS", False)],
)
def test_a_rollback_is_said_in_red(status: str, alarming: bool) -> None:
    """A stop may be nothing but a newer deployment."""
    judged = blue_green.judge(MINE, look(status), Until())
    assert isinstance(judged, InProgress)
    assert judged.alarming is alarming


# ---- every word of the pinned botocore ----

MODEL: Any = ServiceModel(Loader().load_service_model("ecs", "service-2"))


def words(shape: str) -> set[str]:
    return set(MODEL.shape_for(shape).enum)


def judged(**seen: Any) -> str:
    found = blue_green.judge(MINE, Snapshot({"status": "IN_PROGRESS", **seen}), Until(DEPLOYED))
    return found.outcome.value if isinstance(found, Verdict) else found.message


STATUSES = {
    "PENDING": "PENDING, 0 of 0 running",
    "IN_PROGRESS": "IN_PROGRESS, 0 of 0 running",
    "SUCCESSFUL": "succeeded",
    "STOPPED": "failed",
    "STOP_REQUESTED": "STOP_REQUESTED: ECS gives no reason",
    "ROLLBACK_REQUESTED": "ROLLBACK_REQUESTED, to web:1: ECS gives no reason",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_IN_PROGRESS, to web:1: ECS gives no reason",
    "ROLLBACK_SUCCESSFUL": "rolled-back",
    "ROLLBACK_FAILED": "rollback-failed",
}
HOOKS = {
    "AWAITING_ACTION": "paused",
    "IN_PROGRESS": "IN_PROGRESS, 0 of 0 running, the hook h IN_PROGRESS",
    "SUCCEEDED": "IN_PROGRESS, 0 of 0 running",
    "FAILED": "IN_PROGRESS, 0 of 0 running, the hook h FAILED",
    "TIMED_OUT": "IN_PROGRESS, 0 of 0 running, the hook h TIMED_OUT",
}
MONITORS = {
    "TRIGGERED": (", the circuit breaker is TRIGGERED", ", TRIGGERED: alarm a"),
    "MONITORING": ("", ""),
    "MONITORING_COMPLETE": ("", ""),
    "DISABLED": ("", ""),
}


def test_every_status_of_a_service_deployment_is_judged() -> None:
    """An upgrade of botocore that brings a new one is noticed here."""
    assert {status: judged(status=status) for status in words("ServiceDeploymentStatus")} == STATUSES


def test_every_stage_is_told_and_has_its_place() -> None:
    """The stages of botocore come in the order in which they run."""
    stages = words("ServiceDeploymentLifecycleStage")
    assert stages <= set(answers.STAGES)
    assert list(answers.STAGES) == sorted(answers.STAGES, key=STAGES.index)
    assert {stage: judged(lifecycleStage=stage) for stage in stages} == {s: f"{s}, 0 of 0 running" for s in stages}


def test_every_status_of_a_hook_is_judged() -> None:
    """A pause is a verdict; the log shows what a hook does, or that it failed."""
    statuses = words("DeploymentLifecycleHookStatus")
    assert {s: judged(lifecycleHookDetails=[answers.hook(s, "h")]) for s in statuses} == HOOKS


def test_every_status_of_breaker_and_alarms_is_judged() -> None:
    """Both share their words."""
    statuses = words("ServiceDeploymentRollbackMonitorsStatus")
    found = {
        status: tuple(
            judged(**monitor).removeprefix("IN_PROGRESS, 0 of 0 running")
            for monitor in (
                {"deploymentCircuitBreaker": {"status": status}},
                {"alarms": {"status": status, "triggeredAlarmNames": ["a"]}},
            )
        )
        for status in statuses
    }
    assert found == MONITORS


# ---- evidence ----


@pytest.mark.parametrize(
    ("hook", "failed"),
    [
        (TEST, True),
        (answers.hook("TIMED_OUT", timeoutAction="ROLLBACK"), True),
        (answers.hook("TIMED_OUT"), True),
        (answers.hook("TIMED_OUT", timeoutAction="CONTINUE"), False),
        (answers.hook("SUCCEEDED"), False),
        (PAUSE, False),
    ],
)
def test_a_hook_that_failed_is_evidence(hook: Params, failed: bool) -> None:
    """A hook that may time out is not."""
    assert blue_green.evidence(look(hooks=[hook])).hooks == ((hook,) if failed else ())


def test_what_ecs_tells_of_a_failure_is_evidence() -> None:
    """The alarms in ALARM of those that are watched, and the reason; nothing of nothing."""
    found = blue_green.evidence(look(alarms=ALARMS, statusReason="It is slow."))
    assert (found.alarms, found.reason) == (({"AlarmName": "web-5xx"},), "It is slow")
    nothing = blue_green.evidence(Snapshot(None))
    assert (nothing.alarms, nothing.hooks, nothing.reason) == ((), (), "")


CALM = look(stage="SCALE_UP", running=2, failures=1)
BACK = look("ROLLBACK_IN_PROGRESS", "SCALE_UP", running=2, failures=1)


@pytest.mark.parametrize(
    ("before", "now", "worth"),
    [
        (None, look(), False),
        (None, look(failures=1), True),
        (None, BACK, True),
        (CALM, CALM, False),
        (CALM, look(stage="SCALE_UP", running=2, failures=2), True),
        (CALM, look(stage="SCALE_UP", running=1, failures=1), True),
        (CALM, look(stage="POST_SCALE_UP", running=2, failures=0), False),
        (CALM, look(stage="SCALE_UP", running=2, failures=1, hooks=[TEST]), True),
        (CALM, BACK, True),
        (BACK, BACK, False),
        (CALM, look("STOP_REQUESTED", "SCALE_UP", running=2, failures=1), True),
        (CALM, look("SUCCESSFUL", failures=1), False),
        (Snapshot(None), look(), False),
    ],
)
def test_evidence_is_looked_for_when_something_went_wrong(before: Snapshot | None, now: Snapshot, worth: bool) -> None:
    """More failures, fewer tasks, a failed hook, a turn back; not again while all is as it was."""
    assert blue_green.worth_evidence(before, now) is worth


@pytest.mark.parametrize(
    ("listed", "ours"),
    [
        ({"3": 100}, "3"),
        ({"4": 112, "3": 99, "2": 96}, "3"),  # before and after ours, somebody deployed the same revision
        ({"4": 100, "3": 100}, "3"),
        ({}, None),
    ],
)
def test_ours_is_the_service_deployment_that_came_with_our_deployment(
    listed: dict[str, float], ours: str | None
) -> None:
    """``listed`` are the service deployments to our revision, newest first, and when ECS created them."""
    found = [{"name": name, "createdAt": moment(at)} for name, at in listed.items()]
    came = blue_green.came_with(moment(100), found)
    assert (came and came["name"]) == ours
