"""What the log says about a deployment while it waits, and after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ecs_cd.model import pace
from tests.scripted_aws import Params, ScriptedAws, at, denied, ecs, moment
from tests.timelines.conftest import Step

Run = Callable[..., Step]

OLD = ecs.deployment("ecs-svc/1", "ACTIVE", "web:1")
NEW = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS", created=1)
FULL = NEW | {"runningCount": 1}
DONE = NEW | {"rolloutState": "COMPLETED", "runningCount": 1}
OURS = ecs.task("ours", task_definition="web:2", started_by="ecs-svc/2")
DEAD = ecs.task(
    "dead", "STOPPED", containers=[ecs.container(status="STOPPED", exitCode=3)], task_definition="web:2",
    started_by="ecs-svc/2", stopCode="EssentialContainerExited", stoppedReason="Essential container in task exited",
)  # fmt: skip


def services(*deployments: Params) -> Params:
    return {"services": [ecs.service(deployments=deployments)]}


def tasks(aws: ScriptedAws, status: str, *there: Params) -> None:
    arns = [task["taskArn"] for task in there]
    aws.on("ecs.ListTasks", {"taskArns": arns}, where={"desiredStatus": status})


def world(aws: ScriptedAws, *stopped: Params, running: tuple[Params, ...] = (OURS,)) -> None:
    aws.on("ecs.UpdateService", {"service": services(NEW, OLD)["services"][0]})
    tasks(aws, "STOPPED", *stopped)
    tasks(aws, "RUNNING", *running)
    known = {task["taskArn"]: task for task in (*stopped, *running)}
    aws.on("ecs.DescribeTasks", lambda params: {"tasks": [known[arn] for arn in params["tasks"]]})


@pytest.mark.parametrize(
    ("status", "protection", "words"),
    [
        ("DEACTIVATING", {"protectedTasks": []}, "draining its load balancer connections"),
        ("RUNNING", {"protectedTasks": [{"protectionEnabled": True, "expirationDate": moment(7200)}]}, "protected from scale-in until"),
        ("RUNNING", denied(), "RUNNING; ECS has not stopped it yet"),
    ],
    ids=["draining", "protected", "no permission"],
)  # fmt: skip
def test_a_wait_for_old_tasks_names_them_and_the_reason(
    aws: ScriptedAws, step: Run, status: str, protection: Any, words: str
) -> None:
    """All new tasks run; an old one keeps the deployment from its end, and a timeout says so."""
    old = ecs.task("old", status, task_definition="web:1", started_by="ecs-svc/1")
    world(aws, running=(OURS, old))
    for entry in protection["protectedTasks"] if isinstance(protection, dict) else ():
        entry["taskArn"] = old["taskArn"]
    aws.on("ecs.GetTaskProtection", protection)
    aws.on("ecs.DescribeServices", at(0, services(NEW, OLD)), at(10, services(FULL, OLD)), after="ecs.UpdateService")
    ended = step("deploy", deployment_timeout="10m")
    assert ended.exit_code == 7, ended.log
    assert "1 of 1 running; waiting for 1 of web:1 to stop" in ended.log
    assert "task old of web:1" in ended.log
    assert words in ended.log
    assert "no task stopped by itself" not in ended.log


def test_a_crash_after_a_wait_for_old_tasks_is_the_cause(aws: ScriptedAws, step: Run) -> None:
    """The new task ran for a moment, so the deployment waited for an old one; then it died, and the breaker tripped."""
    old = ecs.task("old", "RUNNING", task_definition="web:1", started_by="ecs-svc/1")
    world(aws, DEAD, running=(OURS, old))
    aws.on("ecs.GetTaskProtection", {"protectedTasks": []})
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1", "nextBackwardToken": "b/1"})
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
    failed = NEW | {"rolloutState": "FAILED", "rolloutStateReason": ecs.BREAKER_TRIPPED, "failedTasks": 3}
    looks = (at(0, services(NEW, OLD)), at(10, services(FULL, OLD)), at(400, services(failed, OLD)))
    aws.on("ecs.DescribeServices", *looks, after="ecs.UpdateService")
    ended = step("deploy")
    assert "task old of web:1" in ended.log
    assert ended.exit_code == 1, ended.log
    assert "Likely cause: container `app` exited with 3" in ended.log


def test_a_success_says_what_died_on_the_way(aws: ScriptedAws, step: Run) -> None:
    """A flaky start is worth a look although the deployment completed."""
    world(aws, DEAD)
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1", "nextBackwardToken": "b/1"})
    looks = (at(0, services(NEW, OLD)), at(8, services(NEW | {"failedTasks": 1}, OLD)), at(40, services(DONE)))
    aws.on("ecs.DescribeServices", *looks, after="ecs.UpdateService")
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "on the way 1 task died: container `app` exited with 3" in ended.summary


def test_tasks_that_died_before_hide_none_of_ours(aws: ScriptedAws, step: Run) -> None:
    """ECS lists stopped tasks for an hour: after a crash loop, more of the earlier revision than ecs-cd reads at once."""
    ended: dict[str, Any] = {
        "containers": [ecs.container(status="STOPPED", exitCode=3)],
        "stopCode": "EssentialContainerExited",
    }
    old = [
        ecs.task(f"old{n}", "STOPPED", task_definition="web:1", started_by="ecs-svc/1", **ended)
        for n in range(pace.MOST_STOPPED_TASKS + 10)
    ]
    dead = ecs.task("dead", "STOPPED", task_definition="web:2", started_by="ecs-svc/2", **ended)
    world(aws, *old, dead)
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1", "nextBackwardToken": "b/1"})
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
    failed = NEW | {"rolloutState": "FAILED", "failedTasks": 3}
    looks = (at(n, services(NEW | {"failedTasks": 1 + n // 60}, OLD)) for n in range(0, 120, 5))
    aws.on("ecs.DescribeServices", *looks, at(120, services(failed, OLD)), after="ecs.UpdateService")
    result = step("deploy")
    assert result.exit_code != 0
    assert "Likely cause: container `app` exited with 3" in result.log


def test_old_tasks_that_can_not_be_listed_are_named_all_the_same(aws: ScriptedAws, step: Run) -> None:
    """DescribeServices counts them."""
    world(aws)
    aws.on("ecs.DescribeServices", at(0, services(NEW, OLD)), at(10, services(FULL, OLD)), after="ecs.UpdateService")
    ended = step("deploy", deployment_timeout="10m")
    assert "old tasks still run: 1 of web:1" in ended.log
    assert "no task stopped by itself" not in ended.log
