"""`continue` and `rollback`: deployments that somebody began earlier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import Clock, Params, ScriptedAws, at, ecs, native
from tests.scripted_aws.fleet import COMPLETES, Fleet
from tests.timelines.conftest import Step

Run = Callable[..., Step]

OLD = ecs.deployment("ecs-svc/1", "ACTIVE", "web:1")
NEW = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")
PAUSED = native.service_deployment("2", stage="POST_TEST_TRAFFIC_SHIFT", hooks=[native.hook()])
SOURCE = {"sourceServiceRevisions": [{"arn": native.arn("1", "service-revision")}]}


def blue_green(aws: ScriptedAws, now: Params) -> None:
    """A blue/green service whose newest service deployment is this one."""
    aws.on("ecs.DescribeServices", {"services": [native.service(deployments=[NEW, OLD])]})
    aws.on("ecs.ListServiceDeployments", native.listed(native.service_deployment("1", "SUCCESSFUL", created=-99), now))
    aws.on("ecs.DescribeServiceDeployments", native.described(now))
    aws.on("ecs.DescribeServiceRevisions", native.revisions)
    task = ecs.task(task_definition="web:2", started_by="ecs-svc/2")
    aws.on("ecs.ListTasks", {"taskArns": []})
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]}, where={"desiredStatus": "RUNNING"})
    aws.on("ecs.DescribeTasks", ecs.described("tasks", task))
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})


def test_continue_lets_a_paused_deployment_go_on_and_follows_it(aws: ScriptedAws, step: Run) -> None:
    """The hook at which it waits is named to ECS; green when the deployment has succeeded, with the proof."""
    blue_green(aws, PAUSED | SOURCE)
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": PAUSED["serviceDeploymentArn"]})
    going_on = native.service_deployment("2", stage="PRODUCTION_TRAFFIC_SHIFT")
    looks = native.through(going_on, native.service_deployment("2", "SUCCESSFUL"))
    aws.on("ecs.DescribeServiceDeployments", *looks, after="ecs.ContinueServiceDeployment")
    ended = step("continue", sha="")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "succeeded"
    (call,) = (c for c in aws.calls if c.operation == "ecs.ContinueServiceDeployment")
    assert call.params["hookId"] == "ecs-pause-1"
    assert call.params["action"] == "CONTINUE"
    assert "deployment 2 to web:2 goes on" in ended.log


def test_continue_waits_until_ecs_shows_that_the_pause_is_over(aws: ScriptedAws, step: Run) -> None:
    """A look that lags behind must not be taken for another pause."""
    blue_green(aws, PAUSED | SOURCE)
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": PAUSED["serviceDeploymentArn"]})
    looks = native.through(PAUSED, native.service_deployment("2", "SUCCESSFUL"), every=5)
    aws.on("ecs.DescribeServiceDeployments", *looks, after="ecs.ContinueServiceDeployment")
    ended = step("continue", sha="")
    assert ended.exit_code == 0, ended.log


def test_continue_is_refused_where_nothing_waits(aws: ScriptedAws, step: Run) -> None:
    """Nobody is told that something went on."""
    blue_green(aws, native.service_deployment("2", "SUCCESSFUL"))
    ended = step("continue", sha="")
    assert ended.exit_code == 2
    assert "no deployment of web waits for anybody" in ended.log


def test_continue_of_a_rolling_service_is_refused(aws: ScriptedAws, step: Run) -> None:
    """A rolling update never waits for somebody."""
    ended = step("continue", sha="")
    assert ended.exit_code == 2
    assert "waits for anybody" in ended.log


def test_rollback_takes_a_paused_deployment_back_at_its_hook(aws: ScriptedAws, step: Run) -> None:
    """ECS rolls it back, which is what was asked for: green."""
    blue_green(aws, PAUSED | SOURCE)
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": PAUSED["serviceDeploymentArn"]})
    back = [native.service_deployment("2", status) for status in ("ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL")]
    aws.on("ecs.DescribeServiceDeployments", *native.through(*back), after="ecs.ContinueServiceDeployment")
    ended = step("rollback", sha="")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "succeeded"
    assert "web is back at web:1" in ended.log
    (call,) = (c for c in aws.calls if c.operation == "ecs.ContinueServiceDeployment")
    assert call.params["action"] == "ROLLBACK"


def test_rollback_of_what_is_under_way_and_waits_for_nobody_is_refused(aws: ScriptedAws, step: Run) -> None:
    """It may be somebody else's; nothing is stopped."""
    blue_green(aws, native.service_deployment("2", stage="SCALE_UP"))
    ended = step("rollback", sha="")
    assert ended.exit_code == 2
    assert "waits for nobody" in ended.log
    assert not [c for c in aws.calls if c.operation.startswith(("ecs.Update", "ecs.Stop", "ecs.Continue"))]


