"""From a snapshot of a CodeDeploy deployment to a verdict on ecs-cd's deployment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from ecs_cd.deploy.rules import codedeploy
from ecs_cd.deploy.rules.codedeploy import Snapshot
from ecs_cd.deploy.rules.own_deployment import OwnDeployment, deleted
from ecs_cd.document.rules.document import CodeDeploy
from ecs_cd.model.lifecycle import DEPLOYED, LIFECYCLE_EVENTS, READY, STABLE, STARTED, Strategy, Until
from ecs_cd.model.verdict import InProgress, Outcome, Verdict
from tests.scripted_aws import Params, ecs
from tests.scripted_aws import codedeploy as answers

MODEL: Any = ServiceModel(Loader().load_service_model("codedeploy", "service-2"))
OLD, NEW = (ecs.task_definition_arn(f"web:{n}") for n in "12")
MINE = OwnDeployment(Strategy.CODE_DEPLOY, "d-NEW", NEW, OLD)

HOOK = ("HOOK_EXECUTION_FAILURE", "The deployment failed because a lifecycle hook failed.")
ALARM = ("ALARM_ACTIVE", "One or more alarms have been activated. Activated alarms: <web-5xx> <slow>")
BY_HAND = ("MANUAL_STOP", "The deployment was stopped.")
BACK = answers.deployment("d-BACK", "Succeeded", "web:1", creator="codeDeployRollback")
THROUGH = Until(through_pauses=True)
CONTINUE = (
    "it waits for an approval: `ecs-cd continue`, or `Reroute traffic` in CodeDeploy's console, moves the traffic; "
    "`ecs-cd rollback` rolls it back"
)
BLUE, NO_GREEN = "Blue: 2 of 2 running with 100 % of the traffic", "Green: 0 of 2 running with 0 % of the traffic"
BEFORE = f"{BLUE}, Green: 2 of 2 running with 0 % of the traffic"
SHIFTING = "Blue: 2 of 2 running with 90 % of the traffic, Green: 2 of 2 running with 10 % of the traffic"
DONE = "Blue: 2 of 2 running with 0 % of the traffic, Green: 2 of 2 running with 100 % of the traffic"
OVER = (
    "InProgress, all traffic is on the new tasks; CodeDeploy waits 60 minutes before it stops the old ones "
    "(`wait-until: AfterAllowTraffic` does not wait for that)"
)


def look(status: str = "InProgress", target: Params | None = None, **more: Any) -> Snapshot:
    """``at`` 0 is when it was first seen to have ended."""
    rollback, at = more.pop("back", None), more.pop("at", 0.0)
    return Snapshot(answers.deployment(status=status, **more), target, rollback, at, ended_at=0.0)


def moving(event: str = "", state: str = "InProgress", **more: Any) -> Params:
    return answers.ecs_target(event, state, desired=2, **{"running": 2, **more})


def ended(status: str = "Failed", error: tuple[str, str] = HOOK, **more: Any) -> Snapshot:
    return look(status, error=error, **more)


INSTALL = look(target=moving("Install", running=0))
SHIFT = look(target=moving("AllowTraffic", weight=10.0))
WAIT = look("Ready", moving("BeforeAllowTraffic", "Pending"), ready=15)
FAILED_HOOK = moving("AfterAllowTestTraffic", "Failed", message="the smoke test says no.")
HOOK_WORDS = (
    "Failed, HOOK_EXECUTION_FAILURE: The deployment failed because a lifecycle hook failed "
    "(AfterAllowTestTraffic Failed: the smoke test says no)"
)

Row = tuple[str, Snapshot, Until, tuple[Outcome, str] | str]
TABLE: list[Row] = [
    ("created", look("Created"), Until(), "Created"),
    ("queued", look("Queued"), Until(), "Queued"),
    ("its target is not told", look(), Until(), "InProgress"),
    ("no task set yet", look(target={"lifecycleEvents": answers.events("BeforeInstall")}), Until(),
     "InProgress, BeforeInstall InProgress"),
    ("tasks start", INSTALL, Until(), f"InProgress, Install InProgress, {BLUE}, {NO_GREEN}"),
    ("traffic moves", SHIFT, Until(), f"InProgress, AllowTraffic InProgress, {SHIFTING}"),
    ("baking", look("Baking", moving("AllowTraffic", weight=10.0)), Until(),
     f"Baking, AllowTraffic InProgress, {SHIFTING}"),
    ("all traffic has moved", look(target=moving(), minutes=60), Until(), OVER),
    ("the group's flag says the same", look(minutes=60, instanceTerminationWaitTimeStarted=True), Until(), OVER),
    ("the old tasks end at once", look(target=moving()), Until(), OVER.replace("waits 60 minutes before it stops", "stops")),
    ("a status that AWS added since", look("Pondering"), Until(), "Pondering (a status that ecs-cd does not know)"),
    ("CodeDeploy tells of no such deployment", Snapshot({}), Until(), "CodeDeploy does not show deployment d-NEW"),
    ("succeeded", look("Succeeded", moving()), Until(), (Outcome.SUCCEEDED, f"Succeeded, {DONE}")),
    ("succeeded, its target is not told", look("Succeeded"), Until(STABLE), (Outcome.SUCCEEDED, "Succeeded")),
    ("succeeded before it was seen ready", look("Succeeded"), Until(READY), (Outcome.SUCCEEDED, "Succeeded")),

    ("ready", WAIT, Until(), (Outcome.PAUSED, f"Ready, {BEFORE}; {CONTINUE}; after 15 minutes CodeDeploy stops it")),
    ("ready, without a limit", look("Ready"), Until(), (Outcome.PAUSED, f"Ready; {CONTINUE}")),
    ("ready, and goes on by itself", look("Ready", blueGreenDeploymentConfiguration={
        "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 5}}), Until(),
     (Outcome.PAUSED, f"Ready; {CONTINUE}; after 5 minutes CodeDeploy continues it")),
    ("ready, waited through", look("Ready"), THROUGH, f"Ready; {CONTINUE}"),
    ("ready, which was asked for", look("Ready"), Until(READY), (Outcome.IN_PROGRESS, f"Ready; {CONTINUE}")),
    ("ready, for a stage before it", look("Ready", moving("BeforeAllowTraffic", "Pending")),
     Until("AfterAllowTestTraffic"), (Outcome.IN_PROGRESS, f"Ready, {BEFORE}; {CONTINUE}")),

    ("started, which was asked for", look("Created"), Until(STARTED), (Outcome.IN_PROGRESS, "Created")),
    ("not ready yet", INSTALL, Until(READY), f"InProgress, Install InProgress, {BLUE}, {NO_GREEN}"),
    ("ready was never waited for", SHIFT, Until(READY),
     (Outcome.IN_PROGRESS, f"InProgress, AllowTraffic InProgress, {SHIFTING}")),
    ("a stage that is running is not reached", SHIFT, Until("AllowTraffic"),
     f"InProgress, AllowTraffic InProgress, {SHIFTING}"),
    ("a stage that has succeeded is", look(target=moving("AllowTraffic", "Succeeded", weight=10.0)),
     Until("AllowTraffic"), (Outcome.IN_PROGRESS, f"InProgress, {SHIFTING}")),
    ("a stage before the one that runs is", SHIFT, Until("Install"),
     (Outcome.IN_PROGRESS, f"InProgress, AllowTraffic InProgress, {SHIFTING}")),
    ("all traffic, which was asked for", look(target=moving(), minutes=60), Until("AfterAllowTraffic"),
     (Outcome.IN_PROGRESS, OVER)),

    ("a hook has failed, the deployment not yet", look(target=FAILED_HOOK), Until("Install"),
     "InProgress, AfterAllowTestTraffic Failed: the smoke test says no"),
    ("failed, nothing rolls back", ended(target=FAILED_HOOK), Until("Install"),
     (Outcome.FAILED, f"{HOOK_WORDS}; CodeDeploy does not roll back")),
    ("failed, without a reason", look("Failed"), Until(),
     (Outcome.FAILED, "Failed, CodeDeploy gives no reason; CodeDeploy does not roll back")),
    ("failed, the rollback is not named yet", ended(autoRollbackConfiguration=answers.ROLLS_BACK, at=59), Until(),
     "Failed, HOOK_EXECUTION_FAILURE: The deployment failed because a lifecycle hook failed; waiting for the rollback"),
    ("failed, the rollback never comes", ended(autoRollbackConfiguration=answers.ROLLS_BACK, target=FAILED_HOOK, at=60),
     Until(), (Outcome.FAILED, f"{HOOK_WORDS}; CodeDeploy does not roll back")),
    ("failed, the rollback is off", ended(autoRollbackConfiguration={**answers.ROLLS_BACK, "enabled": False}, target=FAILED_HOOK),
     Until(), (Outcome.FAILED, f"{HOOK_WORDS}; CodeDeploy does not roll back")),
    ("failed, only alarms roll back",
     ended(autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_STOP_ON_ALARM"]}, target=FAILED_HOOK),
     Until(), (Outcome.FAILED, f"{HOOK_WORDS}; CodeDeploy does not roll back")),
    ("failed, CodeDeploy says why there is no rollback",
     ended(autoRollbackConfiguration=answers.ROLLS_BACK, target=FAILED_HOOK, rollbackInfo={"rollbackMessage": "none before"}),
     Until(), (Outcome.FAILED, f"{HOOK_WORDS}; none before")),
    ("failed, the rollback is not read yet", ended(target=FAILED_HOOK, rollback="d-BACK"), Until(),
     f"{HOOK_WORDS}; rolling back with deployment d-BACK"),
    ("failed, rolling back", ended(target=FAILED_HOOK, rollback="d-BACK", back={**BACK, "status": "InProgress"}), Until(),
     f"{HOOK_WORDS}; rolling back with deployment d-BACK, InProgress"),
    ("failed, rolled back", ended(target=FAILED_HOOK, rollback="d-BACK", back=BACK), Until("Install"),
     (Outcome.ROLLED_BACK, f"CodeDeploy rolled back (deployment d-BACK): {HOOK_WORDS}")),
    ("failed, and so did the rollback", ended(target=FAILED_HOOK, rollback="d-BACK", back={
        **BACK, "status": "Failed", "errorInformation": {"code": "TIMEOUT", "message": "too long."}}), Until(),
     (Outcome.ROLLBACK_FAILED,
      f"the rollback (deployment d-BACK) Failed too: TIMEOUT: too long; the deployment itself: {HOOK_WORDS}")),
    ("failed, and the rollback was stopped", ended(target=FAILED_HOOK, rollback="d-BACK", back={**BACK, "status": "Stopped"}),
     Until(), (Outcome.ROLLBACK_FAILED,
               f"the rollback (deployment d-BACK) Stopped too: CodeDeploy gives no reason; the deployment itself: {HOOK_WORDS}")),

    ("stopped manually, a rollback may come", ended("Stopped", BY_HAND, at=9), Until(),
     "Stopped manually, MANUAL_STOP: The deployment was stopped; waiting for the rollback"),
    ("stopped manually, none comes", ended("Stopped", BY_HAND, at=10), Until(),
     (Outcome.FAILED, "Stopped manually, MANUAL_STOP: The deployment was stopped; CodeDeploy does not roll back")),
    ("stopped manually, and rolled back", ended("Stopped", BY_HAND, rollback="d-BACK", back=BACK), Until(),
     (Outcome.ROLLED_BACK,
      "CodeDeploy rolled back (deployment d-BACK): Stopped manually, MANUAL_STOP: The deployment was stopped")),
    ("failed, the service is deleted", replace(ended(target=FAILED_HOOK), gone=deleted(None, 60)), Until(),
     (Outcome.GONE, "the service is gone: it was deleted during the deployment")),
    ("stopped by an alarm, the rollback is not named yet",
     ended("Stopped", ALARM, autoRollbackConfiguration=answers.ROLLS_BACK, at=59), Until(),
     f"Stopped, ALARM_ACTIVE: {ALARM[1]}; waiting for the rollback"),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "until", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_look_at_the_deployment_gives_this_verdict(
    seen: Snapshot, until: Until, expected: tuple[Outcome, str] | str
) -> None:
    """From snapshots to a verdict; a text is the state that the log shows before a verdict, as an error once it goes wrong."""
    judged = codedeploy.judge(MINE, seen, until)
    if isinstance(expected, str):
        wrong = "Failed" in expected or "Stopped" in expected
        assert judged == InProgress(expected, alarming=wrong)
    else:
        assert judged == Verdict(*expected)


def test_every_status_of_a_deployment_is_judged() -> None:
    """An upgrade of botocore that brings a new one is noticed here."""
    statuses = MODEL.shape_for("DeploymentStatus").enum
    judged = {status: codedeploy.judge(MINE, look(status, at=60), Until()) for status in statuses}
    assert {s: state.outcome.value if isinstance(state, Verdict) else "" for s, state in judged.items()} == {
        "Created": "",
        "Queued": "",
        "InProgress": "",
        "Baking": "",
        "Ready": "paused",
        "Succeeded": "succeeded",
        "Failed": "failed",
        "Stopped": "failed",
    }


def test_every_status_of_a_rollback_is_judged() -> None:
    """It is a deployment too."""
    statuses = MODEL.shape_for("DeploymentStatus").enum
    looks = {status: ended(rollback="d-BACK", back={**BACK, "status": status}) for status in statuses}
    judged = {status: codedeploy.judge(MINE, seen, Until()) for status, seen in looks.items()}
    assert {s: state.outcome.value if isinstance(state, Verdict) else "" for s, state in judged.items()} == {
        "Created": "",
        "Queued": "",
        "InProgress": "",
        "Baking": "",
        "Ready": "",
        "Succeeded": "rolled-back",
        "Failed": "rollback-failed",
        "Stopped": "rollback-failed",
    }


def test_every_status_of_a_lifecycle_event_is_judged() -> None:
    """Only an event that succeeded counts as reached; only a failed event is logged as an error."""
    statuses = MODEL.shape_for("LifecycleEventStatus").enum
    seen = {status: look(target=moving("AfterInstall", status, running=0)) for status in statuses}
    judged = {status: codedeploy.judge(MINE, each, Until("AfterInstall")) for status, each in seen.items()}
    tasks = f"{BLUE}, {NO_GREEN}"
    assert judged == {
        "Pending": InProgress(f"InProgress, {tasks}"),
        "InProgress": InProgress(f"InProgress, AfterInstall InProgress, {tasks}"),
        "Succeeded": Verdict(Outcome.IN_PROGRESS, f"InProgress, {tasks}"),
        "Failed": InProgress("InProgress, AfterInstall Failed", alarming=True),
        "Skipped": InProgress(f"InProgress, {tasks}"),
        "Unknown": InProgress(f"InProgress, AfterInstall Unknown, {tasks}"),
    }


TARGETS = ("Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Unknown", "Ready")


def test_every_status_of_a_target_is_known() -> None:
    """An upgrade of botocore that brings a new one is noticed here."""
    assert set(MODEL.shape_for("TargetStatus").enum) == set(TARGETS)


@pytest.mark.parametrize("status", [*TARGETS, "Pondering"])
def test_the_deployments_status_decides_not_the_targets(status: str) -> None:
    """Whatever AWS reports for the target: only the deployment's status shows a rollback."""
    seen = look(target={**moving("Install", running=0), "status": status})
    assert codedeploy.judge(MINE, seen, Until()) == codedeploy.judge(MINE, INSTALL, Until())


