"""The input environment-variables with a document: in the revisions of the migration and of the services."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ecs_cd.tasks.rules.environment import LABEL
from tests.scripted_aws import Clock, ScriptedAws, ecs
from tests.scripted_aws.fleet import COMPLETES, Fleet
from tests.scripted_aws.registry import Registry
from tests.timelines.conftest import DOCUMENT, REPOSITORY, Step

Run = Callable[..., Step]


@pytest.fixture
def registry(aws: ScriptedAws, clock: Clock) -> Registry:
    """An AWS whose services complete, and whose migration succeeds at once."""
    Fleet(clock, {"web": COMPLETES, "worker": COMPLETES}).script(aws)
    registry = Registry({"DATABASE": "infra"}).script(aws)
    aws.on("ecs.RunTask", ecs.RunTask())
    ended = ecs.task(
        "task-1",
        "STOPPED",
        task_definition="migration:2",
        stopCode="EssentialContainerExited",
        containers=[ecs.container(status="STOPPED", exitCode=0)],
    )
    aws.on("ecs.DescribeTasks", {"tasks": [ended]}, where={"tasks": [ended["taskArn"]]})
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1"})
    return registry


def document(aws: ScriptedAws, **changes: Any) -> None:
    service = {"task-definition": "web", "containers": {"app": "app"}}
    services = {"web": service, "worker": {**service, "task-definition": "worker"}}
    migration = {"task-definition": "migration", "container": "app", "service": "web"}
    content = {**DOCUMENT, "services": services, "migration": migration, **changes}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(content), "Version": 1}})


def changed(aws: ScriptedAws) -> list[str]:
    return [
        call.operation
        for call in aws.calls
        if call.operation.partition(".")[2].startswith(("Register", "Update", "Run", "Create"))
    ]


TEXT = "APP_VERSION=hunter2\nworker/app/QUEUE=slow\nmigration/app/STEP=1\nKEY<<END\na\nb\nEND"


def test_a_deployments_revisions_have_the_workflows_variables(aws: ScriptedAws, step: Run, registry: Registry) -> None:
    """In addition to the template's; the values are in no log and in no summary."""
    document(aws)
    ended = step("deploy", environment_variables=TEXT)
    assert ended.exit_code == 0, ended.log
    everywhere = {"DATABASE": "infra", "APP_VERSION": "hunter2", "KEY": "a\nb"}
    assert registry.environment("web") == everywhere
    assert registry.environment("worker") == {**everywhere, "QUEUE": "slow"}
    assert "hunter2" not in ended.log + ended.summary


def test_a_migrations_revision_has_the_workflows_variables(aws: ScriptedAws, step: Run, registry: Registry) -> None:
    """The same input can be given to both steps."""
    document(aws)
    ended = step("migrate", environment_variables=TEXT)
    assert ended.exit_code == 0, ended.log
    expected = {"DATABASE": "infra", "APP_VERSION": "hunter2", "STEP": "1", "KEY": "a\nb"}
    assert registry.environment("migration") == expected
    assert "hunter2" not in ended.log + ended.summary


def test_the_pipeline_gives_them_to_both(aws: ScriptedAws, step: Run, registry: Registry) -> None:
    """The image is there already, so nothing is built."""
    document(aws)
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    ended = step("pipeline", environment_variables=TEXT)
    assert ended.exit_code == 0, ended.log
    assert registry.environment("migration")["STEP"] == "1"
    assert registry.environment("worker")["QUEUE"] == "slow"


def test_the_next_deployment_replaces_what_the_last_one_added(aws: ScriptedAws, step: Run, registry: Registry) -> None:
    """The template is the family's newest revision: its own variables stay protected, those of the workflow don't."""
    document(aws)
    assert step("deploy", environment_variables="A=1\nB=1").exit_code == 0
    ended = step("deploy", environment_variables="A=2")
    assert ended.exit_code == 0, ended.log
    assert registry.environment("web") == {"DATABASE": "infra", "A": "2"}
    before = len(registry.revisions["web"])
    assert step("deploy", environment_variables="A=2").exit_code == 0
    assert len(registry.revisions["web"]) == before
    assert step("deploy").exit_code == 0
    assert registry.environment("web") == {"DATABASE": "infra"}
    assert LABEL not in str(registry.revisions["web"][-1])


def test_entries_of_one_family_with_different_variables_are_deployed_once(
    aws: ScriptedAws, step: Run, registry: Registry
) -> None:
    """A repeated run finds what each service runs, although only one of these revisions is the family's newest."""
    service = {"task-definition": "web", "containers": {"app": "app"}}
    document(aws, services={"web": service, "worker": service})
    text = "web/app/ROLE=web\nworker/app/ROLE=worker"
    assert step("deploy", environment_variables=text).exit_code == 0
    before = changed(aws)
    ended = step("deploy", environment_variables=text)
    assert ended.exit_code == 0, ended.log
    assert changed(aws) == before
    assert len(registry.revisions["web"]) == 3


@pytest.mark.parametrize("verb", ["migrate", "deploy", "pipeline"])
def test_a_refused_variable_is_reported_before_anything_changes(
    aws: ScriptedAws, step: Run, registry: Registry, verb: str
) -> None:
    """By its line; all problems at once, and no value."""
    listed = {"environment-from-app": ["APP_VERSION"]}
    services = {"web": {"task-definition": "web", "containers": {"app": "app"}, **listed}}
    document(aws, services=services)
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    ended = step(verb, environment_variables="APP_VERSION=1\nDATABASE=hunter2\nweb/ap/X=hunter3")
    assert ended.exit_code == 2, ended.log
    assert "line 3: the document has no such container; it has web/app, migration/app" in ended.log
    if verb != "migrate":
        assert "line 2: services.web.environment-from-app doesn't allow this variable; it allows APP_V" in ended.log
    if verb != "deploy":
        assert "line 2: the template of migration sets `DATABASE` in container `app`" in ended.log
    assert "hunter" not in ended.log + ended.summary
    assert changed(aws) == []


def test_a_scheduled_task_gets_them_too(aws: ScriptedAws, step: Run, registry: Registry) -> None:
    """It runs the same image as the services."""
    task = {"rule": "my-rule", "task-definition": "job", "containers": {"app": "app"}}
    document(aws, **{"scheduled-tasks": {"nightly": task}})
    target = {"Id": "1", "Arn": f"{ecs.PREFIX}:cluster/c", "RoleArn": "arn:aws:iam::1:role/r"}
    ecs_parameters = {"TaskDefinitionArn": ecs.task_definition_arn("job:1")}
    aws.on("events.DescribeRule", {"Name": "my-rule", "State": "ENABLED"})
    aws.on("events.ListTargetsByRule", {"Targets": [{**target, "EcsParameters": ecs_parameters}]})
    aws.on("events.PutTargets", {"FailedEntryCount": 0, "FailedEntries": []})
    ended = step("deploy", environment_variables="A=1\nnightly/app/B=2")
    assert ended.exit_code == 0, ended.log
    assert registry.environment("job") == {"DATABASE": "infra", "A": "1", "B": "2"}
    assert registry.environment("web") == {"DATABASE": "infra", "A": "1"}


def test_a_dry_run_shows_the_names_alone(aws: ScriptedAws, step: Run, registry: Registry) -> None:
    """Values of environment variables are never shown."""
    document(aws)
    ended = step("deploy", dry_run="true", environment_variables="APP_VERSION=hunter2")
    assert ended.exit_code == 0, ended.log
    assert "+ containerDefinitions.app.environment.APP_VERSION" in ended.log
    assert "hunter2" not in ended.log + ended.summary
    assert REPOSITORY in ended.log
