"""The network of a service's tasks: subnets, security groups, and the way to ECR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecs_cd.verify.rules import routes, security_groups
from ecs_cd.verify.rules.capacity import launch
from ecs_cd.verify.rules.finding import Finding, not_checkable, ok, wrong
from ecs_cd.verify.rules.needs import NAMES, PULL, S3, Needs
from ecs_cd.verify.rules.ports import mode
from ecs_cd.verify.rules.routes import Vpc, Way
from ecs_cd.verify.rules.security_groups import INTERNET, INTERNET_IPV6, Peer

SUBNETS, GROUPS, WAY = "subnets", "security-groups", "way-to-ecr"

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Setting:
    """An ``awsvpcConfiguration``, the account whose tasks it is for, and whether they run on Fargate."""

    subnets: tuple[str, ...]
    groups: tuple[str, ...] = ()
    public_ip: bool = False
    account: str = ""
    fargate: bool = True


def setting(awsvpc: Json, account: str = "", *, fargate: bool = True) -> Setting:
    """From ECS's spelling, or that of EventBridge, whose members are capitalised."""
    found = {name[0].lower() + name[1:]: value for name, value in awsvpc.items()}
    return Setting(
        tuple(found.get("subnets", ())),
        tuple(found.get("securityGroups", ())),
        found.get("assignPublicIp") == "ENABLED",
        account,
        fargate,
    )


def awsvpc(service: Json) -> Json:
    """The service's ``awsvpcConfiguration``, or that of its PRIMARY task set; empty if it has none."""
    sets: Json = next((each for each in service.get("taskSets", ()) if each.get("status") == "PRIMARY"), {})
    own = service.get("networkConfiguration") or sets.get("networkConfiguration") or {}
    found: Json = own.get("awsvpcConfiguration") or {}
    return found


def check_mode(subject: str, service: Json, definition: Json) -> Iterator[Finding]:
    """ECS refuses a network configuration without the network mode awsvpc, and the mode without a configuration. That
    Fargate needs the mode is said by registering.py."""
    network, has = mode(definition), bool(awsvpc(service))
    if (service.get("deploymentController") or {}).get("type") == "EXTERNAL":  # each task set has its own
        return
    if network == "awsvpc" and not has:
        text = "the template has networkMode awsvpc, and the service has no network configuration"
        yield wrong(subject, SUBNETS, text, "Set the service's subnets in the infra repo.")
    elif network != "awsvpc" and has and launch(service).kind != "FARGATE":
        text = f"the service has a network configuration, and the template has networkMode {network}"
        yield wrong(subject, SUBNETS, text, "Set networkMode to awsvpc in the template.")


# ---- subnets and security groups ----


def check_subnets(subject: str, wanted: Setting, subnets: Sequence[Json]) -> Iterator[Finding]:
    """They exist, have free addresses, and are in one VPC."""
    known = {str(subnet["SubnetId"]): subnet for subnet in subnets}
    missing = [each for each in wanted.subnets if each not in known]
    if missing:
        remedy = "Correct the service's network configuration in the infra repo."
        yield wrong(subject, SUBNETS, f"there is no subnet {', '.join(missing)} in this region and account", remedy)
    vpcs = list(dict.fromkeys(str(subnet["VpcId"]) for subnet in known.values()))
    if len(vpcs) > 1:
        text = f"the subnets are in {len(vpcs)} VPCs: {', '.join(vpcs)}"
        yield wrong(subject, SUBNETS, text, "Name subnets of one VPC in the service's network configuration.")
    full = [name for name, subnet in known.items() if subnet.get("AvailableIpAddressCount", 1) == 0]
    if full:
        remedy = "Free addresses, or add a subnet to the service."
        yield wrong(subject, SUBNETS, f"{', '.join(full)}: no address is free for another task", remedy)
    if not (missing or full or len(vpcs) > 1):
        zones = sorted({str(subnet.get("AvailabilityZone", "")) for subnet in known.values()})
        yield ok(subject, SUBNETS, f"in {vpcs[0]} ({', '.join(filter(None, zones))}): {', '.join(known)}")


def check_groups(subject: str, wanted: Setting, subnets: Sequence[Json], groups: Sequence[Json]) -> Iterator[Finding]:
    """They exist, in the VPC of the subnets."""
    known = {str(group["GroupId"]): group for group in groups}
    vpcs = {str(subnet["VpcId"]) for subnet in subnets}
    missing = [each for each in wanted.groups if each not in known]
    foreign = [each for each in wanted.groups if each in known and known[each].get("VpcId") not in vpcs]
    remedy = "Correct the service's network configuration in the infra repo."
    if missing:
        text = f"there is no security group {', '.join(missing)} in this region and account"
        yield wrong(subject, GROUPS, text, remedy)
    if foreign and vpcs:
        yield wrong(subject, GROUPS, f"{', '.join(foreign)} is not in {', '.join(vpcs)}, the subnets' VPC", remedy)
    if not (missing or foreign):
        exist = f"in the subnets' VPC: {', '.join(wanted.groups)}"
        yield ok(subject, GROUPS, exist if wanted.groups else "tasks have the VPC's default security group")


