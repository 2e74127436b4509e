"""The container instances of a cluster, and its capacity providers."""

from __future__ import annotations

from ecs_cd.aws import container_instances
from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Params
from tests.timelines.verify.surroundings import instance, provider

ARN = "arn:aws:ecs:r:1:container-instance/c/{}"


def described(params: Params) -> Params:
    arns = params["containerInstances"]
    return {"containerInstances": [instance(containerInstanceArn=arn) for arn in arns], "failures": []}


def test_all_active_instances(aws: SignedAws, ours: Aws) -> None:
    """All pages, 100 instances per call."""
    pages = [[ARN.format(number) for number in numbers] for numbers in (range(100), range(100, 101))]
    aws.on(
        "ecs.ListContainerInstances",
        {"containerInstanceArns": pages[0], "nextToken": "more"},
        {"containerInstanceArns": pages[1]},
    )
    aws.on("ecs.DescribeContainerInstances", described)
    assert len(container_instances.active(ours, "c")) == 101
    assert aws.calls[0].params == {"cluster": "c", "status": "ACTIVE"}
    assert aws.count("ecs.DescribeContainerInstances") == 2


def test_instances_that_meet_every_constraint(aws: SignedAws, ours: Aws) -> None:
    """ECS evaluates each expression; an instance must meet all."""
    aws.on(
        "ecs.ListContainerInstances",
        {"containerInstanceArns": [ARN.format(n) for n in (1, 2)]},
        where={"filter": "a == 1"},
    )
    aws.on(
        "ecs.ListContainerInstances",
        {"containerInstanceArns": [ARN.format(n) for n in (2, 3)]},
        where={"filter": "b == 2"},
    )
    aws.on("ecs.DescribeContainerInstances", described)
    found = container_instances.active(ours, "c", ["a == 1", "b == 2"])
    assert [each["containerInstanceArn"] for each in found] == [ARN.format(2)]


def test_no_instance(aws: SignedAws, ours: Aws) -> None:
    """DescribeContainerInstances takes no empty list."""
    aws.on("ecs.ListContainerInstances", {"containerInstanceArns": []})
    assert container_instances.active(ours, "c") == []
    assert aws.count("ecs.DescribeContainerInstances") == 0


def test_capacity_providers_of_the_cluster(aws: SignedAws, ours: Aws) -> None:
    """With the cluster, ECS also returns providers of managed instances."""
    aws.on("ecs.DescribeCapacityProviders", {"capacityProviders": [provider()], "failures": []})
    assert container_instances.providers(ours, "c", ["nodes"]) == [provider()]
    assert aws.calls[0].params == {"cluster": "c", "capacityProviders": ["nodes"]}
