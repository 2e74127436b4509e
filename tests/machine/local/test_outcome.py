"""What runs after a local run: services that don't stay up."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.local import outcome
from ecs_cd.local.place import Stack
from tests.scripted_aws import Clock, Params, ScriptedAws, ecs, moment

STACK = Stack("my-cluster", {"web": "web"}, {}, {}, [], {}, {}, {})
SINCE = moment(100).timestamp()
RUNS = ecs.task("runs", containers=[{**ecs.container(), "image": "my-app:1"}])
CRASHED = "container `app` exited with 1: KeyError: 'KEY'"


def ended(**more: Any) -> Params:
    """A task whose container has exited with 1."""
    containers = [ecs.container(status="STOPPED", exitCode=1)]
    told = {"stopCode": "EssentialContainerExited", "stoppedReason": "Essential container exited"}
    return ecs.task("dead", "STOPPED", containers=containers, **{**told, "stoppedAt": moment(130), **more})


@pytest.mark.parametrize(
    ("stopped", "failing"),
    [
        ([], []),
        ([ended()], ["web"]),
        ([ended(stoppedAt=moment(50))], []),
        ([ended(task_definition="web:0")], []),
        ([ended(stopCode="ServiceSchedulerInitiated")], []),
    ],
    ids=["none", "crashed", "before", "an earlier revision", "scaled in"],
)
def test_a_task_that_ends_by_itself_is_no_success(
    monkeypatch: pytest.MonkeyPatch, stopped: list[Params], failing: list[str]
) -> None:
    """ministack calls a deployment complete although its containers end at once."""
    said: list[str] = []
    with ScriptedAws(Clock()) as aws:
        aws.use(monkeypatch)
        for status, there in (("RUNNING", [RUNS]), ("STOPPED", stopped)):
            arns = [task["taskArn"] for task in there]
            aws.on("ecs.ListTasks", {"taskArns": arns}, where={"desiredStatus": status})
        known = {task["taskArn"]: task for task in [RUNS, *stopped]}
        aws.on("ecs.DescribeTasks", lambda params: {"tasks": [known[arn] for arn in params["tasks"]]})
        aws.on("ecs.DescribeServices", {"services": [ecs.service()]})
        options = {"awslogs-group": "/ecs/web", "awslogs-stream-prefix": "ecs", "awslogs-region": "us-east-1"}
        container = {"name": "app", "logConfiguration": {"logDriver": "awslogs", "options": options}}
        definition = {
            "taskDefinition": {"taskDefinitionArn": RUNS["taskDefinitionArn"], "containerDefinitions": [container]}
        }
        aws.on("ecs.DescribeTaskDefinition", definition)
        log = {"events": [{"message": "KeyError: 'KEY'"}], "nextForwardToken": "f/1", "nextBackwardToken": "b/1"}
        aws.on("logs.GetLogEvents", log)
        assert outcome.show(STACK, Aws(os.environ), SINCE, said.append) == failing
    assert any(CRASHED in line for line in said) == bool(failing)
