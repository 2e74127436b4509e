"""Which dead tasks count."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from ecs_cd.deploy.rules import crashes
from tests.rules.deploy.test_rolling import MINE, NEW, OLD


def test_every_stop_code_counts_or_not() -> None:
    """An upgrade of botocore that brings a new one is noticed here."""
    model: Any = ServiceModel(Loader().load_service_model("ecs", "service-2"))
    assert {code: crashes.crashed({"stopCode": code}) for code in model.shape_for("TaskStopCode").enum} == {
        "TaskFailedToStart": True,
        "EssentialContainerExited": True,
        "ServiceSchedulerInitiated": True,
        "UserInitiated": False,
        "SpotInterruption": False,
        "TerminationNotice": False,
        "InfrastructureHealth": False,
    }


@pytest.mark.parametrize(("desired", "limit"), [(0, 3), (1, 3), (6, 3), (7, 4), (100, 50), (1000, 200)])
def test_without_a_breaker_its_own_rule_is_applied(desired: int, limit: int) -> None:
    """Half the desired count, at least 3, at most 200, as AWS documents its circuit breaker."""
    assert crashes.crash_limit(desired) == limit


@pytest.mark.parametrize(
    ("task", "died"),
    [
        ({}, True),
        ({"taskDefinitionArn": OLD}, False),
        ({"startedBy": "ecs-svc/9"}, False),
        ({"startedBy": "web"}, True),
        ({"lastStatus": "RUNNING"}, False),
        ({"stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Scaling activity initiated by x"}, False),
        ({"stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Task failed ELB health checks"}, True),
    ],
)
def test_a_task_that_died_is_ours_and_stopped_by_itself(task: dict[str, Any], died: bool) -> None:
    """Not an older task, not a task of another deployment of the same revision, and not a task that was scaled in."""
    stopped = {"lastStatus": "STOPPED", "taskDefinitionArn": NEW, "startedBy": "ecs-svc/2", **task}
    assert crashes.died(stopped, MINE) is died
