"""Templates of the document's entries: what a service runs now."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import Clock, Params, ScriptedAws, ecs, error
from tests.scripted_aws.fleet import COMPLETES, Fleet
from tests.scripted_aws.registry import Registry
from tests.timelines.conftest import DOCUMENT, REPOSITORY, Step

Run = Callable[..., Step]


@pytest.fixture
def registry(aws: ScriptedAws, clock: Clock) -> Registry:
    """An AWS whose service runs web:1, while web:2, with another memory, is the family's newest revision."""
    Fleet(clock, {"web": COMPLETES}).script(aws)
    registry = Registry().script(aws)
    registry.of("web").append({**ecs.task_definition("web", 2), "memory": "1024"})
    return registry


def document(aws: ScriptedAws, template: str = "service:web", **changes: Any) -> None:
    services = {"web": {"task-definition": template, "containers": {"app": "app"}}}
    content = {"cluster": ecs.CLUSTER, "images": DOCUMENT["images"], "services": services, **changes}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(content), "Version": 1}})


def sent(aws: ScriptedAws) -> list[Params]:
    """What was registered."""
    return [call.params for call in aws.calls if call.operation == "ecs.RegisterTaskDefinition"]


def test_the_template_is_what_the_service_runs_not_the_newest_revision(
    aws: ScriptedAws, step: Run, registry: Registry
) -> None:
    """As with DescribeServices and then DescribeTaskDefinition; the log says which."""
    document(aws)
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "services.web: the template is web:1, which web runs now" in ended.log
    (registered,) = sent(aws)
    assert registered["memory"] == "512"
    assert registered["containerDefinitions"][0]["image"].startswith(REPOSITORY)
    assert ended.outputs["task-definition-arn"] == ecs.task_definition_arn("web:3")


def test_a_second_deployment_starts_from_the_first(aws: ScriptedAws, step: Run, registry: Registry) -> None:
    """The same commit registers nothing, and the workflow's variables are replaced."""
    document(aws)
    assert step("deploy", environment_variables="A=1\nB=1").exit_code == 0
    assert step("deploy", environment_variables="A=1\nB=1").exit_code == 0
    assert len(registry.of("web")) == 3
    assert step("deploy", environment_variables="A=2").exit_code == 0
    assert registry.environment("web") == {"A": "2"}


def test_a_migration_can_run_what_the_service_runs(aws: ScriptedAws, step: Run, registry: Registry) -> None:
    """With its own command, in a revision of the service's family."""
    document(aws, migration={"task-definition": "service:web", "container": "app", "command": ["migrate"]})
    ended = ecs.task(
        "task-1",
        "STOPPED",
        task_definition="web:3",
        stopCode="EssentialContainerExited",
        containers=[ecs.container(status="STOPPED", exitCode=0)],
    )
    aws.on("ecs.RunTask", ecs.RunTask())
    aws.on("ecs.DescribeTasks", {"tasks": [ended]})
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1"})
    found = step("migrate")
    assert found.exit_code == 0, found.log
    assert "migration: the template is web:1, which web runs now" in found.log
    (registered,) = sent(aws)
    assert (registered["family"], registered["memory"]) == ("web", "512")


def test_under_codedeploy_the_primary_task_set_is_what_runs(aws: ScriptedAws, step: Run, registry: Registry) -> None:
    """Such a service has no deployments; here it goes no further than to its missing deployment group."""
    document(aws)
    task_set = {"status": "PRIMARY", "taskDefinition": ecs.task_definition_arn("web:1")}
    service = ecs.service(deployments=[], deploymentController={"type": "CODE_DEPLOY"}, taskSets=[task_set])
    aws.on("ecs.DescribeServices", {"services": [service]})
    aws.on("codedeploy.GetDeploymentGroup", error("DeploymentGroupDoesNotExistException", "no"))
    ended = step("deploy", dry_run="true")
    assert "services.web: the template is web:1, which web runs now" in ended.log


def test_a_service_that_runs_nothing_is_no_template(aws: ScriptedAws, step: Run, registry: Registry) -> None:
    """Refused before anything changes, with what to do."""
    document(aws)
    aws.on("ecs.DescribeServices", {"services": [ecs.service(deployments=[])]})
    ended = step("deploy")
    assert ended.exit_code == 2
    assert "services.web.task-definition: the service web runs no task definition" in ended.log
    assert sent(aws) == []


def test_a_service_that_is_not_there_is_reported_once(aws: ScriptedAws, step: Run, registry: Registry) -> None:
    """The template and the deployment look for the same service."""
    document(aws)
    aws.on("ecs.DescribeServices", {"services": [], "failures": [{"arn": "arn:x", "reason": "MISSING"}]})
    ended = step("deploy")
    assert ended.exit_code == 2
    assert ended.log.count("the ECS service web of cluster my-cluster is not there") == 1