@pytest.mark.parametrize("code", [*MODEL.shape_for("ErrorCode").enum, "NEW_ERROR"])
def test_every_error_is_told_by_its_code(code: str) -> None:
    """Whichever it is, what is known of it is in the message, and the deployment has failed."""
    judged = codedeploy.judge(MINE, ended(error=(code, "Because.")), Until())
    assert isinstance(judged, Verdict)
    assert judged.outcome is Outcome.FAILED
    assert f"{code}: Because" in judged.message


@pytest.mark.parametrize("goal", [DEPLOYED, STABLE, *LIFECYCLE_EVENTS, READY])
def test_nothing_is_reached_by_a_deployment_that_has_ended_badly(goal: str) -> None:
    """Whatever it had come to before."""
    for seen in (ended(target=moving()), ended("Stopped", BY_HAND, target=moving(), at=60)):
        judged = codedeploy.judge(MINE, seen, Until(goal))
        assert isinstance(judged, Verdict)
        assert judged.outcome is Outcome.FAILED


@pytest.mark.parametrize("goal", LIFECYCLE_EVENTS)
def test_the_lifecycle_events_are_codedeploys(goal: str) -> None:
    """Each is reached once it has succeeded, and not while it runs."""
    running, done = (
        codedeploy.judge(MINE, look(target=moving(goal, state)), Until(goal)) for state in ("InProgress", "Succeeded")
    )
    assert isinstance(running, InProgress)
    assert isinstance(done, Verdict)
    assert done.outcome is Outcome.IN_PROGRESS


