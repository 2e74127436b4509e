"""What a later step reports and does about tasks and deployments that a killed process left running."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.ci.terminal import Terminal
from ecs_cd.steps import unfinished
from tests.scripted_aws import Clock, Params, ScriptedAws, codedeploy, denied, ecs

TASK = ecs.task("task-1", started_by="ecs-cd/abc")
MISSING = {"tasks": [], "failures": [{"reason": "MISSING"}]}


def said(clock: Clock, capsys: pytest.CaptureFixture[str], **under_way: Any) -> str:
    """The last words about a migration."""
    state = {
        "kind": "task",
        "what": "migration",
        "cluster": ecs.CLUSTER,
        "family": "migration",
        "started_by": "ecs-cd/abc",
        **under_way,
    }
    unfinished.report_or_stop(state, Aws(os.environ), Terminal(), clock)
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_a_known_task_is_named_even_while_ecs_does_not_list_it(
    aws: ScriptedAws, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """DescribeTasks lags behind RunTask; the task exists all the same."""
    aws.on("ecs.DescribeTasks", MISSING)
    words = said(clock, capsys, task=TASK["taskArn"])
    assert f"continues as task {TASK['taskArn']}. A re-run follows it. To stop it: aws ecs stop-task" in words


def test_a_task_that_has_stopped_is_named_with_its_exit_codes(
    aws: ScriptedAws, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """The killed process could not report them any more; nothing is stopped."""
    ends = [ecs.container("app", "STOPPED", exitCode=0), ecs.container("proxy", "STOPPED")]
    aws.on("ecs.DescribeTasks", {"tasks": [{**TASK, "lastStatus": "STOPPED", "containers": ends}]})
    words = said(clock, capsys, task=TASK["taskArn"], on_cancel="stop")
    assert "has already stopped: container `app` exited with 0, container `proxy` never ran" in words


@pytest.mark.parametrize("empty", [0, 2, 5])
def test_a_task_that_is_listed_late_is_found_and_stopped(
    aws: ScriptedAws, clock: Clock, capsys: pytest.CaptureFixture[str], empty: int
) -> None:
    """RunTask's answer never came; the task carries our startedBy."""
    nothing: dict[str, Any] = {"taskArns": []}
    aws.on("ecs.ListTasks", *[nothing] * empty, {"taskArns": [TASK["taskArn"]]})
    aws.on("ecs.DescribeTasks", {"tasks": [TASK]})
    aws.on("ecs.StopTask", {"task": TASK})
    assert "is being stopped" in said(clock, capsys, on_cancel="stop")
    assert aws.count("ecs.StopTask") == 1


