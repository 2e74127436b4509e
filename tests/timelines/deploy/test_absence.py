"""What ECS does not list for a while proves nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.scripted_aws import Answer, Clock, Params, ScriptedAws, at, blue_green, ecs, lost
from tests.timelines.conftest import Step
from tests.timelines.deploy.test_faults import BLUE_GREEN, CODEDEPLOY, GONE, ROLLING, World, build

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
    gone_by = services(THEIRS | {"taskDefinition": ecs.task_definition_arn("web:1"), "runningCount": 1})
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


@pytest.mark.parametrize("world", [ROLLING, BLUE_GREEN, CODEDEPLOY], ids=str)
def test_a_service_that_is_missing_at_first_is_read_again(aws: ScriptedAws, step: Run, world: World) -> None:
    """ECS may list a new service late."""
    build(world, aws)
    aws.on("ecs.DescribeServices", at(0, GONE), at(3, {"services": [world.before]}))
    world.looks(aws, at(0, world.done))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "ECS does not list the service web; reading it again" in ended.log


@pytest.mark.parametrize("verb", ["deploy", "migrate", "continue", "rollback"])
def test_a_service_that_is_not_there_is_reported_soon(aws: ScriptedAws, step: Run, clock: Clock, verb: str) -> None:
    """After ten seconds: it is mostly a misspelt name."""
    aws.on("ecs.DescribeServices", GONE)
    ended = step(verb, **({"sha": ""} if verb in ("continue", "rollback") else {}))
    assert ended.exit_code == 2, ended.log
    assert "the ECS service web of cluster my-cluster is not there" in ended.log
    assert 10 <= clock.monotonic() <= 12


def test_a_service_that_is_missing_after_a_lost_answer_is_read_again(rolling: ScriptedAws, step: Run) -> None:
    """The deployment that UpdateService has started is found."""
    moving = services(NEW, OLD | {"status": "ACTIVE"})
    rolling.on("ecs.UpdateService", lost({"service": moving["services"][0]}))
    looks = (at(0, GONE), at(6, moving), at(20, services(DONE)))
    rolling.on("ecs.DescribeServices", *looks, after="ecs.UpdateService")
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert rolling.count("ecs.UpdateService") == 1


def cancelled_at(aws: ScriptedAws, clock: Clock, world: World, late: Params) -> None:
    """The job is cancelled at the third look; from then on DescribeServices gives this answer for two seconds."""
    looks = 0

    def going(params: Params) -> Params:
        nonlocal looks
        looks += 1
        if looks == 3:
            now = clock.monotonic()
            there = at(now + 2, {"services": [world.moving]})
            aws.on("ecs.DescribeServices", at(now, late), there, after=world.begin)
            os.kill(os.getpid(), signal.SIGINT)
        return {"services": [world.moving]}

    aws.on("ecs.DescribeServices", going, after=world.begin)


@pytest.mark.parametrize("late", [GONE, {"services": [ROLLING.before]}], ids=["missing", "outdated"])
def test_a_cancelled_deployment_that_ecs_shows_late_is_stopped(
    aws: ScriptedAws, step: Run, clock: Clock, late: Params
) -> None:
    """One answer that does not show it proves nothing; the runner leaves some seconds."""
    build(ROLLING, aws)
    cancelled_at(aws, clock, ROLLING, late)
    ended = step("deploy", on_cancel="stop")
    assert ended.exit_code == 130
    assert "service web goes back to web:1 (on-cancel: stop)" in ended.log
    assert aws.count("ecs.UpdateService") == 2


@pytest.mark.parametrize("late", [GONE, {"services": [ROLLING.before]}], ids=["missing", "outdated"])
def test_a_cancelled_deployment_that_ecs_shows_late_goes_on(
    aws: ScriptedAws, step: Run, clock: Clock, late: Params
) -> None:
    """The last words name it."""
    build(ROLLING, aws)
    cancelled_at(aws, clock, ROLLING, late)
    ended = step("deploy")
    assert ended.exit_code == 130
    assert "deployment ecs-svc/2 of service web to web:2 is IN_PROGRESS; ECS continues it" in ended.log


def test_a_cancelled_service_deployment_that_ecs_lists_late_is_rolled_back(
    aws: ScriptedAws, step: Run, clock: Clock
) -> None:
    """The job was cancelled before ECS listed it."""
    build(BLUE_GREEN, aws)
    looks = 0

    def listed(params: Params) -> Answer:
        nonlocal looks
        looks += 1
        if looks == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return blue_green.listed(*([blue_green.service_deployment(created=1)] if looks > 3 else []))

    aws.on("ecs.ListServiceDeployments", listed, after="ecs.UpdateService")
    aws.on("ecs.StopServiceDeployment", {"serviceDeploymentArn": blue_green.arn("2", "service-deployment")})
    ended = step("deploy", on_cancel="stop")
    assert ended.exit_code == 130
    assert aws.count("ecs.StopServiceDeployment") == 1, ended.log