# ---- evidence ----


def test_what_codedeploy_tells_of_a_failure_is_evidence() -> None:
    """The events that failed with their diagnostics, the reason, the alarms that it names."""
    hook = codedeploy.evidence(ended(target=FAILED_HOOK))
    assert [event["lifecycleEventName"] for event in hook.lifecycle] == ["AfterAllowTestTraffic"]
    assert hook.lifecycle[0]["diagnostics"]["message"] == "the smoke test says no."
    assert hook.reason == "HOOK_EXECUTION_FAILURE: The deployment failed because a lifecycle hook failed"
    assert hook.alarms == ()
    alarm = codedeploy.evidence(ended("Stopped", ALARM))
    assert alarm.alarms == ({"AlarmName": "web-5xx"}, {"AlarmName": "slow"})
    assert codedeploy.evidence(look()).reason == ""


@pytest.mark.parametrize(
    ("before", "now", "worth"),
    [
        (None, INSTALL, False),
        (INSTALL, INSTALL, False),
        (look(), INSTALL, False),
        (INSTALL, SHIFT, False),
        (SHIFT, look(target=moving("AllowTraffic", weight=10.0, running=1)), True),
        (look(target=moving("AllowTraffic")), look(target=FAILED_HOOK), True),
        (SHIFT, ended(target=moving("AllowTraffic")), True),
        (ended(target=FAILED_HOOK), ended(target=FAILED_HOOK, rollback="d-BACK", back=BACK), False),
    ],
)
def test_evidence_is_worth_its_calls_when_something_went_wrong(
    before: Snapshot | None, now: Snapshot, worth: bool
) -> None:
    """Fewer new tasks than before, an event that failed, an end without success."""
    assert codedeploy.worth_evidence(before, now) is worth


