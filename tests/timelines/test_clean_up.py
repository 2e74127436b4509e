"""What a later step says of a migration whose process was killed."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ecs_cd import clean_up
from ecs_cd.aws.session import Aws
from ecs_cd.ci.terminal import Terminal
from tests.scripted_aws import Clock, ScriptedAws, denied, ecs

TASK = ecs.task("task-1", started_by="ecs-cd/abc")
MISSING = {"tasks": [], "failures": [{"reason": "MISSING"}]}


def said(clock: Clock, capsys: pytest.CaptureFixture[str], **under_way: Any) -> str:
    """The last words about a migration."""
    state = {
        "kind": "migration",
        "cluster": ecs.CLUSTER,
        "family": "migration",
        "started_by": "ecs-cd/abc",
        **under_way,
    }
    clean_up.settle(state, Aws(os.environ), Terminal(), clock)
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_a_known_task_is_named_even_while_ecs_does_not_list_it(
    aws: ScriptedAws, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """DescribeTasks lags behind RunTask; the task is there all the same."""
    aws.on("ecs.DescribeTasks", MISSING)
    assert f"goes on as task {TASK['taskArn']}" in said(clock, capsys, task=TASK["taskArn"])


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
    """What to look for is named."""
    aws.on("ecs.ListTasks", {"taskArns": []})
    assert "its startedBy is ecs-cd/abc" in said(clock, capsys)


def test_no_permission_is_said_with_what_it_was_about(
    aws: ScriptedAws, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last word is never a traceback."""
    aws.on("ecs.ListTasks", denied())
    assert "what became of ecs-cd/abc could not be found out" in said(clock, capsys)
