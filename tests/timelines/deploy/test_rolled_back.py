"""A rollback is verified like a success: how many tasks run of how many."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.scripted_aws import Params, ScriptedAws, at, blue_green, codedeploy, ecs
from tests.timelines.conftest import Step
from tests.timelines.deploy.test_digests import blue_green_services, services
from tests.timelines.deploy.test_faults import BLUE_GREEN, CODEDEPLOY, HOOK, NEW, OLD, ROLLING, World, build

Run = Callable[..., Step]

FAILED = NEW | {"rolloutState": "FAILED", "rolloutStateReason": ecs.BREAKER_TRIPPED, "status": "ACTIVE"}


def rolled_back(aws: ScriptedAws, kind: World, *running: tuple[float, int], desired: int = 1) -> None:
    """AWS rolls our deployment back after 20 seconds; from then on, so many tasks of web:1 run at these seconds."""
    build(kind, aws)
    if kind is CODEDEPLOY:
        back = codedeploy.deployment("d-BACK", "Succeeded", "web:1")
        ours = codedeploy.deployment(status="Failed", error=HOOK, rollback="d-BACK")
        kind.looks(aws, at(0, kind.going), at(20, codedeploy.described(ours, back)))
    elif kind is BLUE_GREEN:
        kind.looks(aws, at(0, kind.going), at(20, kind.failed))
    later = [at(max(20, seconds), state(kind, count, desired)) for seconds, count in running]
    aws.on("ecs.DescribeServices", at(0, {"services": [kind.moving]}), *later, after=kind.begin)


def state(kind: World, running: int, desired: int) -> Params:
    if kind is CODEDEPLOY:
        there = codedeploy.task_set(runningCount=running, computedDesiredCount=desired)
        return {"services": [codedeploy.service(there, desired=desired)]}
    back = OLD | {"runningCount": running, "desiredCount": desired, "pendingCount": desired - running}
    return (services if kind is ROLLING else blue_green_services)(back, FAILED, desired=desired)


@pytest.mark.parametrize("kind", [ROLLING, BLUE_GREEN, CODEDEPLOY], ids=str)
def test_a_rollback_says_how_many_tasks_run(aws: ScriptedAws, step: Run, kind: World) -> None:
    """2 of 3 is a rollback, and says so."""
    rolled_back(aws, kind, (0, 2), desired=3)
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (3, "rolled-back"), ended.log
    assert "2 of 3 running" in ended.log


@pytest.mark.parametrize("kind", [ROLLING, BLUE_GREEN, CODEDEPLOY], ids=str)
def test_a_rollback_after_which_nothing_runs_has_failed(aws: ScriptedAws, step: Run, kind: World) -> None:
    """AWS calls it rolled back, but the outage isn't over."""
    rolled_back(aws, kind, (0, 0))
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (4, "rollback-failed"), ended.log
    assert "0 of 1 running 1 min after the rollback" in ended.log


@pytest.mark.parametrize("kind", [ROLLING, BLUE_GREEN, CODEDEPLOY], ids=str)
def test_the_first_task_after_a_rollback_has_a_minute(aws: ScriptedAws, step: Run, kind: World) -> None:
    """One look at a service without a task proves nothing."""
    rolled_back(aws, kind, (0, 0), (50, 1))
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (3, "rolled-back"), ended.log
    assert "1 of 1 running" in ended.log


def test_a_rollback_of_a_service_that_wants_no_task_is_one(aws: ScriptedAws, step: Run) -> None:
    """0 of 0."""
    rolled_back(aws, ROLLING, (0, 0), desired=0)
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (3, "rolled-back"), ended.log


def test_a_rollback_that_another_deployment_follows_is_still_one(aws: ScriptedAws, step: Run) -> None:
    """Whether its tasks run is theirs to say now."""
    build(BLUE_GREEN, aws)
    BLUE_GREEN.looks(aws, at(0, BLUE_GREEN.going), at(20, BLUE_GREEN.failed))
    theirs = ecs.deployment("ecs-svc/9", task_definition="web:9", rollout_state="IN_PROGRESS", created=30)
    aws.on("ecs.DescribeServices", blue_green_services(theirs), after="ecs.UpdateService")
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (3, "rolled-back"), ended.log
    assert "then deployment ecs-svc/9 (web:9) replaced it" in ended.log


def test_a_way_back_after_which_nothing_runs_has_failed(aws: ScriptedAws, step: Run) -> None:
    """on-failure: rollback is no better than ECS's own rollback: here the deployment back is COMPLETED without tasks."""
    build(BLUE_GREEN, aws)
    stopped = blue_green.service_deployment(status="STOPPED", created=1)
    back = blue_green.service_deployment("1", "SUCCESSFUL", created=100)
    BLUE_GREEN.looks(aws, at(0, BLUE_GREEN.going), at(30, blue_green.described(stopped)))
    third = ecs.deployment("ecs-svc/3", task_definition="web:1", running=0, pending=1, created=100)
    second = "ecs.UpdateService#2"
    aws.on("ecs.UpdateService", BLUE_GREEN.begun, {"service": blue_green.service(deployments=[third])})
    aws.on("ecs.DescribeServices", blue_green_services(third), after=second)
    aws.on("ecs.ListServiceDeployments", blue_green.listed(back), after=second)
    aws.on("ecs.DescribeServiceDeployments", blue_green.described(back), after=second)
    ended = step("deploy", on_failure="rollback")
    assert (ended.exit_code, ended.outputs["result"]) == (4, "rollback-failed"), ended.log
    assert "0 of 1 running" in ended.log
