"""A family's revisions, and what runs of them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import task_definitions
from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws
from tests.scripted_aws import ecs, error, server_error, throttled

C = ecs.CLUSTER
ARN = ecs.task_definition_arn


def test_active_revisions_are_listed_the_newest_first(aws: SignedAws, ours: Aws) -> None:
    """Every page; another family that begins alike is left out, whatever ECS means by familyPrefix."""
    aws.on(
        "ecs.ListTaskDefinitions",
        {"taskDefinitionArns": [ARN("web:10"), ARN("web-2:7"), ARN("web:9")], "nextToken": "t"},
        {"taskDefinitionArns": [ARN("web:2")]},
    )
    assert task_definitions.active(ours, "web") == [ARN("web:10"), ARN("web:9"), ARN("web:2")]
    asked = {"familyPrefix": "web", "status": "ACTIVE", "sort": "DESC"}
    assert [call.params for call in aws.calls] == [asked, {**asked, "nextToken": "t"}]


def test_running_tasks_of_a_family_tell_their_revisions(aws: SignedAws, ours: Aws) -> None:
    """Whoever started them; a page without tasks is not described."""
    tasks = [ecs.task("a", task_definition="web:3"), ecs.task("b", "PENDING", task_definition="web:5")]
    aws.on(
        "ecs.ListTasks",
        {"taskArns": [tasks[0]["taskArn"]], "nextToken": "t"},
        {"taskArns": [], "nextToken": "u"},
        {"taskArns": [tasks[1]["taskArn"]]},
    )
    aws.on("ecs.DescribeTasks", ecs.described("tasks", *tasks))
    assert task_definitions.running(ours, C, "web") == {ARN("web:3"), ARN("web:5")}
    listed = [call.params for call in aws.calls if call.operation == "ecs.ListTasks"]
    assert listed[0] == {"cluster": C, "family": "web", "desiredStatus": "RUNNING"}
    assert [call.get("nextToken") for call in listed] == [None, "t", "u"]
    assert aws.count("ecs.DescribeTasks") == 2


def test_no_running_task_is_no_revision(aws: SignedAws, ours: Aws) -> None:
    """DescribeTasks takes no empty list."""
    aws.on("ecs.ListTasks", {"taskArns": []})
    assert task_definitions.running(ours, C, "web") == set()
    assert aws.count("ecs.DescribeTasks") == 0


@pytest.mark.parametrize("fault", [throttled(), server_error()], ids=str)
def test_deregister_outlives_what_passes(fault: object, aws: SignedAws, ours: Aws) -> None:
    """It may be repeated: the second time changes nothing."""
    aws.on("ecs.DeregisterTaskDefinition", fault, {"taskDefinition": ecs.task_definition("web", 3)})  # type: ignore[arg-type]
    task_definitions.deregister(ours, ARN("web:3"))
    assert [call.params for call in aws.calls] == [{"taskDefinition": ARN("web:3")}] * 2


def test_a_deregister_that_ecs_refuses_is_an_error(aws: SignedAws, ours: Aws) -> None:
    """For the caller to make a warning of."""
    aws.on("ecs.DeregisterTaskDefinition", error("ClientException", "The specified task definition does not exist."))
    with pytest.raises(ClientError):
        task_definitions.deregister(ours, ARN("web:3"))
