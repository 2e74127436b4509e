"""The end of a deployment, against the scripted AWS with a virtual clock."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.model.errors import Refused
from ecs_cd.model.verdict import Outcome, Verdict
from tests.machine.local.codepipeline.actions.conftest import NEW, OLD, Site
from tests.scripted_aws import at, denied, throttled
from tests.scripted_aws.ecs import deployment, rolling_back, service, task

DONE = deployment("ecs-svc/2", "PRIMARY", "web:2", created=1)
FAILED = deployment("ecs-svc/2", "ACTIVE", "web:2", "FAILED", created=1, desired=0)
NO_BREAKER: dict[str, Any] = {"deploymentConfiguration": {"maximumPercent": 200, "minimumHealthyPercent": 100}}


def test_it_waits_until_the_deployment_is_completed(site: Site) -> None:
    """All tasks run, and ECS says so; a look that fails for a moment changes nothing."""
    site.shows((0, service(deployments=[NEW, OLD])), (20, throttled()), (40, service(deployments=[DONE])))
    assert site.deploy().outcome is Outcome.SUCCEEDED
    assert site.clock.monotonic() < 42


def test_a_rollback_by_the_circuit_breaker_is_waited_for(site: Site) -> None:
    """Then the service is at rest when the next execution comes; the reason is ECS's."""
    back = deployment("ecs-svc/3", "PRIMARY", "web:1", "IN_PROGRESS", rolling_back("ecs-svc/1"), created=30)
    again = deployment("ecs-svc/3", "PRIMARY", "web:1", "COMPLETED", rolling_back("ecs-svc/1"), created=30)
    site.shows(
        (0, service(deployments=[NEW, OLD])),
        (30, service(deployments=[back, FAILED, OLD])),
        (50, service(deployments=[again, FAILED])),
    )
    found = site.deploy()
    assert found.outcome is Outcome.ROLLED_BACK and "tasks failed to start" in found.message
    assert 50 <= site.clock.monotonic() < 52


def test_without_a_circuit_breaker_dying_tasks_are_a_failure(site: Site) -> None:
    """ECS starts them again forever; AWS's own action waits for its timeout."""
    died = [
        task(f"t{number}", "STOPPED", task_definition="web:2", stopCode="EssentialContainerExited")
        for number in range(3)
    ]
    site.shows((0, service(deployments=[NEW, OLD], **NO_BREAKER)))
    site.aws.on("ecs.ListTasks", at(0, {"taskArns": []}), at(20, {"taskArns": [each["taskArn"] for each in died]}))
    site.aws.on("ecs.DescribeTasks", {"tasks": died})
    found = site.deploy()
    assert found.outcome is Outcome.FAILED and "3 tasks died and none runs" in found.message


def test_the_timeout_is_an_end(site: Site) -> None:
    """In minutes, as DeploymentTimeout states it."""
    site.shows((0, service(deployments=[NEW, OLD])))
    found = site.deploy(minutes=5)
    assert found == Verdict(Outcome.TIMED_OUT, "the deployment of web has not ended after 5 minutes")
    assert 300 <= site.clock.monotonic() < 302


def test_another_deployment_in_its_place_is_a_failure(site: Site) -> None:
    """It is no longer this action's deployment that runs."""
    other = deployment("ecs-svc/4", "PRIMARY", "web:3", "IN_PROGRESS", created=10)
    site.shows((0, service(deployments=[NEW, OLD])), (10, service(deployments=[other, NEW | {"status": "ACTIVE"}])))
    assert site.deploy().outcome is Outcome.SUPERSEDED


def test_the_end_of_the_process_ends_the_wait(site: Site) -> None:
    """The deployment itself goes on."""
    site.shows((0, service(deployments=[NEW, OLD])))
    site.world.ending.set()
    with pytest.raises(Refused, match="the local CodePipeline ends"):
        site.deploy()


def test_an_error_that_stays_is_an_end(site: Site) -> None:
    """It fails the action with AWS's words."""
    site.aws.on("ecs.DescribeServices", denied())
    with pytest.raises(Exception, match="AccessDenied"):
        site.deploy()
