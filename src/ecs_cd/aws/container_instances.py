"""ECS: the capacity of a cluster, its container instances and capacity providers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecs_cd.aws.session import Aws, pages
from ecs_cd.model.batches import batches

Json = dict[str, Any]

_INSTANCES_A_CALL = 100  # the maximum for DescribeContainerInstances


def active(aws: Aws, cluster: str, constraints: Sequence[str] = ()) -> list[Json]:
    """Returns the cluster's ACTIVE container instances that meet each of these expressions of the cluster query
    language."""
    client = aws.client("ecs")
    found: list[list[str]] = []
    for expression in constraints or ("",):
        request = {"cluster": cluster, "status": "ACTIVE", **({"filter": expression} if expression else {})}
        listed = pages(client.list_container_instances, request)
        found.append([arn for page in listed for arn in page["containerInstanceArns"]])
    arns = [arn for arn in found[0] if all(arn in others for others in found)]
    return [
        instance
        for batch in batches(arns, _INSTANCES_A_CALL)
        for instance in client.describe_container_instances(cluster=cluster, containerInstances=batch)[
            "containerInstances"
        ]
    ]


def providers(aws: Aws, cluster: str, names: Sequence[str]) -> list[Json]:
    """Returns those of the capacity providers with these names that belong to the cluster."""
    answer = aws.client("ecs").describe_capacity_providers(cluster=cluster, capacityProviders=list(names))
    found: list[Json] = answer["capacityProviders"]
    return found
