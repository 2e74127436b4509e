"""Where the route table of a subnet sends packets for the internet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

IPV4, IPV6, NAT64 = "0.0.0.0/0", "::/0", "64:ff9b::/96"
_HALVES = ("0.0.0.0/1", "128.0.0.0/1")  # more specific than the default route, and together the same
_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
# The members of a route that name its target, and what that is.
_ELSEWHERE = {
    "TransitGatewayId": "the transit gateway",
    "NetworkInterfaceId": "the network interface",
    "InstanceId": "the instance",
    "CoreNetworkArn": "the core network",
    "CarrierGatewayId": "the carrier gateway",
    "LocalGatewayId": "the local gateway",
    "OdbNetworkArn": "the ODB network",
}


@dataclass(frozen=True)
class Vpc:
    """A VPC as EC2 describes it: its route tables, endpoints, the NAT gateways that routes name, the security groups
    that tasks and endpoints name."""

    subnets: Sequence[Json] = ()
    route_tables: Sequence[Json] = ()
    endpoints: Sequence[Json] = ()
    nat_gateways: Sequence[Json] = ()
    groups: Sequence[Json] = ()


@dataclass(frozen=True)
class Way:
    """A way out of a subnet, as a name; or if it is not ``open``, why there is none, as a sentence without its subject.
    ``open`` is ``None`` if that can't be told. ``followed`` is false if the way continues where verify doesn't read."""

    open: bool | None
    text: str
    followed: bool = True


NONE = Way(open=False, text="")


def table_of(subnet: Json, vpc: Vpc) -> Json | None:
    """The subnet's own route table, or else the main one of its VPC."""
    own = [table for table in vpc.route_tables if table.get("VpcId", subnet["VpcId"]) == subnet["VpcId"]]
    for table in own:
        if any(each.get("SubnetId") == subnet["SubnetId"] for each in _associations(table)):
            return table
    return next((table for table in own if any(each.get("Main") for each in _associations(table))), None)


def _associations(table: Json) -> list[Json]:
    return [
        each
        for each in table.get("Associations", ())
        if (each.get("AssociationState") or {}).get("State") not in ("failed", "disassociated")
    ]


def out(subnet: Json, vpc: Vpc, *, public_ip: bool) -> Way:
    """The way to the internet of a task in this subnet; over IPv6 if the subnet has nothing else."""
    table = table_of(subnet, vpc)
    if table is None:
        return Way(open=None, text="its route table is not among those that EC2 shows")
    if subnet.get("Ipv6Native"):
        return _over_ipv6(subnet, table, vpc)
    ways = [_way(route, vpc, public_ip=public_ip) for route in _to(table, IPV4)]
    unread = [route["DestinationPrefixListId"] for route in table.get("Routes", ()) if _by_prefix_list(route)]
    if unread and not any(way.open for way in ways):
        return Way(open=None, text=f"it has routes for the addresses of {unread[0]}, which verify does not read")
    return _best(ways)


def over_ipv6(subnet: Json, vpc: Vpc) -> Way:
    """The way to the internet over IPv6, of a subnet that has both."""
    table = table_of(subnet, vpc)
    return _over_ipv6(subnet, table, vpc) if table and subnet.get("Ipv6CidrBlockAssociationSet") else NONE


def to_other_network(subnet: Json, vpc: Vpc) -> str:
    """What leads from this subnet to another network, such as a transit gateway; empty if nothing does."""
    table = table_of(subnet, vpc) or {}
    for route in table.get("Routes", ()):
        private = str(route.get("GatewayId", "")).startswith("vgw-") or route.get("VpcPeeringConnectionId")
        if route.get("State") != "blackhole" and (
            private or route.get("TransitGatewayId") or route.get("CoreNetworkArn")
        ):
            return _target(route)
    return ""


def nat64(subnet: Json, vpc: Vpc) -> Way:
    """The way of an IPv6-only subnet to hosts that have IPv4 addresses only."""
    table = table_of(subnet, vpc)
    if table is None or not subnet.get("EnableDns64"):
        return NONE
    return _best([_way(route, vpc, public_ip=True) for route in _to(table, NAT64)])


