"""VPCs as EC2 describes them, for tests of the way to ECR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecs_cd.verify.rules.routes import Vpc
from tests.scripted_aws import Unmodelled

Json = dict[str, Any]

VPC = "vpc-1"
REGION = "ap-northeast-1"
LOCAL: Json = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}


def subnet(name: str = "subnet-0a", **more: Any) -> Json:
    return {
        "SubnetId": name,
        "VpcId": VPC,
        "AvailabilityZone": f"{REGION}{name[-1]}",
        "AvailableIpAddressCount": 200,
        "CidrBlock": "10.0.1.0/24",
        "OwnerId": "123456789012",
        **more,
    }


def ipv6_only(name: str = "subnet-0a", **more: Any) -> Json:
    found = subnet(name, Ipv6Native=True, Ipv6CidrBlockAssociationSet=[{"Ipv6CidrBlock": "2600:1f::/64"}], **more)
    del found["CidrBlock"]
    return found


def route(to: str = "0.0.0.0/0", state: str = "active", **target: str) -> Json:
    kind = "DestinationPrefixListId" if to.startswith("pl-") else "DestinationCidrBlock"
    kind = "DestinationIpv6CidrBlock" if ":" in to else kind
    return {kind: to, "State": state, **target}


def table(*routes: Json, name: str = "rtb-1", subnets: Sequence[str] = ("subnet-0a",), main: bool = False) -> Json:
    associations = [{"SubnetId": each, "RouteTableId": name, "Main": False} for each in subnets]
    associations += [{"RouteTableId": name, "Main": True}] if main else []
    return {"RouteTableId": name, "VpcId": VPC, "Routes": [LOCAL, *routes], "Associations": associations}


INTERNET = route(GatewayId="igw-1")
NAT = route(NatGatewayId="nat-1")
PUBLIC_TABLE = table(INTERNET, name="rtb-public", subnets=("subnet-public",))


def nat(name: str = "nat-1", **more: Any) -> Json:
    found = {"NatGatewayId": name, "State": "available", "ConnectivityType": "public", "VpcId": VPC}
    return {**found, "SubnetId": "subnet-public", **more}


def endpoint(service: str, **more: Any) -> Json:
    return {
        "VpcEndpointId": f"vpce-{service}",
        "VpcEndpointType": "Interface",
        "ServiceName": f"com.amazonaws.{REGION}.{service}",
        "VpcId": VPC,
        "State": Unmodelled("available"),  # as EC2 writes it; botocore's model has Available
        "PrivateDnsEnabled": True,
        "IpAddressType": "ipv4",
        "Groups": [{"GroupId": "sg-endpoints"}],
        **more,
    }


def gateway(*tables: str, **more: Any) -> Json:
    found = endpoint("s3", VpcEndpointType="Gateway", RouteTableIds=list(tables), PrivateDnsEnabled=False, Groups=[])
    return {**found, **more}


ANY_EGRESS = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]


def group(name: str, ingress: Sequence[Json] = (), egress: Sequence[Json] = ANY_EGRESS, **more: Any) -> Json:
    rules = {"IpPermissions": list(ingress), "IpPermissionsEgress": list(egress)}
    return {"GroupId": name, "GroupName": name, "VpcId": VPC, **rules, **more}


def https(*ranges: str, source: str = "") -> Json:
    found: Json = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    found["IpRanges"] = [{"CidrIp": each} for each in ranges]
    return found | ({"UserIdGroupPairs": [{"GroupId": source}]} if source else {})


TASKS = group("sg-tasks")
ENDPOINTS = group("sg-endpoints", [https("10.0.0.0/16")])


def vpc(
    *tables: Json,
    subnets: Sequence[Json] = (subnet(),),
    endpoints: Sequence[Json] = (),
    nats: Sequence[Json] = (nat(),),
    groups: Sequence[Json] = (TASKS, ENDPOINTS),
) -> Vpc:
    """Of one subnet with these route tables, beside the public one."""
    return Vpc(subnets, [*tables, PUBLIC_TABLE], endpoints, nats, groups)
