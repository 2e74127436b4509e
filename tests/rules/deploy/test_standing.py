"""Whether a service still runs our deployment: ids decide, never revisions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ecs_cd.deploy.rules import standing
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.model.lifecycle import Strategy
from tests.scripted_aws import codedeploy, ecs, moment

OLD, NEW = (ecs.task_definition_arn(f"web:{number}") for number in (1, 2))
ROLLING = OwnDeployment(Strategy.ROLLING, "ecs-svc/2", NEW, OLD, "ecs-svc/1", "ecs-svc/2", moment(10))
BLUE_GREEN = replace(ROLLING, strategy=Strategy.BLUE_GREEN, id="arn:aws:ecs:r:1:service-deployment/c/web/2")
CODEDEPLOY = OwnDeployment(Strategy.CODE_DEPLOY, "d-NEW", NEW, OLD, "ecs-svc/d-OLD", "ecs-svc/d-NEW")
THERE = OwnDeployment(Strategy.ROLLING, "", NEW, OLD)


def rolling(id: str, revision: str, created: float, **more: Any) -> dict[str, Any]:
    return ecs.service(deployments=[ecs.deployment(id, task_definition=revision, created=created, **more)])


def task_set(revision: str, deployment: str) -> dict[str, Any]:
    return codedeploy.service(codedeploy.task_set("PRIMARY", revision, deployment))


@pytest.mark.parametrize(
    ("own", "service", "expected"),
    [
        (ROLLING, rolling("ecs-svc/2", "web:2", 10), ""),
        (ROLLING, rolling("ecs-svc/9", "web:9", 20), "deployment ecs-svc/9 (web:9)"),
        (ROLLING, rolling("ecs-svc/9", "web:2", 20), "deployment ecs-svc/9 (web:2)"),
        (ROLLING, rolling("ecs-svc/9", "web:1", 20), "deployment ecs-svc/9 (web:1)"),
        (ROLLING, rolling("ecs-svc/1", "web:1", 0), ""),
        (ROLLING, rolling("ecs-svc/0", "web:1", 5), ""),
        (ROLLING, ecs.service(deployments=[]), ""),
        (BLUE_GREEN, rolling("ecs-svc/2", "web:2", 10), ""),
        (BLUE_GREEN, rolling("ecs-svc/9", "web:2", 20), "deployment ecs-svc/9 (web:2)"),
        (replace(BLUE_GREEN, started_by=""), rolling("ecs-svc/9", "web:9", 20), ""),
        (CODEDEPLOY, task_set("web:2", "d-NEW"), ""),
        (CODEDEPLOY, task_set("web:1", "d-OLD"), ""),
        (CODEDEPLOY, task_set("web:2", "d-9"), "deployment d-9 (web:2)"),
        (THERE, rolling("ecs-svc/9", "web:2", 20), ""),
        (THERE, rolling("ecs-svc/9", "web:9", 20), "deployment ecs-svc/9 (web:9)"),
    ],
)
def test_another_primary_replaced_ours_unless_it_is_older(
    own: OwnDeployment, service: dict[str, Any], expected: str
) -> None:
    """A stale answer shows what ran before; what has no id yet is told by its revision."""
    assert standing.replaced_by(own, service) == expected


@pytest.mark.parametrize(
    ("service", "steady"),
    [
        (rolling("ecs-svc/2", "web:2", 0, desired=3, running=1), False),
        (rolling("ecs-svc/2", "web:2", 0, desired=3, running=3), True),
        (rolling("ecs-svc/2", "web:2", 0, desired=3, running=4), True),
        (rolling("ecs-svc/2", "web:2", 0, desired=0), True),
        (codedeploy.service(codedeploy.task_set(computedDesiredCount=2, runningCount=1)), False),
        (codedeploy.service(codedeploy.task_set(computedDesiredCount=2, runningCount=2)), True),
        (ecs.service(deployments=[]), True),
    ],
)
def test_a_service_is_steady_when_all_its_tasks_run(service: dict[str, Any], steady: bool) -> None:
    """By the counts of the PRIMARY alone."""
    assert standing.is_steady(service) is steady


def test_the_tasks_of_a_revision_are_counted_whatever_the_state_of_its_deployment() -> None:
    """During a rollback the old revision's deployment may be ACTIVE; without a revision the whole service counts."""
    new = ecs.deployment("ecs-svc/2", task_definition="web:2", running=0)
    service = ecs.service(deployments=[new, ecs.deployment(status="ACTIVE", running=2)], desired=3)
    assert standing.counts(service, OLD) == (2, 3)
    assert standing.counts(service, ecs.task_definition_arn("web:9")) == (0, 3)
    assert standing.counts(service, None) == (2, 3)


@pytest.mark.parametrize(
    ("own", "service", "lags"),
    [
        (ROLLING, rolling("ecs-svc/1", "web:1", 0), True),
        (ROLLING, rolling("ecs-svc/2", "web:2", 10), False),
        (ROLLING, rolling("ecs-svc/9", "web:9", 20), False),
        (CODEDEPLOY, task_set("web:1", "d-OLD"), True),
        (
            CODEDEPLOY,
            codedeploy.service(codedeploy.task_set(), codedeploy.task_set("ACTIVE", "web:2", "d-NEW")),
            False,
        ),
    ],
)
def test_an_answer_from_before_our_deployment_does_not_list_it(
    own: OwnDeployment, service: dict[str, Any], lags: bool
) -> None:
    """Its PRIMARY is older; a later one is no lag."""
    assert standing.lags(own, service) is lags
