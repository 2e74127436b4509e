"""`continue` where nothing waits any more: what became of the deployment, and which revision runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import Params, ScriptedAws, blue_green, codedeploy, denied, ecs, moment
from tests.scripted_aws.fleet import document
from tests.timelines.conftest import REPOSITORY, Step
from tests.timelines.deploy.test_existing import NEW, OLD, PAUSED, SOURCE, blue_green_service
from tests.timelines.deploy.test_rollback import code_deploy

Run = Callable[..., Step]

EXPIRES = moment(60)


def expired(action: str) -> Params:
    return blue_green.hook("TIMED_OUT", expiresAt=EXPIRES, timeoutAction=action)


def ended(aws: ScriptedAws, status: str, action: str, **more: Any) -> None:
    """A service deployment to web:2 whose pause has expired; the service runs web:1 again if ECS rolled back."""
    now = blue_green.service_deployment("2", status, hooks=[expired(action)], **more) | SOURCE
    blue_green_service(aws, now)
    primary = ecs.deployment("ecs-svc/2", task_definition="web:2") if action == "CONTINUE" else OLD
    service = blue_green.service(deployments=[primary | {"status": "PRIMARY", "rolloutState": "COMPLETED"}])
    aws.on("ecs.DescribeServices", {"services": [service]})


@pytest.fixture
def go_on(step: Run) -> Run:
    return lambda **inputs: step("continue", sha="", **inputs)


def test_a_pause_that_expired_is_reported_as_the_rollback_that_it_is(aws: ScriptedAws, go_on: Run) -> None:
    """Exit code 3: the message names the deployment, the hook, what ECS did, ECS's reason and what runs."""
    ended(aws, "ROLLBACK_SUCCESSFUL", "ROLLBACK", statusReason="Lifecycle hook timed out.")
    step = go_on()
    assert step.exit_code == 3, step.log
    assert step.outputs["result"] == "rolled-back"
    assert "no paused deployment to continue: service deployment 2 (web:2), begun" in step.log
    assert "is ROLLBACK_SUCCESSFUL; the hook ecs-pause-1 expired at" in step.log
    assert "and ECS did ROLLBACK; Lifecycle hook timed out; the service runs web:1" in step.log
    assert "-> Deploy the commit again; approve it before the pause expires." in step.log.replace("%0A", "\n")
    assert "the service runs web:1" in step.summary
    assert aws.count("ecs.ContinueServiceDeployment") == 0


def test_a_rollback_that_failed_after_the_pause_is_reported_as_one(aws: ScriptedAws, go_on: Run) -> None:
    """Exit code 4: what runs has to be looked at."""
    ended(aws, "ROLLBACK_FAILED", "ROLLBACK")
    step = go_on()
    assert step.exit_code == 4, step.log
    assert step.outputs["result"] == "rollback-failed"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("SUCCESSFUL", "is SUCCESSFUL; the hook ecs-pause-1 expired at"),
        ("IN_PROGRESS", "(web:2) is IN_PROGRESS"),
        ("ROLLBACK_IN_PROGRESS", "(web:2) is ROLLBACK_IN_PROGRESS"),
    ],
)
def test_what_does_not_wait_is_not_continued(aws: ScriptedAws, go_on: Run, status: str, words: str) -> None:
    """Exit code 2: ECS went on by itself, or another user approved it first; the message says so."""
    ended(aws, status, "ROLLBACK" if status.startswith("ROLLBACK") else "CONTINUE")
    step = go_on()
    assert step.exit_code == 2, step.log
    assert "no paused deployment to continue" in step.log
    assert words in step.log
    assert aws.count("ecs.ContinueServiceDeployment") == 0


def test_codedeploys_wait_that_ended_is_reported(aws: ScriptedAws, go_on: Run) -> None:
    """STOP_DEPLOYMENT after the wait: CodeDeploy stopped it, and the old tasks have the traffic."""
    code_deploy(aws, ("d-OLD", "Succeeded", "web:1"), ("d-NEW", "Stopped", "web:2"), sets=[codedeploy.task_set()])
    why = "TIMEOUT", "The deployment timed out while waiting for traffic rerouting."
    ends = [codedeploy.deployment("d-OLD", "Succeeded", "web:1", created=-9)]
    ends += [codedeploy.deployment("d-NEW", "Stopped", "web:2", created=-5, error=why)]
    aws.on("codedeploy.BatchGetDeployments", codedeploy.described(*ends))
    step = go_on()
    assert step.exit_code == 3, step.log
    assert "deployment d-NEW (web:2), begun" in step.log
    assert (
        "is Stopped; The deployment timed out while waiting for traffic rerouting; the service runs web:1" in step.log
    )


@pytest.mark.parametrize("operation", ["ecs.ListServiceDeployments", "ecs.DescribeServiceDeployments"])
def test_what_may_not_be_read_is_left_out(aws: ScriptedAws, go_on: Run, operation: str) -> None:
    """The refusal stays a refusal."""
    ended(aws, "SUCCESSFUL", "CONTINUE")
    aws.on(operation, denied())
    assert go_on().exit_code == 2


def test_a_service_that_was_rolled_back_counts_while_another_continues(aws: ScriptedAws, go_on: Run) -> None:
    """Half of a release is not green. The service that waits is continued, as its reviewer has approved."""
    back = blue_green.service_deployment("7", "ROLLBACK_SUCCESSFUL", hooks=[expired("ROLLBACK")], service="worker")
    both = [PAUSED | SOURCE, back | SOURCE]
    given = document(["web", "worker"], REPOSITORY)
    blue_green_service(aws, PAUSED | SOURCE)
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    worker = ecs.deployment("ecs-svc/6", task_definition="worker:6")
    services = [blue_green.service(deployments=[NEW, OLD]), blue_green.service(name="worker", deployments=[worker])]
    aws.on("ecs.DescribeServices", {"services": services})
    aws.on("ecs.ListServiceDeployments", blue_green.listed(*both))
    aws.on("ecs.DescribeServiceDeployments", blue_green.described(*both))
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": PAUSED["serviceDeploymentArn"]})
    looks = blue_green.through(blue_green.service_deployment("2", "SUCCESSFUL"))
    aws.on("ecs.DescribeServiceDeployments", *looks, after="ecs.ContinueServiceDeployment")
    step = go_on()
    assert step.exit_code == 3, step.log
    assert step.outputs["result"] == "rolled-back"
    assert json.loads(step.outputs["services"])["web"]["result"] == "succeeded"
    assert aws.count("ecs.ContinueServiceDeployment") == 1
    assert "web succeeded: " in step.summary
    assert "worker: no paused deployment to continue: service deployment 7 (worker:7)" in step.log
    assert "the service runs worker:6" in step.log
