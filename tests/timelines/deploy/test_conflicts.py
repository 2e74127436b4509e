"""Another deployment of the service, which ours has to wait for or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import Params, ScriptedAws, at, blue_green, codedeploy, ecs, moment
from tests.timelines.conftest import Step
from tests.timelines.deploy.test_faults import CODEDEPLOY, build

Run = Callable[..., Step]

OLD = ecs.deployment("ecs-svc/7", "ACTIVE", "web:7", desired=2, running=2, created=-90000)
CRASHING = ecs.deployment(
    "ecs-svc/8", "PRIMARY", "web:8", "IN_PROGRESS", desired=2, running=0, pending=1, failed=0, created=-3600
)
NEW = ecs.deployment("ecs-svc/9", "PRIMARY", "web:2", "IN_PROGRESS", desired=2)
DONE = ecs.deployment("ecs-svc/9", "PRIMARY", "web:2", desired=2)


def services(*deployments: Params, breaker: bool) -> Params:
    rule = {"deploymentCircuitBreaker": {"enable": breaker, "rollback": breaker}}
    return {"services": [ecs.service(deployments=deployments, desired=2, deploymentConfiguration=rule)]}


def tasks(aws: ScriptedAws, status: str, *there: Params) -> None:
    arns = [task["taskArn"] for task in there]
    aws.on("ecs.ListTasks", {"taskArns": arns}, where={"desiredStatus": status})
    if there:
        aws.on("ecs.DescribeTasks", ecs.described("tasks", *there), where={"tasks": arns})


def dead(number: int, started_by: str = "ecs-svc/8", **more: Any) -> list[Params]:
    ended: Params = {"stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited"}
    container = ecs.container(status="STOPPED", exitCode=1)
    return [
        ecs.task(
            f"dead{n}",
            "STOPPED",
            containers=[container],
            task_definition="web:8",
            started_by=started_by,
            **ended | more,
        )
        for n in range(number)
    ]


def crash_loop(aws: ScriptedAws, *stopped: Params, breaker: bool, **counts: int) -> None:
    """Another deployment whose failedTasks stays 0; ours then completes."""
    aws.on("ecs.DescribeServices", services({**CRASHING, **counts}, OLD, breaker=breaker))
    aws.on("ecs.UpdateService", {"service": services(NEW, OLD, breaker=breaker)["services"][0]})
    aws.on("ecs.DescribeServices", services(DONE, breaker=breaker), after="ecs.UpdateService")
    tasks(aws, "STOPPED", *stopped)
    tasks(aws, "RUNNING", ecs.task(task_definition="web:2", started_by="ecs-svc/9"))


@pytest.mark.parametrize(("deaths", "breaker"), [(3, False), (20, False), (6, True)])
def test_a_fix_is_not_blocked_by_the_crash_loop_that_it_fixes(
    aws: ScriptedAws, step: Run, deaths: int, breaker: bool
) -> None:
    """ECS resets failedTasks once a task has run, and a breaker counts no more: the stopped tasks show the loop."""
    crash_loop(aws, *dead(deaths), breaker=breaker)
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert next(call.time for call in aws.calls if call.operation == "ecs.UpdateService") < 5


@pytest.mark.parametrize(("deaths", "ends"), [(6, 0), (5, 7)], ids=["twice the limit", "fewer"])
def test_tasks_that_run_until_a_health_check_fails_block_no_fix(
    aws: ScriptedAws, step: Run, deaths: int, ends: int
) -> None:
    """One of two tasks runs at each look, and ECS counts no failure."""
    stopped = dead(deaths, stoppedReason="Task failed ELB health checks")
    crash_loop(aws, *stopped, breaker=True, runningCount=1, pendingCount=1)
    assert step("deploy", deployment_timeout="2m").exit_code == ends


@pytest.mark.parametrize(
    ("stopped", "breaker"),
    [
        (dead(2), False),
        (dead(5), True),
        (dead(9, started_by="ecs-svc/7"), False),
        (dead(9, stopCode="UserInitiated"), False),
        (
            dead(9, stopCode="ServiceSchedulerInitiated", stoppedReason="Scaling activity initiated by deployment x"),
            False,
        ),
    ],
    ids=["too few", "too few for a breaker", "of an earlier deployment", "stopped by a user", "scaled in"],
)
def test_what_is_no_crash_loop_is_waited_for(aws: ScriptedAws, step: Run, stopped: list[Params], breaker: bool) -> None:
    """Only tasks of that deployment that ended by themselves count, as for ours."""
    crash_loop(aws, *stopped, breaker=breaker)
    ended = step("deploy", deployment_timeout="2m")
    assert ended.exit_code == 7, ended.log
    assert aws.count("ecs.UpdateService") == 0


def test_a_deployment_that_waits_for_an_approval_is_not_waited_for(aws: ScriptedAws, step: Run) -> None:
    """A pause may last 14 days: the job ends at once, and the error says where, until when, and what ends the pause."""
    hook = blue_green.hook(expiresAt=moment(14 * 86400), timeoutAction="ROLLBACK")
    theirs = blue_green.service_deployment("7", stage="POST_TEST_TRAFFIC_SHIFT", created=-3600, hooks=[hook])
    aws.on("ecs.DescribeServices", {"services": [blue_green.service()]})
    aws.on("ecs.ListServiceDeployments", blue_green.listed(theirs))
    aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
    aws.on("ecs.DescribeServiceDeployments", blue_green.described(theirs))
    ended = step("deploy")
    assert ended.exit_code == 2, ended.log
    assert "is AWAITING_ACTION until" in ended.log
    assert "`ecs-cd continue`" in ended.log
    assert aws.count("ecs.RegisterTaskDefinition") == 0


def test_a_ready_codedeploy_deployment_is_not_waited_for(aws: ScriptedAws, step: Run) -> None:
    """It waits for `Reroute traffic`, perhaps for hours."""
    build(CODEDEPLOY, aws)
    theirs = codedeploy.deployment("d-THEIRS", status="Ready", task_definition="web:9")
    aws.on("codedeploy.ListDeployments", {"deployments": ["d-THEIRS"]})
    aws.on("codedeploy.BatchGetDeployments", codedeploy.described(theirs))
    ended = step("deploy")
    assert ended.exit_code == 2, ended.log
    assert "deployment d-THEIRS" in ended.log
    assert "it waits for an approval: `ecs-cd continue`" in ended.log
    assert aws.count("codedeploy.CreateDeployment") == 0


@pytest.mark.parametrize("how", ["fail", "supersede"])
def test_on_conflict_decides_about_a_paused_deployment_too(aws: ScriptedAws, step: Run, how: str) -> None:
    """fail refuses with the other deployment's name; supersede starts ours."""
    theirs = blue_green.service_deployment(
        "7", stage="POST_TEST_TRAFFIC_SHIFT", created=-3600, hooks=[blue_green.hook()]
    )
    ours = blue_green.service_deployment(created=1)
    aws.on("ecs.DescribeServices", {"services": [blue_green.service()]})
    aws.on("ecs.ListServiceDeployments", blue_green.listed(theirs))
    aws.on("ecs.ListServiceDeployments", blue_green.listed(ours), after="ecs.UpdateService")
    aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
    aws.on("ecs.DescribeServiceDeployments", blue_green.described(theirs))
    done = at(4, blue_green.described(ours | {"status": "SUCCESSFUL"}))
    aws.on("ecs.DescribeServiceDeployments", at(0, blue_green.described(ours)), done, after="ecs.UpdateService")
    aws.on("ecs.UpdateService", {"service": blue_green.service(deployments=[NEW, OLD])})
    tasks(aws, "STOPPED")
    tasks(aws, "RUNNING", ecs.task(task_definition="web:2", started_by="ecs-svc/9"))
    ended = step("deploy", on_conflict=how)
    assert ended.exit_code == {"fail": 2, "supersede": 0}[how], ended.log
    assert "service deployment 7" in ended.log
    assert aws.count("ecs.StopServiceDeployment") == aws.count("ecs.ContinueServiceDeployment") == 0
