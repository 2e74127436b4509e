"""What ECS would refuse of a task definition."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.verify.rules import registering
from ecs_cd.verify.rules.finding import State

APP = {"name": "app", "image": "nginx"}
ECR = {"name": "app", "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1"}
LOGS = {"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "r", "awslogs-stream-prefix": "p"}}


def fargate(**more: Any) -> dict[str, Any]:
    return {
        "family": "web",
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [APP],
        **more,
    }


def problems(definition: dict[str, Any], *, on_fargate: bool = True) -> list[str]:
    found = list(registering.check("service web", definition, fargate=on_fargate))
    return [each.text for each in found if each.state is State.WRONG]


@pytest.mark.parametrize(
    ("cpu", "memory"),
    [
        ("256", "512"), ("256", "2048"), (".25 vCPU", "0.5 GB"), ("1 vCPU", "8GB"), ("4096", "30720"), ("8192", "61440"),
        ("16 vcpu", "32 gb"), ("16384", "122880"), ("32768", "1"),
    ],
)  # fmt: skip
def test_sizes_of_fargate(cpu: str, memory: str) -> None:
    """In either spelling; a size beyond the table may be new."""
    assert problems(fargate(cpu=cpu, memory=memory)) == []


@pytest.mark.parametrize(
    ("cpu", "memory", "words"),
    [
        ("256", "4096", "memory: Fargate has no tasks with 256 CPU units and 4096 MiB; with this CPU, it is 512, 1024, 2048"),
        ("1024", "1024", "it is 2048 to 8192 in steps of 1024"),
        ("8192", "17408", "it is 16384 to 61440 in steps of 4096"),
        ("300", "512", "cpu: Fargate has no tasks with 300 CPU units; it has 256, 512, 1024"),
        ("a lot", "512", "cpu: a lot is no size; write it as 1024, 1 vCPU"),
        ("256", "512M", "memory: 512M is no size; write it as 1024, 1 GB"),
        ("", "512", "cpu of the task is missing, which Fargate needs"),
        ("", "", "cpu and memory of the task are missing, which Fargate needs"),
    ],
)  # fmt: skip
def test_sizes_that_fargate_lacks(cpu: str, memory: str, words: str) -> None:
    """With those that there are."""
    (found,) = problems(fargate(cpu=cpu, memory=memory))
    assert words in found


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"networkMode": "bridge"}, "networkMode must be awsvpc on Fargate"),
        ({"containerDefinitions": [ECR]}, "executionRoleArn is missing, which ECS needs to pull from ECR"),
        ({"containerDefinitions": [{**APP, "logConfiguration": LOGS}]},
         "executionRoleArn is missing, which ECS needs to write logs"),
        ({"containerDefinitions": [{**APP, "secrets": [{"name": "A", "valueFrom": "a"}]}]},
         "executionRoleArn is missing, which ECS needs to read secrets"),
        ({"containerDefinitions": [{**APP, "repositoryCredentials": {"credentialsParameter": "a"}}]},
         "executionRoleArn is missing, which ECS needs to read registry credentials"),
        ({"containerDefinitions": [{**APP, "environmentFiles": [{"type": "s3", "value": "a"}]}]},
         "executionRoleArn is missing, which ECS needs to read environment files"),
        ({"containerDefinitions": [{**APP, "essential": False}]}, "no container is essential, and ECS needs one"),
        ({"containerDefinitions": [{**APP, "dependsOn": [{"containerName": "b", "condition": "START"}]}]},
         "containerDefinitions[0].dependsOn[0].containerName: there is no such container"),
        ({"containerDefinitions": [{**APP, "mountPoints": [{"sourceVolume": "b"}]}]},
         "containerDefinitions[0].mountPoints[0].sourceVolume: `volumes` has no such volume"),
        ({"containerDefinitions": [{**APP, "cpu": 512}]}, "cpu: the containers have 512 in total, and the task has 256"),
        ({"containerDefinitions": [{**APP, "memory": 1024}]},
         "memory: the containers have 1024 in total, and the task has 512"),
        ({"executionRoleArn": "r", "containerDefinitions": [{**APP, "logConfiguration": {"logDriver": "awslogs"}}]},
         "containerDefinitions[0].logConfiguration.options.awslogs-stream-prefix is missing, which Fargate needs"),
    ],
)  # fmt: skip
def test_what_ecs_would_refuse(more: dict[str, Any], words: str) -> None:
    """Each names its place."""
    assert problems(fargate(**more)) == [words]


def test_a_container_that_reserves_less_than_it_may_use() -> None:
    """The reservation counts."""
    reserved = {**APP, "memory": 1024, "memoryReservation": 256}
    assert problems(fargate(containerDefinitions=[reserved])) == []


@pytest.mark.parametrize(
    ("definition", "found"),
    [
        ({"containerDefinitions": [APP]}, ["containerDefinitions[0]: needs memory or memoryReservation, as the task has no memory"]),
        ({"containerDefinitions": [{**APP, "memoryReservation": 128}]}, []),
        ({"containerDefinitions": [APP], "memory": "512"}, []),
        ({"containerDefinitions": [{**ECR, "memory": 128, "logConfiguration": LOGS}]}, []),
        ({"containerDefinitions": [{**APP, "memory": 128, "secrets": [{"name": "A", "valueFrom": "a"}]}]},
         ["executionRoleArn is missing, which ECS needs to read secrets"]),
    ],
)  # fmt: skip
def test_on_ec2(definition: dict[str, Any], found: list[str]) -> None:
    """The instance's role pulls and logs, and the size may be the containers'."""
    assert problems(definition, on_fargate=False) == found


@pytest.mark.parametrize(
    ("compatible", "service", "expected"),
    [
        (["FARGATE"], None, True),
        (["EC2"], None, False),
        ([], None, False),
        (["EC2", "FARGATE"], {"launchType": "EC2"}, False),
        (["EC2"], {"launchType": "FARGATE"}, True),
        (["EC2"], {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}, True),
        (["FARGATE"], {"capacityProviderStrategy": [{"capacityProvider": "mine"}]}, False),
    ],
)
def test_where_tasks_run(compatible: list[str], service: dict[str, Any] | None, expected: bool) -> None:
    """The service decides, then the template."""
    assert registering.on_fargate({"requiresCompatibilities": compatible}, service) is expected