def test_a_task_that_nobody_sees_is_not_said_not_to_be(
    aws: ScriptedAws, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log says what to search for."""
    aws.on("ecs.ListTasks", {"taskArns": []})
    assert "its startedBy is ecs-cd/abc" in said(clock, capsys)


def test_no_permission_is_said_with_what_it_was_about(
    aws: ScriptedAws, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last word is never a traceback."""
    aws.on("ecs.ListTasks", denied())
    assert "can't find out what became of ecs-cd/abc" in said(clock, capsys)


def test_a_task_that_carries_the_callers_own_name_is_not_looked_for(
    aws: ScriptedAws, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another job's task may have the same name, so ecs-cd adopts none."""
    assert "its startedBy is GitHub-Actions" in said(clock, capsys, started_by="GitHub-Actions", on_cancel="stop")
    assert aws.calls == []


# ---- deployments ----


def left(clock: Clock, capsys: pytest.CaptureFixture[str], on_cancel: str, **more: Any) -> str:
    """The last words about a rolling update from web:1 to web:2."""
    entry = {
        "strategy": "ROLLING",
        "cluster": ecs.CLUSTER,
        "service": "web",
        "task_definition": ecs.task_definition_arn("web:2"),
        "previous_task_definition": ecs.task_definition_arn("web:1"),
        "id": "ecs-svc/2",
        **more,
    }
    state = {"kind": "deployment", "on_cancel": on_cancel, "deployments": [entry]}
    unfinished.report_or_stop(state, Aws(os.environ), Terminal(), clock)
    captured = capsys.readouterr()
    return captured.out + captured.err


OURS = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")
THEIRS = ecs.deployment("ecs-svc/9", task_definition="web:7", rollout_state="IN_PROGRESS")


def service(aws: ScriptedAws, *deployments: Params) -> None:
    aws.on("ecs.DescribeServices", {"services": [ecs.service(deployments=deployments)]})
    aws.on("ecs.UpdateService", {"service": ecs.service()})


def test_a_deployment_is_left_unless_it_is_to_be_stopped(
    aws: ScriptedAws, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named with its state."""
    service(aws, OURS)
    words = left(clock, capsys, "leave")
    assert "deployment ecs-svc/2 of service web to web:2 is IN_PROGRESS; ECS continues it" in words
    assert aws.count("ecs.UpdateService") == 0


def test_a_stopped_rolling_update_goes_back_to_what_ran_before(
    aws: ScriptedAws, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """One UpdateService with the previous revision."""
    service(aws, OURS)
    assert "service web goes back to web:1 (on-cancel: stop)" in left(clock, capsys, "stop")
    (call,) = (c for c in aws.calls if c.operation == "ecs.UpdateService")
    assert call.params["taskDefinition"] == ecs.task_definition_arn("web:1")


@pytest.mark.parametrize(
    ("current", "more", "words"),
    [
        (THEIRS, {}, "is moving to web:7; nothing was stopped"),
        (OURS, {"previous_task_definition": None}, "ran nothing before web:2 to go back to"),
        (OURS | {"rolloutState": "COMPLETED"}, {}, "is COMPLETED; nothing was stopped"),
    ],
)
def test_only_what_is_ours_and_under_way_is_stopped(
    aws: ScriptedAws, clock: Clock, capsys: pytest.CaptureFixture[str], current: Params, more: Params, words: str
) -> None:
    """Other users' deployments and ended ones stay; without a previous revision there is no way back."""
    service(aws, current)
    assert words in left(clock, capsys, "stop", **more)
    assert aws.count("ecs.UpdateService") == 0


def test_of_several_deployments_one_that_can_not_be_read_hides_none(
    aws: ScriptedAws, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has its own last word."""
    service(aws, OURS)
    aws.on("ecs.DescribeServices", denied(), where={"services": ["worker"]})
    entries = [
        {
            "strategy": "ROLLING",
            "cluster": ecs.CLUSTER,
            "service": name,
            "id": "",
            "task_definition": OURS["taskDefinition"],
        }
        for name in ("worker", "web")
    ]
    state = {"kind": "deployment", "on_cancel": "leave", "deployments": entries}
    assert not unfinished.report_or_stop(state, Aws(os.environ), Terminal(), clock)
    captured = capsys.readouterr()
    assert "can't find out what became of service worker" in captured.err
    assert "deployment ecs-svc/2 of service web" in captured.out


def test_the_way_back_is_never_stopped(aws: ScriptedAws, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """To stop it would bring back what failed."""
    back = ecs.deployment("ecs-svc/3", task_definition="web:1", rollout_state="IN_PROGRESS")
    service(aws, back)
    words = left(clock, capsys, "stop", back_to=ecs.task_definition_arn("web:1"))
    assert "deployment ecs-svc/3 of service web back to web:1 is IN_PROGRESS; ECS continues it" in words
    assert aws.count("ecs.UpdateService") == 0


@pytest.mark.parametrize(
    ("services", "more", "words"),
    [
        ([], {}, "ECS does not list service web; if it exists, the deployment to web:2 continues"),
        ([ecs.service(deployments=[OURS | {"rolloutState": "COMPLETED"}])], {}, "to web:2 is COMPLETED\n"),
        ([codedeploy.service()], {"id": "d-NEW"}, "CodeDeploy continues deployment d-NEW of service web to web:2"),
        (
            [codedeploy.service(codedeploy.task_set(), codedeploy.task_set("ACTIVE", "web:2", "d-NEW"))],
            {"id": ""},
            "CodeDeploy continues deployment d-NEW of service web to web:2",
        ),
        (
            [codedeploy.service()],
            {"id": ""},
            "no deployment of service web to web:2 is visible; if CreateDeployment succeeded",
        ),
    ],
)
def test_no_more_is_said_than_is_known(
    aws: ScriptedAws,
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
    services: list[Params],
    more: Params,
    words: str,
) -> None:
    """Nothing that is gone or done is still running; a deployment that ECS does not list has no name."""
    aws.on("ecs.DescribeServices", {"services": services})
    kind = {"strategy": "CODE_DEPLOY"} if "id" in more else {}
    assert words in left(clock, capsys, "leave", **kind, **more)


def test_of_a_hundred_deployments_each_is_told_in_order(
    aws: ScriptedAws, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first as annotations, of which GitHub shows ten."""
    names = [f"s{number}" for number in range(100)]
    found = [ecs.service(name, deployments=[OURS]) for name in names]
    aws.on("ecs.DescribeServices", ecs.described("services", *found))
    entry = {"strategy": "ROLLING", "cluster": ecs.CLUSTER, "id": "", "task_definition": OURS["taskDefinition"]}
    state = {"kind": "deployment", "deployments": [{**entry, "service": name} for name in names]}
    assert unfinished.report_or_stop(state, Aws(os.environ), Terminal(), clock)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" of service ")[2].split()[0] for line in lines] == names
    assert sum(line.startswith("warning: ") for line in lines) <= 10
