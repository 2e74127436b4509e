"""Why tasks of earlier revisions still run."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.diagnosis import old_tasks

NEW, OLD = "arn:aws:ecs:r:1:task-definition/web:2", "arn:aws:ecs:r:1:task-definition/web:1"


def task(name: str, status: str = "RUNNING", definition: str = OLD) -> dict[str, Any]:
    return {"taskArn": f"arn:aws:ecs:r:1:task/c/{name}", "lastStatus": status, "taskDefinitionArn": definition}


def test_only_tasks_of_other_revisions_that_have_not_stopped_count() -> None:
    """What has stopped, and what is ours, holds nothing up."""
    tasks = [task("a"), task("b", "STOPPED"), task("c", definition=NEW), task("d", "DEACTIVATING")]
    assert [each["taskArn"][-1] for each in old_tasks.of_earlier(tasks, NEW)] == ["a", "d"]


@pytest.mark.parametrize(
    ("status", "protected", "line", "step"),
    [
        ("DEACTIVATING", False, "draining its load balancer connections", "deregistration delay"),
        ("STOPPING", False, "stopping", "`stopTimeout`"),
        ("DEPROVISIONING", False, "releasing its network", ""),
        ("RUNNING", True, "protected from scale-in until tomorrow", "UpdateTaskProtection"),
        ("RUNNING", False, "RUNNING; ECS has not stopped it yet", ""),
    ],
)
def test_each_state_has_its_reason_and_its_next_step(status: str, protected: bool, line: str, step: str) -> None:
    """The line names the task and its revision."""
    until = {"arn:aws:ecs:r:1:task/c/a": "tomorrow"} if protected else {}
    found = old_tasks.finding([task("a", status)], until)
    assert found is not None
    assert found.cause == "a task of an earlier revision still runs"
    assert found.evidence == (f"task a of web:1: {found.evidence[0].partition(': ')[2]}",)
    assert line in found.evidence[0]
    assert step in found.next_step
    assert bool(step) == bool(found.next_step)


def test_several_tasks_are_one_finding() -> None:
    """With a line each, and each next step once."""
    found = old_tasks.finding([task("a", "STOPPING"), task("b", "STOPPING")], {})
    assert found is not None
    assert found.cause == "2 tasks of earlier revisions still run"
    assert len(found.evidence) == 2
    assert found.next_step.count("stopTimeout") == 1
    assert old_tasks.finding([], {}) is None
