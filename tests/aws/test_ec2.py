"""A VPC's parts: each by a filter, so that a missing one is no error."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import ec2
from ecs_cd.aws.errors import denied as is_denied
from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws
from tests.aws.requests import Row, check, each
from tests.scripted_aws import denied, throttled


def filtered(name: str, *values: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": list(values)}]


@each(
    [
        Row(
            "subnets",
            lambda aws: ec2.subnets(aws, ["subnet-1", "subnet-2", "subnet-1"]),
            "ec2.DescribeSubnets",
            {"Subnets": [{"SubnetId": "subnet-1", "AvailableIpAddressCount": 3, "Ipv6Native": False}]},
            {"Filters": filtered("subnet-id", "subnet-1", "subnet-2")},
            [{"SubnetId": "subnet-1", "AvailableIpAddressCount": 3, "Ipv6Native": False}],
        ),
        Row(
            "route tables",
            lambda aws: ec2.route_tables(aws, "vpc-1"),
            "ec2.DescribeRouteTables",
            {"RouteTables": [{"Associations": [{"Main": True}], "Routes": [{"NatGatewayId": "nat-1"}]}]},
            {"Filters": filtered("vpc-id", "vpc-1")},
            [{"Associations": [{"Main": True}], "Routes": [{"NatGatewayId": "nat-1"}]}],
        ),
        Row(
            "endpoints",
            lambda aws: ec2.endpoints(aws, "vpc-1"),
            "ec2.DescribeVpcEndpoints",
            {"VpcEndpoints": [{"ServiceName": "com.amazonaws.r.s3", "RouteTableIds": ["rtb-1"]}]},
            {"Filters": filtered("vpc-id", "vpc-1")},
            [{"ServiceName": "com.amazonaws.r.s3", "RouteTableIds": ["rtb-1"]}],
        ),
        Row(
            "NAT gateways",
            lambda aws: ec2.nat_gateways(aws, ["nat-1"]),
            "ec2.DescribeNatGateways",
            {"NatGateways": [{"NatGatewayId": "nat-1", "State": "available"}]},
            {"Filter": filtered("nat-gateway-id", "nat-1")},
            [{"NatGatewayId": "nat-1", "State": "available"}],
        ),
        Row(
            "security groups",
            lambda aws: ec2.security_groups(aws, ["sg-1"]),
            "ec2.DescribeSecurityGroups",
            {"SecurityGroups": [{"GroupId": "sg-1", "IpPermissions": [{"IpProtocol": "-1"}]}]},
            {"Filters": filtered("group-id", "sg-1")},
            [{"GroupId": "sg-1", "IpPermissions": [{"IpProtocol": "-1"}]}],
        ),
        Row(
            "the default security group",
            lambda aws: ec2.default_security_group(aws, "vpc-1"),
            "ec2.DescribeSecurityGroups",
            {"SecurityGroups": []},
            {"Filters": [*filtered("vpc-id", "vpc-1"), *filtered("group-name", "default")]},
            [],
        ),
    ]
)
def test_requests(row: Row, aws: SignedAws, ours: Aws) -> None:
    """One call, by ID or VPC."""
    check(row, aws, ours)


@pytest.mark.parametrize("look", [ec2.subnets, ec2.security_groups, ec2.nat_gateways])
def test_without_ids_nothing_is_asked(look: Any, aws: SignedAws, ours: Aws) -> None:
    """A filter without values would be refused."""
    assert look(ours, []) == []
    assert not aws.calls


def test_all_pages_are_read(aws: SignedAws, ours: Aws) -> None:
    """EC2 pages by NextToken."""
    first, second = ({"Subnets": [{"SubnetId": name}]} for name in ("subnet-1", "subnet-2"))
    aws.on("ec2.DescribeSubnets", {**first, "NextToken": "more"}, second)
    assert [found["SubnetId"] for found in ec2.subnets(ours, ["subnet-1", "subnet-2"])] == ["subnet-1", "subnet-2"]
    assert aws.calls[1].params["NextToken"] == "more"


def test_a_denied_call_is_known_as_such(aws: SignedAws, ours: Aws) -> None:
    """EC2 has its own error code for it."""
    aws.on("ec2.DescribeSubnets", denied("ec2:DescribeSubnets"))
    with pytest.raises(ClientError) as caught:
        ec2.subnets(ours, ["subnet-1"])
    assert is_denied(caught.value)


def test_a_throttled_read_is_repeated(aws: SignedAws, ours: Aws) -> None:
    """EC2's code for it is RequestLimitExceeded."""
    aws.on("ec2.DescribeSubnets", throttled(), {"Subnets": []})
    assert ec2.subnets(ours, ["subnet-1"]) == []
    assert aws.count("ec2.DescribeSubnets") == 2