# ---- the way to ECR ----


def check_way(subject: str, wanted: Setting, vpc: Vpc, needs: Needs) -> Iterator[Finding]:
    """What the tasks need can be reached from each subnet. Subnets with the same result share a finding."""
    tasks = [group for group in vpc.groups if group["GroupId"] in wanted.groups]
    if not wanted.groups:
        tasks = [group for group in vpc.groups if group.get("GroupName") == "default"]
    found: dict[Finding, list[str]] = {}
    for subnet in vpc.subnets:
        for finding in _of_subnet(subject, subnet, wanted, vpc, needs, tasks):
            found.setdefault(finding, []).append(str(subnet["SubnetId"]))
    for finding, names in found.items():
        text = f"{', '.join(names)}: {finding.text}"
        yield Finding(finding.subject, finding.check, finding.state, text, finding.remedy)


def _of_subnet(
    subject: str, subnet: Json, wanted: Setting, vpc: Vpc, needs: Needs, tasks: Sequence[Json]
) -> Iterator[Finding]:
    shared = wanted.account and subnet.get("OwnerId", wanted.account) != wanted.account
    ends = {name: _endpoint(name, subnet, vpc) for name in needs.services}
    blocked = [text for name, end in ends.items() if end and (text := _blocked(end, subnet, vpc, tasks))]
    for text in dict.fromkeys(blocked):
        yield wrong(subject, WAY, text, "Allow TCP 443 between the two security groups.")
    without = [name for name, end in ends.items() if end is None]
    if not without and not needs.outside:
        if not blocked:
            yield ok(subject, WAY, f"reaches ECR through VPC endpoints ({', '.join(needs.services)})")
        return
    way = _way(subnet, vpc, wanted, needs)
    if way.open is None:
        yield not_checkable(subject, WAY, f"no way to {_listed(without, needs)} is certain: {way.text}")
    elif not way.open and shared:
        text = f"no route to {_listed(without, needs)} is visible; account {subnet['OwnerId']} shares this subnet"
        yield not_checkable(subject, WAY, f"{text}, and does not show its endpoints")
    elif not way.open and not needs.outside and (other := routes.to_other_network(subnet, vpc)):
        text = f"the way to {_listed(without, needs)} can only be endpoints of another network, behind {other}"
        remedy = "Check that it has them, and that their names resolve to them in this VPC (a private hosted zone)."
        yield not_checkable(subject, WAY, text, remedy)
    elif not way.open:
        yield wrong(subject, WAY, _no_way(way, without, needs, subnet, vpc), _remedy(subnet, vpc, without, needs))
    else:
        yield from _through(subject, way, _listed(without, needs), subnet, tasks)


def _through(subject: str, way: Way, what: str, subnet: Json, tasks: Sequence[Json]) -> Iterator[Finding]:
    names = ", ".join(str(group["GroupId"]) for group in tasks)
    allowed = security_groups.let_out(tasks, 443, INTERNET_IPV6 if subnet.get("Ipv6Native") else INTERNET)
    if tasks and allowed is False:
        text = f"the security groups {names} let nothing out on port 443"
        yield wrong(subject, WAY, text, "Allow TCP 443 to 0.0.0.0/0, or to the endpoints of ECR, S3 and the logs.")
    elif tasks and allowed is None:
        text = f"the way to {what} leads through {way.text}, but {names} let out on port 443 to some addresses only"
        yield not_checkable(subject, WAY, text, "Check that ECR, S3 and the logs are among them.")
    elif way.followed:
        yield ok(subject, WAY, f"reaches {what} through {way.text}")
    else:
        yield ok(subject, WAY, f"the way to {what} leads through {way.text}, and verify can't follow it from there")


def _way(subnet: Json, vpc: Vpc, wanted: Setting, needs: Needs) -> Way:
    way = routes.out(subnet, vpc, public_ip=wanted.public_ip)
    if subnet.get("Ipv6Native") and needs.only_ipv4:
        translated = routes.nat64(subnet, vpc)
        if translated.open is not False:
            return translated
        host = "use ACCOUNT.dkr-ecr.REGION.on.aws"
        return Way(open=False, text=f"it has IPv6 only, and the host of {needs.only_ipv4[0]} has IPv4 only ({host})")
    if way.open is False and not needs.only_ipv4 and routes.over_ipv6(subnet, vpc).open:
        return Way(open=None, text="it leads over IPv6 only, which tasks use if the account setting is dualStackIPv6")
    return way