# ---- names, times ----


@pytest.mark.parametrize("cluster", ["prod", "arn:aws:ecs:eu-west-1:123456789012:cluster/prod"])
@pytest.mark.parametrize("service", ["web", "arn:aws:ecs:eu-west-1:123456789012:service/prod/web"])
def test_the_names_are_those_of_ecss_console(cluster: str, service: str) -> None:
    """Of cluster and service by name; the target is named by them too."""
    assert codedeploy.names(CodeDeploy(), cluster, service) == CodeDeploy("AppECS-prod-web", "DgpECS-prod-web")
    assert codedeploy.names(CodeDeploy("a", "g", description="d"), cluster, service) == CodeDeploy(
        "a", "g", description="d"
    )
    assert codedeploy.target_id(cluster, service) == "prod:web"


@pytest.mark.parametrize(
    ("revision", "brings", "words"),
    [
        (answers.deployment()["revision"], NEW, "deployment d-NEW (web:2)"),
        ({"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "f"}}, "", "deployment d-NEW"),
        ({"revisionType": "S3", "s3Location": {"bucket": "b", "key": "appspec.yml"}}, "", "deployment d-NEW"),
        ({}, "", "deployment d-NEW"),
    ],
)
def test_a_deployment_is_told_by_what_it_brings(revision: Params, brings: str, words: str) -> None:
    """If CodeDeploy returns its AppSpec; for an AppSpec in S3 it returns only the location."""
    info = answers.deployment(revision=revision)
    assert (codedeploy.deploys(info), codedeploy.words(info)) == (brings, words)


@pytest.mark.parametrize(
    ("group", "minutes"),
    [
        ({}, 0),
        (answers.group()["deploymentGroupInfo"], 0),
        (answers.group(minutes=5, ready=15)["deploymentGroupInfo"], 20),
    ],
)
def test_a_group_tells_how_long_its_deployments_wait(group: Params, minutes: int) -> None:
    """For a user to continue, and for the old tasks."""
    assert codedeploy.waits(group) == minutes