def _over_ipv6(subnet: Json, table: Json, vpc: Vpc) -> Way:
    return _best([_way(route, vpc, public_ip=True) for route in _to(table, IPV6)])


def _best(ways: Sequence[Way]) -> Way:
    if len(ways) > 1:  # two halves of the default route: the worse one counts
        return min(ways, key=lambda way: (bool(way.open), way.followed))
    return ways[0] if ways else NONE


def _to(table: Json, destination: str) -> list[Json]:
    routes = table.get("Routes", ())
    halves = [route for route in routes if route.get("DestinationCidrBlock") in _HALVES]
    if destination == IPV4 and {route["DestinationCidrBlock"] for route in halves} == set(_HALVES):
        return halves
    wanted = {destination}
    return [r for r in routes if {r.get("DestinationCidrBlock"), r.get("DestinationIpv6CidrBlock")} & wanted]


def _by_prefix_list(route: Json) -> bool:
    """Whether its addresses are those of a prefix list, and not of a gateway endpoint's service."""
    to_endpoint = str(route.get("GatewayId", "")).startswith(("vpce-", "local"))
    return bool(route.get("DestinationPrefixListId")) and not to_endpoint and route.get("State") != "blackhole"


def _way(route: Json, vpc: Vpc, *, public_ip: bool) -> Way:
    to = next((destination for key in _DESTINATIONS if (destination := route.get(key))), "")
    gateway, nat = str(route.get("GatewayId", "")), str(route.get("NatGatewayId", ""))
    if route.get("State") == "blackhole":
        return Way(open=False, text=f"its route {to} leads to {_target(route)}, which is gone (blackhole)")
    if nat:
        return _through_nat(nat, vpc)
    if route.get("EgressOnlyInternetGatewayId"):
        return Way(open=True, text=f"the egress-only internet gateway {route['EgressOnlyInternetGatewayId']}")
    if gateway.startswith("igw-"):
        needs = f"its route {to} leads to the internet gateway {gateway}, and assignPublicIp is not ENABLED"
        through = f"the internet gateway {gateway}" + (" with a public IP" if "." in str(to) else "")
        return Way(open=True, text=through) if public_ip else Way(open=False, text=needs)
    if route.get("VpcPeeringConnectionId"):
        peering = route["VpcPeeringConnectionId"]
        return Way(open=False, text=f"its route {to} leads to {peering}, and a peering leads to no other network")
    return Way(open=True, text=_target(route), followed=False)


def _target(route: Json) -> str:
    for member, what in _ELSEWHERE.items():
        if route.get(member):
            return f"{what} {route[member]}"
    ids = ("NatGatewayId", "GatewayId", "EgressOnlyInternetGatewayId", "VpcPeeringConnectionId")
    return next((str(route[member]) for member in ids if route.get(member)), "a target that verify does not know")


def _through_nat(nat: str, vpc: Vpc) -> Way:
    found = next((each for each in vpc.nat_gateways if each.get("NatGatewayId") == nat), None)
    if found is None:
        return Way(open=True, text=f"the NAT gateway {nat}", followed=False)
    if found.get("State", "available") != "available":
        return Way(open=False, text=f"its route leads to the NAT gateway {nat}, which is {found['State']}")
    if found.get("ConnectivityType") == "private":
        return Way(open=True, text=f"the private NAT gateway {nat}", followed=False)
    if not found.get("SubnetId"):  # a regional NAT gateway
        return Way(open=True, text=f"the NAT gateway {nat}")
    inner = _out_of_nat(found, vpc)
    if inner.open is False:
        why = f"and that one's subnet {found['SubnetId']} has no route to an internet gateway"
        return Way(open=False, text=f"its route leads to the NAT gateway {nat}, {why}")
    return Way(open=True, text=f"the NAT gateway {nat}", followed=inner.followed)


def _out_of_nat(nat: Json, vpc: Vpc) -> Way:
    """A NAT gateway whose own packets go to a NAT gateway reaches nothing."""
    place = {"SubnetId": nat["SubnetId"], "VpcId": nat.get("VpcId", "")}
    table = table_of(place, vpc)
    if table and any(route.get("NatGatewayId") for route in _to(table, IPV4)):
        return NONE
    return out(place, vpc, public_ip=True)
