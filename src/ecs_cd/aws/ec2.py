"""EC2: the subnets, routes, endpoints and security groups of a VPC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ecs_cd.aws.session import Aws, pages

Json = dict[str, Any]


def subnets(aws: Aws, ids: Sequence[str]) -> list[Json]:
    """Returns the subnets with these IDs, without those that do not exist."""
    return _all(aws.client("ec2").describe_subnets, "Subnets", "subnet-id", ids)


def route_tables(aws: Aws, vpc: str) -> list[Json]:
    """Returns all route tables of the VPC."""
    return _all(aws.client("ec2").describe_route_tables, "RouteTables", "vpc-id", [vpc])


def endpoints(aws: Aws, vpc: str) -> list[Json]:
    """Returns all VPC endpoints of the VPC."""
    return _all(aws.client("ec2").describe_vpc_endpoints, "VpcEndpoints", "vpc-id", [vpc])


def nat_gateways(aws: Aws, ids: Sequence[str]) -> list[Json]:
    """Returns the NAT gateways with these IDs, without those that do not exist."""
    call = aws.client("ec2").describe_nat_gateways
    return _all(lambda **request: call(Filter=request.pop("Filters"), **request), "NatGateways", "nat-gateway-id", ids)


def security_groups(aws: Aws, ids: Sequence[str]) -> list[Json]:
    """Returns the security groups with these IDs, without those that do not exist."""
    return _all(aws.client("ec2").describe_security_groups, "SecurityGroups", "group-id", ids)


def default_security_group(aws: Aws, vpc: str) -> list[Json]:
    """Returns the VPC's default security group, which network interfaces without another one have."""
    call, filters = aws.client("ec2").describe_security_groups, {"vpc-id": vpc, "group-name": "default"}
    return _pages(call, "SecurityGroups", [{"Name": name, "Values": [value]} for name, value in filters.items()])


def _all(call: Callable[..., Json], member: str, name: str, values: Sequence[str]) -> list[Json]:
    """By filter: a call by IDs fails if one of them does not exist."""
    return _pages(call, member, [{"Name": name, "Values": list(dict.fromkeys(values))}]) if values else []


def _pages(call: Callable[..., Json], member: str, filters: Sequence[Json]) -> list[Json]:
    return [each for page in pages(call, {"Filters": filters}, "NextToken") for each in page[member]]
