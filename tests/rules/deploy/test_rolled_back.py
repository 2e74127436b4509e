"""What a rollback is worth, by the tasks that run after it."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.deploy.rules import rolled_back
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.model.verdict import Outcome, Verdict
from tests.scripted_aws import ecs

OWN = OwnDeployment(Strategy.ROLLING, "ecs-svc/2", ecs.task_definition_arn("web:2"), ecs.task_definition_arn("web:1"))
REPORTED = Verdict(Outcome.ROLLED_BACK, "ECS rolled back to web:1")


def service(revision: str, running: int, desired: int = 3) -> dict[str, Any]:
    return ecs.service(deployments=[ecs.deployment(task_definition=revision, running=running)], desired=desired)


@pytest.mark.parametrize(
    ("seen", "late", "expected"),
    [
        (service("web:1", 2), False, Verdict(Outcome.ROLLED_BACK, "ECS rolled back to web:1; 2 of 3 running")),
        (service("web:1", 0, 0), False, Verdict(Outcome.ROLLED_BACK, "ECS rolled back to web:1; 0 of 0 running")),
        (service("web:1", 0), False, None),
        (
            service("web:1", 0),
            True,
            Verdict(Outcome.ROLLBACK_FAILED, "0 of 3 running 1 min after the rollback: ECS rolled back to web:1"),
        ),
        (
            service("web:9", 0),
            False,
            Verdict(Outcome.ROLLED_BACK, "ECS rolled back to web:1; then deployment ecs-svc/1 (web:9) replaced it"),
        ),
        (None, True, None),
    ],
)
def test_a_rollback_needs_a_running_task(seen: dict[str, Any] | None, late: bool, expected: Verdict | None) -> None:
    """None at all for a minute is a failed rollback, unless none is wanted or another deployment came."""
    assert rolled_back.judge(OWN, REPORTED, seen, late=late) == expected