def _no_way(way: Way, without: Sequence[str], needs: Needs, subnet: Json, vpc: Vpc) -> str:
    nothing = "neither a NAT gateway, nor an internet gateway with a public IP, nor endpoints"
    off = [name for name in without if _found(name, subnet, vpc)]
    missing = f" (missing: {', '.join(without)})" if without else ""
    private = f"; private DNS is off for {', '.join(off)}" if off else ""
    return f"no route to {_listed(without, needs)}: {way.text or nothing}{missing}{private}"


def _listed(without: Sequence[str], needs: Needs) -> str:
    """In words; S3 by itself only if ECR can be reached."""
    short = [name for name in without if name != S3] if set(without) & set(PULL[:2]) else without
    return ", ".join(dict.fromkeys([*(NAMES[name] for name in short), *needs.outside]))


def _remedy(subnet: Json, vpc: Vpc, without: Sequence[str], needs: Needs) -> str:
    table = (routes.table_of(subnet, vpc) or {}).get("RouteTableId", "its route table")
    destination, through = ("0.0.0.0/0", "a NAT gateway")
    if subnet.get("Ipv6Native"):
        destination, through = ("::/0", "an egress-only internet gateway")
    ways = [f"Route {destination} in {table} to {through}"]
    if not subnet.get("Ipv6Native"):
        ways.append("set assignPublicIp to ENABLED in a subnet with an internet gateway")
    if without and not needs.outside:
        ways.append(f"create VPC endpoints, with private DNS, for {', '.join(without)}")
    return f"{', or '.join(ways)}."


# ---- endpoints ----


def _found(name: str, subnet: Json, vpc: Vpc) -> list[Json]:
    """The endpoints of this service in the subnet's VPC, usable or not."""
    return [
        each
        for each in vpc.endpoints
        if str(each.get("ServiceName", "")).endswith(f".{name}") and each.get("VpcId", "") == subnet["VpcId"]
    ]


def _endpoint(name: str, subnet: Json, vpc: Vpc) -> Json | None:
    """The endpoint through which tasks of this subnet reach the service by its usual name, without doing more."""
    table = (routes.table_of(subnet, vpc) or {}).get("RouteTableId")
    for each in _found(name, subnet, vpc):
        if str(each.get("State", "available")).lower() != "available":
            continue
        if each.get("VpcEndpointType") == "Gateway" and table in each.get("RouteTableIds", ()):
            return each
        if each.get("VpcEndpointType") == "Interface" and each.get("PrivateDnsEnabled") and _speaks(each, subnet):
            inbound_only = (each.get("DnsOptions") or {}).get("PrivateDnsOnlyForInboundResolverEndpoint")
            if not inbound_only:
                return each
    return None


def _speaks(endpoint: Json, subnet: Json) -> bool:
    kind = str(endpoint.get("IpAddressType", "ipv4")).lower()
    return kind == "dualstack" or kind == ("ipv6" if subnet.get("Ipv6Native") else "ipv4")


def _blocked(endpoint: Json, subnet: Json, vpc: Vpc, tasks: Sequence[Json]) -> str:
    """Why tasks can't use this endpoint, although they try to; empty if nothing is certain to stop them."""
    name, sources = endpoint["VpcEndpointId"], [str(group["GroupId"]) for group in tasks]
    service = _service(endpoint)
    if not tasks:
        return ""
    if endpoint.get("VpcEndpointType") == "Gateway":
        allowed = security_groups.let_out(tasks, 443, Peer((security_groups.ANYWHERE,)))
        return "" if allowed is not False else f"{', '.join(sources)} let nothing out on port 443 to {name} ({service})"
    ids = [str(group["GroupId"]) for group in endpoint.get("Groups", ())]
    own = [group for group in vpc.groups if group["GroupId"] in ids]
    if len(own) < len(ids):
        return ""
    cidrs = [str(subnet["CidrBlock"])] if subnet.get("CidrBlock") and not subnet.get("Ipv6Native") else []
    if own and security_groups.let_in(own, 443, Peer(cidrs, sources)) is False:
        return f"{', '.join(ids)} of the endpoint {name} ({service}) do not let {', '.join(sources)} in on port 443"
    if own and security_groups.let_out(tasks, 443, Peer(groups=ids)) is False:
        return f"{', '.join(sources)} let nothing out on port 443 to the endpoint {name} ({service})"
    return ""


def _service(endpoint: Json) -> str:
    """The last part of the service's name, such as ``ecr.dkr``."""
    return next((name for name in NAMES if str(endpoint["ServiceName"]).endswith(f".{name}")), "")
