"""The way out of a subnet: internet gateways, NAT gateways, and what verify can't follow."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.verify.rules import routes
from ecs_cd.verify.rules.routes import Vpc
from tests.rules.verify.vpcs import INTERNET, NAT, ipv6_only, nat, route, subnet, table, vpc

GONE = route(state="blackhole", NatGatewayId="nat-0")
DUAL_STACK: dict[str, Any] = {"Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": "2600:1f::/64"}]}


@pytest.mark.parametrize(
    ("found", "public_ip", "way", "followed", "words"),
    [
        (vpc(table(INTERNET)), True, True, True, "the internet gateway igw-1 with a public IP"),
        (vpc(table(INTERNET)), False, False, True, "internet gateway igw-1, and assignPublicIp is not ENABLED"),
        (vpc(table(NAT)), False, True, True, "the NAT gateway nat-1"),
        (vpc(table(NAT)), True, True, True, "the NAT gateway nat-1"),
        (vpc(table(NAT), nats=[nat(State="failed")]), False, False, True, "nat-1, which is failed"),
        (vpc(table(NAT), nats=[nat(State="deleting")]), False, False, True, "nat-1, which is deleting"),
        (vpc(table(NAT), nats=[]), False, True, False, "the NAT gateway nat-1"),
        (vpc(table(NAT), nats=[nat(ConnectivityType="private")]), False, True, False, "the private NAT gateway"),
        (vpc(table(NAT), nats=[nat(SubnetId="subnet-0a")]), False, False, True, "no route to an internet gateway"),
        (vpc(table(NAT), nats=[nat(SubnetId="")]), False, True, True, "the NAT gateway nat-1"),  # a regional one
        (
            vpc(table(NAT), table(name="rtb-2", subnets=["subnet-x"]), nats=[nat(SubnetId="subnet-x")]),
            False,
            False,
            True,
            "subnet-x has no route to an internet gateway",
        ),
        (
            vpc(
                table(NAT),
                table(route(GatewayId="vpce-fw"), name="rtb-2", subnets=["subnet-x"]),
                nats=[nat(SubnetId="subnet-x")],
            ),
            False,
            True,
            False,
            "the NAT gateway nat-1",  # a firewall stands behind it
        ),
        (vpc(table(GONE)), False, False, True, "leads to nat-0, which is gone (blackhole)"),
        (vpc(table(route(TransitGatewayId="tgw-1"))), False, True, False, "the transit gateway tgw-1"),
        (vpc(table(route(NetworkInterfaceId="eni-1", InstanceId="i-1"))), False, True, False, "network interface eni"),
        (vpc(table(route(GatewayId="vgw-1"))), False, True, False, "vgw-1"),
        (vpc(table(route(GatewayId="vpce-gwlb"))), False, True, False, "vpce-gwlb"),
        (vpc(table(route(CoreNetworkArn="arn:core"))), False, True, False, "the core network arn:core"),
        (vpc(table(route(LocalGatewayId="lgw-1"))), False, True, False, "the local gateway lgw-1"),
        (vpc(table(route())), False, True, False, "a target that verify does not know"),
        (vpc(table(route(VpcPeeringConnectionId="pcx-1"))), False, False, True, "a peering leads to no other network"),
        (vpc(table()), True, False, True, ""),
        (vpc(table(route("172.16.0.0/12", TransitGatewayId="tgw-1"))), True, False, True, ""),
        (vpc(table(route("pl-s3", GatewayId="vpce-s3"))), True, False, True, ""),
        (vpc(table(route("pl-9", TransitGatewayId="tgw-1"))), False, None, True, "the addresses of pl-9"),
        (vpc(table(route("pl-9", TransitGatewayId="tgw-1"), NAT)), False, True, True, "the NAT gateway nat-1"),
        (vpc(table(subnets=[])), False, None, True, "its route table is not among those that EC2 shows"),
        # the main route table counts for subnets without their own, and for no others
        (vpc(table(NAT, subnets=[], main=True)), False, True, True, "the NAT gateway nat-1"),
        (vpc(table(NAT, subnets=[], main=True), table(name="rtb-own")), False, False, True, ""),
        # the halves of the default route are more specific than the default route itself
        (
            vpc(
                table(
                    route("0.0.0.0/1", NatGatewayId="nat-1"),
                    route("128.0.0.0/1", state="blackhole", NatGatewayId="nat-0"),
                    NAT,
                )
            ),
            False,
            False,
            True,
            "its route 128.0.0.0/1 leads to nat-0, which is gone",
        ),
        (vpc(table(route("0.0.0.0/1", state="blackhole", NatGatewayId="nat-0"), NAT)), False, True, True, "nat-1"),
    ],
)
def test_the_way_over_ipv4(found: Vpc, public_ip: bool, way: bool | None, followed: bool, words: str) -> None:
    """Open, closed with its reason, or not to be told; a way may lead on to where nothing can be read."""
    result = routes.out(found.subnets[0], found, public_ip=public_ip)
    assert (result.open, result.followed) == (way, followed)
    assert words in result.text


@pytest.mark.parametrize(
    ("rows", "way", "words"),
    [
        ([route("::/0", EgressOnlyInternetGatewayId="eigw-1")], True, "the egress-only internet gateway eigw-1"),
        ([route("::/0", GatewayId="igw-1")], True, "the internet gateway igw-1"),
        ([route("::/0", state="blackhole", EgressOnlyInternetGatewayId="eigw-1")], False, "eigw-1, which is gone"),
        ([NAT], False, ""),
        ([], False, ""),
    ],
)
def test_the_way_over_ipv6(rows: list[dict[str, str]], way: bool, words: str) -> None:
    """IPv6 addresses are public, so assignPublicIp has no part in it; IPv4 routes don't count."""
    found = vpc(table(*rows), subnets=[ipv6_only()])
    result = routes.out(found.subnets[0], found, public_ip=False)
    assert result.open is way
    assert words in result.text
    assert routes.over_ipv6(subnet(**DUAL_STACK), found).open is way
    assert routes.over_ipv6(subnet(), found).open is False


def test_nat64_needs_dns64() -> None:
    """The route of NAT64 alone leads nowhere: names must resolve to its addresses too."""
    found = vpc(table(route(routes.NAT64, NatGatewayId="nat-1")))
    assert routes.nat64(ipv6_only(EnableDns64=True), found).open is True
    assert routes.nat64(ipv6_only(EnableDns64=False), found).open is False
    assert routes.nat64(ipv6_only(EnableDns64=True), vpc(table())).open is False


def test_an_association_that_failed_does_not_count() -> None:
    """The subnet then has the main route table."""
    own = table(NAT)
    own["Associations"][0]["AssociationState"] = {"State": "failed"}
    found = vpc(own, table(INTERNET, name="rtb-main", subnets=[], main=True))
    chosen = routes.table_of(found.subnets[0], found)
    assert chosen and chosen["RouteTableId"] == "rtb-main"
