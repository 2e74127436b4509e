"""What ECS does not list for a while proves nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.scripted_aws import Clock, Params, ScriptedAws, at, blue_green, ecs
from tests.timelines.conftest import Step
from tests.timelines.deploy.test_faults import BLUE_GREEN, CODEDEPLOY, GONE, World, build

Run = Callable[..., Step]

OLD = ecs.deployment("ecs-svc/1", task_definition="web:1")
NEW = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS", created=1)
DONE = ecs.deployment("ecs-svc/2", task_definition="web:2", created=1)
THEIRS = ecs.deployment("ecs-svc/9", task_definition="web:9", rollout_state="IN_PROGRESS", created=20)
REVISION = blue_green.arn("22", "service-revision")


def services(*deployments: Params) -> Params:
    return {"services": [ecs.service(deployments=deployments)]}


@pytest.fixture
def rolling(aws: ScriptedAws) -> ScriptedAws:
    aws.on("ecs.UpdateService", {"service": services(NEW, OLD | {"status": "ACTIVE"})["services"][0]})
    task = ecs.task(task_definition="web:2", started_by="ecs-svc/2")
    aws.on("ecs.ListTasks", {"taskArns": []})
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]}, where={"desiredStatus": "RUNNING"})
    aws.on("ecs.DescribeTasks", ecs.described("tasks", task))
    return aws


def test_a_service_that_is_missing_for_some_seconds_is_still_there(rolling: ScriptedAws, step: Run) -> None:
    """One MISSING is no proof that the service is gone; the log says that it is read again."""
    moving = services(NEW, OLD | {"status": "ACTIVE"})
    looks = (at(0, moving), at(10, GONE), at(40, moving), at(60, services(DONE)))
    rolling.on("ecs.DescribeServices", *looks, after="ecs.UpdateService")
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "ECS does not list the service; reading it again" in ended.log


def test_a_service_that_stays_missing_is_gone(rolling: ScriptedAws, step: Run, clock: Clock) -> None:
    """After a minute, not before."""
    rolling.on("ecs.DescribeServices", at(0, services(NEW)), at(10, GONE), after="ecs.UpdateService")
    started = clock.monotonic()
    ended = step("deploy")
    assert ended.exit_code == 6, ended.log
    assert 70 <= clock.monotonic() - started <= 80


def test_a_service_that_is_missing_before_the_update_is_read_again(rolling: ScriptedAws, step: Run) -> None:
    """While ecs-cd waits for another deployment, too."""
    theirs = services(THEIRS, OLD | {"status": "ACTIVE"})
    rolling.on("ecs.DescribeServices", at(0, theirs), at(10, GONE), at(30, services(OLD)))
    rolling.on("ecs.DescribeServices", at(0, services(DONE)), after="ecs.UpdateService")
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log


@pytest.mark.parametrize("world", [BLUE_GREEN, CODEDEPLOY], ids=str)
def test_a_failure_is_not_gone_because_the_service_is_missing_once(aws: ScriptedAws, step: Run, world: World) -> None:
    """A deployment that failed keeps its own verdict."""
    build(world, aws)
    world.looks(aws, at(0, world.going), at(8, world.failed))
    there = {"services": [world.moving]}
    aws.on("ecs.DescribeServices", at(0, there), at(7, GONE), at(20, there), after=world.begin)
    ended = step("deploy")
    assert ended.exit_code == world.exit_code, ended.log
    assert "reading it again" in ended.log


def test_a_status_that_is_listed_late_decides(rolling: ScriptedAws, step: Run) -> None:
    """Another deployment is PRIMARY and ours is not listed: superseded only if that lasts; here it was rolled back."""
    gone_by = services(THEIRS | {"taskDefinition": ecs.task_definition_arn("web:1")})
    rolling.on("ecs.DescribeServices", at(0, services(NEW)), at(20, gone_by), after="ecs.UpdateService")
    back = {"status": "ROLLBACK_SUCCESSFUL", "statusReason": "hook failed.", "targetServiceRevisionArn": REVISION}
    rolling.on(
        "ecs.ListServiceDeployments",
        at(0, {"serviceDeployments": []}),
        at(50, {"serviceDeployments": [back]}),
        after="ecs.UpdateService",
    )
    revision = {"serviceRevisionArn": REVISION, "taskDefinition": ecs.task_definition_arn("web:2")}
    rolling.on("ecs.DescribeServiceRevisions", {"serviceRevisions": [revision]})
    ended = step("deploy")
    assert ended.outputs["result"] == "rolled-back", ended.log
    assert "ECS rolled back to web:1: hook failed" in ended.log


@pytest.mark.parametrize("listed_at", [40, 75, 200])
def test_a_service_deployment_that_is_listed_late_is_followed(aws: ScriptedAws, step: Run, listed_at: int) -> None:
    """ECS lists it later than usual; its end is the verdict."""
    build(BLUE_GREEN, aws)
    BLUE_GREEN.looks(aws, at(0, BLUE_GREEN.going), at(listed_at + 20, BLUE_GREEN.done))
    late = (at(0, blue_green.listed()), at(listed_at, blue_green.listed(blue_green.service_deployment(created=1))))
    aws.on("ecs.ListServiceDeployments", *late, after="ecs.UpdateService")
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert aws.count("ecs.UpdateService") == 1