def rolling(aws: ScriptedAws, clock: Clock, *, listed: Any) -> Fleet:
    """A rolling service at web:3, of which ECS lists these service deployments."""
    fleet = Fleet(clock, {"web": COMPLETES}).script(aws)
    fleet.updates["web"][0].task_definition = ecs.task_definition_arn("web:3")
    aws.on("ecs.ListServiceDeployments", listed)
    aws.on("ecs.DescribeServiceRevisions", native.revisions)
    active = [ecs.task_definition_arn(f"web:{number}") for number in (4, 3, 2, 1)]
    aws.on("ecs.ListTaskDefinitions", {"taskDefinitionArns": active})
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})
    return fleet


@pytest.mark.parametrize(
    ("listed", "revision"),
    [
        ([("1", 0), ("3", 50)], "web:1"),
        ([("3", 50), ("1", 0), ("2", 20)], "web:2"),
        ([], "web:2"),
    ],
)
def test_rollback_of_a_finished_deployment_goes_to_what_ran_before(
    aws: ScriptedAws, step: Run, clock: Clock, listed: list[tuple[str, float]], revision: str
) -> None:
    """By ECS's service deployments, newest first, and where it lists none to the family's revision before."""
    done = [native.service_deployment(id, "SUCCESSFUL", created=created - 999) for id, created in listed]
    rolling(aws, clock, listed=native.listed(*done))
    ended = step("rollback", sha="")
    assert ended.exit_code == 0, ended.log
    (update,) = (c for c in aws.calls if c.operation == "ecs.UpdateService")
    assert update.params["taskDefinition"].endswith(revision)
    assert f"web is back at {revision}" in ended.log


def test_rollback_where_nothing_ran_before_is_refused(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """A service that was made with its only revision."""
    rolling(aws, clock, listed={"serviceDeployments": []})
    aws.on("ecs.ListTaskDefinitions", {"taskDefinitionArns": [ecs.task_definition_arn("web:3")]})
    ended = step("rollback", sha="")
    assert ended.exit_code == 2
    assert "nothing is known that ran before web:3" in ended.log
    assert aws.count("ecs.UpdateService") == 0


def test_a_rollback_that_fails_is_red(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """What ran before does not run any more."""
    rolling(aws, clock, listed={"serviceDeployments": []})
    failed = ecs.deployment(
        "ecs-svc/2", task_definition="web:2", rollout_state="FAILED", reason="tasks failed to start."
    )
    stuck = {"services": [ecs.service(deployments=[failed])]}
    stuck["services"][0]["deploymentConfiguration"]["deploymentCircuitBreaker"]["rollback"] = False
    aws.on("ecs.UpdateService", {"service": stuck["services"][0]})
    aws.on("ecs.DescribeServices", at(0, stuck), after="ecs.UpdateService")
    ended = step("rollback", sha="")
    assert ended.exit_code == 1
    assert ended.outputs["result"] == "failed"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"config": "", "service": ""}, "config: is missing"),
        ({"cluster": "my-cluster"}, "cluster: does not go together with config"),
        ({"service": "wbe"}, "did you mean `web`"),
    ],
)
def test_which_service_is_meant_has_to_be_clear(aws: ScriptedAws, step: Run, given: dict[str, str], words: str) -> None:
    """A document, or cluster and service, and not both."""
    ended = step("rollback", **{"sha": "", **given})
    assert ended.exit_code == 2
    assert words in ended.log


def test_cluster_and_service_do_without_a_document(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """For those who deploy with the inputs of the official actions."""
    rolling(aws, clock, listed={"serviceDeployments": []})
    ended = step("rollback", sha="", config="", cluster=ecs.CLUSTER, service="web")
    assert ended.exit_code == 0, ended.log
    assert aws.count("ssm.GetParameter") == 0
