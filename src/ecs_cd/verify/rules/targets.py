"""Load balancers of a service: the containers' ports, the target groups, and what routes to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ecs_cd.model.names import closest
from ecs_cd.model.references import short
from ecs_cd.verify.rules import security_groups
from ecs_cd.verify.rules.finding import Finding, not_checkable, ok, wrong
from ecs_cd.verify.rules.ports import Mapped, mapped, mode
from ecs_cd.verify.rules.security_groups import Peer

Json = Mapping[str, Any]

PORT, GROUP, HEALTH, LISTENER, CONNECT = (
    "load-balancer-port", "target-group", "health-check", "listener", "service-connect",
)  # fmt: skip
_UDP = ("UDP", "TCP_UDP", "QUIC", "TCP_QUIC")
_TEMPLATE = "Add the port to portMappings in the template, or correct the service's load balancer in the infra repo."
_INFRA = "Correct the target group in the infra repo."


@dataclass(frozen=True)
class Attached:
    """A target group that a service's tasks become targets of, with their container and port.

    ``id``: its ARN or, of a CodeDeploy deployment group, its name. ``other``: the id of the one that takes turns with
    it in blue/green deployments. ``group``: as Elastic Load Balancing shows it, or ``None`` if it does not exist.
    ``routed``: whether a load balancer uses this one or the other.
    """

    id: str
    container: str
    port: int
    other: str = ""
    group: Json | None = None
    routed: bool = False

    @property
    def name(self) -> str:
        """The target group's name."""
        return group_name(self.id) if self.id.startswith("arn:") else self.id


def attached(service: Json) -> list[Attached]:
    """The target groups that DescribeServices names."""
    found: list[Attached] = []
    for each in load_balancers(service):
        arn, own = each.get("targetGroupArn"), (str(each.get("containerName", "")), int(each.get("containerPort", 0)))
        other = str((each.get("advancedConfiguration") or {}).get("alternateTargetGroupArn", ""))
        found += [Attached(str(arn), *own, other)] if arn else []
        found += [Attached(other, *own, str(arn))] if arn and other else []
    return found


def of_codedeploy(group: Json, service: Json, known: Sequence[str]) -> list[Attached]:
    """The target groups of a CodeDeploy deployment group, without those whose names are ``known``."""
    first: Json = next(iter(load_balancers(service)), {})
    own = str(first.get("containerName", "")), int(first.get("containerPort", 0))
    pairs = (group.get("loadBalancerInfo") or {}).get("targetGroupPairInfoList", ())
    found = [[str(each["name"]) for each in pair.get("targetGroups", ()) if each.get("name")] for pair in pairs]
    return [
        Attached(name, *own, next((other for other in names if other != name), ""))
        for names in found
        for name in names
        if name not in known
    ]


def paired(found: Sequence[Attached], pairs: Sequence[Attached]) -> list[Attached]:
    """All target groups of a service that CodeDeploy deploys: those of the service know the other of their pair, to
    which CodeDeploy may have moved the traffic."""
    others = {each.other: each.id for each in pairs}
    return [*(replace(each, other=each.other or others.get(each.name, "")) for each in found), *pairs]


def load_balancers(service: Json) -> Sequence[Json]:
    """The service's ``loadBalancers``, or those of its PRIMARY task set."""
    sets: Json = next((each for each in service.get("taskSets", ()) if each.get("status") == "PRIMARY"), {})
    found: Sequence[Json] = service.get("loadBalancers") or sets.get("loadBalancers") or ()
    return found


def listeners(service: Json) -> list[tuple[str, str]]:
    """The listener rules of ECS's own blue/green, each with its kind."""
    settings = [each.get("advancedConfiguration") or {} for each in load_balancers(service)]
    kinds = {"production": "productionListenerRule", "test": "testListenerRule"}
    return [(kind, str(each[key])) for each in settings for kind, key in kinds.items() if each.get(key)]


@dataclass(frozen=True)
class Tasks:
    """Where the service's tasks are: their VPC, its subnets' zones, and their security groups, if known."""

    vpc: str = ""
    zones: Sequence[str] = ()
    groups: Sequence[Json] = ()


NOWHERE = Tasks()


# ---- names and ports in the template ----


def check_ports(subject: str, service: Json, definition: Json) -> Iterator[Finding]:
    """Each load balancer and service registry of the service names a container and a mapped port of the template."""
    containers = [str(each["name"]) for each in definition["containerDefinitions"]]
    ports = mapped(definition)
    for each in [*load_balancers(service), *service.get("serviceRegistries", ())]:
        name, port = str(each.get("containerName", "")), each.get("containerPort")
        what = _kind(each)
        if not name and port is None:
            continue
        if name not in containers:
            text = f"{what} names container {name}, which the template lacks{closest(name, containers)}"
            yield wrong(subject, PORT, f"{text}; it has {', '.join(containers)}", _TEMPLATE)
        elif port is not None and not any(_is(mapping, name, port) for mapping in ports):
            own = ", ".join(str(m.port or m.span) for m in ports if m.container == name) or "none"
            text = f"{what} uses port {port} of container {name}, whose portMappings have {own}"
            yield wrong(subject, PORT, text, _TEMPLATE)
        else:
            yield ok(subject, PORT, f"{what} uses {name}:{port}, which the template maps")


def _kind(each: Json) -> str:
    if "registryArn" in each:
        return f"the service registry {short(each['registryArn'])}"
    arn = str(each.get("targetGroupArn", ""))
    return f"the target group {group_name(arn)}" if arn else f"the load balancer {each.get('loadBalancerName', '')}"


def group_name(arn: str) -> str:
    """The name in the ARN of a target group."""
    return arn.rpartition(":targetgroup/")[2].partition("/")[0]


def _is(mapping: Mapped, container: str, port: int) -> bool:
    first, _, last = mapping.span.partition("-")
    in_span = first.isdigit() and last.isdigit() and int(first) <= port <= int(last)
    return mapping.container == container and (mapping.port == port or in_span)


def check_connect(subject: str, service: Json, definition: Json) -> Iterator[Finding]:
    """The port names of Service Connect and VPC Lattice are names of port mappings."""
    names = [mapping.name for mapping in mapped(definition) if mapping.name]
    primary: Json = next((d for d in service.get("deployments", ()) if d.get("status") == "PRIMARY"), service)
    connect = primary.get("serviceConnectConfiguration") or {}
    entries = connect.get("services", ()) if connect.get("enabled") else ()
    lattice = primary.get("vpcLatticeConfigurations", ())
    for kind, each in (*(("Service Connect", e) for e in entries), *(("VPC Lattice", e) for e in lattice)):
        port = str(each.get("portName", ""))
        if port in names:
            yield ok(subject, CONNECT, f"{kind} uses the port name {port}, which the template has")
        else:
            text = f"{kind} uses the port name {port}, which no port mapping has{closest(port, names)}"
            remedy = "Set `name` in the port mapping in the template, or correct portName in the infra repo."
            yield wrong(subject, CONNECT, f"{text}; the names are {', '.join(names) or 'none'}", remedy)


# ---- target groups ----


def check_group(subject: str, one: Attached, service: Json, definition: Json, tasks: Tasks) -> Iterator[Finding]:
    """The target group exists, is routed to, and takes the service's tasks; its health check asks a port that they
    have, and gives them the time that the template does."""
    if one.group is None:
        text = f"the target group {one.name} does not exist"
        yield wrong(subject, GROUP, text, "Create it in the infra repo, or correct the service's load balancer.")
        return
    problems = [*_fits(one, one.group, definition, tasks), *_routed(one)]
    for text, remedy in problems:
        yield wrong(subject, GROUP, f"target group {one.name}: {text}", remedy)
    if not problems:
        text = f"target group {one.name}: {one.group.get('Protocol', '')} to {one.container}:{one.port}"
        yield ok(subject, GROUP, f"{text}, target type {one.group.get('TargetType', '')}")
    yield from _port_of_check(subject, one, one.group, definition)
    yield from _start(subject, one, one.group, service, definition)


def _fits(one: Attached, group: Json, definition: Json, tasks: Tasks) -> Iterator[tuple[str, str]]:
    kind, network = str(group.get("TargetType", "instance")), mode(definition)
    wanted = "ip" if network == "awsvpc" else "instance"
    if kind != wanted:
        remedy = "A target type can't change: create another target group in the infra repo, or change networkMode."
        yield f"its target type is {kind}, and tasks with network mode {network} need {wanted}", remedy
    if tasks.vpc and group.get("VpcId", tasks.vpc) != tasks.vpc:
        yield f"it is in {group['VpcId']}, and the service's subnets are in {tasks.vpc}", _INFRA
    protocol, taken = str(group.get("Protocol", "")), {"udp"} if group.get("Protocol") in _UDP else {"tcp"}
    taken |= {"tcp"} if "TCP" in protocol else set()
    own = {m.protocol for m in mapped(definition) if _is(m, one.container, one.port)}
    if own and not own & taken:
        text = f"its protocol is {protocol}, and the template maps {one.container}:{one.port} as {', '.join(own)}"
        yield text, "Correct the target group in the infra repo, or `protocol` in the template."


def _routed(one: Attached) -> Iterator[tuple[str, str]]:
    if not one.routed:
        remedy = "Add it to a listener or to a listener rule in the infra repo."
        yield "no load balancer uses it, so ECS refuses it (does not have an associated load balancer)", remedy


# ---- the load balancer ----


def check_balancer(subject: str, one: Attached, balancer: Json, definition: Json, tasks: Tasks) -> Iterator[Finding]:
    """The load balancer is active, in the zones of the tasks, and their security groups let it in."""
    for text, remedy in _balancer(balancer, tasks):
        yield wrong(subject, GROUP, f"target group {one.name}: {text}", remedy)
    yield from _let_in(subject, one, balancer, definition, tasks)


def _balancer(balancer: Json, tasks: Tasks) -> Iterator[tuple[str, str]]:
    state = str((balancer.get("State") or {}).get("Code", "active"))
    if state not in ("active", "active_impaired"):
        yield f"its load balancer {balancer.get('LoadBalancerName')} is {state}", "Wait for it, or repair it."
    enabled = {str(zone.get("ZoneName")) for zone in balancer.get("AvailabilityZones", ())}
    other = [zone for zone in tasks.zones if zone not in enabled]
    if enabled and other:
        name = balancer.get("LoadBalancerName")
        text = f"its load balancer {name} has no subnet in {', '.join(other)}, where tasks may run"
        yield text, "Add a subnet of this zone to the load balancer, or remove the zone's subnets from the service."


def _let_in(subject: str, one: Attached, balancer: Json, definition: Json, tasks: Tasks) -> Iterator[Finding]:
    """Only for awsvpc, where tasks have security groups of their own."""
    group, sources = one.group or {}, [str(each) for each in balancer.get("SecurityGroups", ())]
    if not sources or not tasks.groups or mode(definition) != "awsvpc":
        return
    names = ", ".join(str(each["GroupId"]) for each in tasks.groups)
    for port in dict.fromkeys((one.port, _check_port(one, group))):
        protocol = "udp" if group.get("Protocol") in ("UDP", "QUIC") and port == one.port else "tcp"
        allowed = security_groups.let_in(tasks.groups, port, Peer(groups=sources), protocol)
        if allowed is False:
            text = f"{names} of the tasks do not let the load balancer in on port {port} ({', '.join(sources)})"
            yield wrong(subject, GROUP, text, f"Allow {protocol.upper()} {port} from {', '.join(sources)}.")


# ---- health checks ----


def _check_port(one: Attached, group: Json) -> int:
    port = str(group.get("HealthCheckPort", "traffic-port"))
    return int(port) if port.isdigit() else one.port


def check_health(subject: str, one: Attached, health: Sequence[Json]) -> Iterator[Finding]:
    """What the health check asks, and whether a target answers it now."""
    asks = _request(one.group or {})
    if not asks:
        return
    states = [each.get("TargetHealth") or {} for each in health]
    live = [state for state in states if state.get("State") not in ("draining", "unhealthy.draining", "unused")]
    healthy = sum(state.get("State") == "healthy" for state in live)
    if healthy:
        yield ok(subject, HEALTH, f"{asks} of {one.name}: {healthy} of {len(live)} targets are healthy now")
    elif any(state.get("State") == "unhealthy" for state in live):
        reason = next(_reason(state) for state in live if state.get("State") == "unhealthy")
        remedy = "Let the app answer this request, or correct the target group's health check in the infra repo."
        yield wrong(subject, HEALTH, f"{asks} of {one.name}: no target is healthy now ({reason})", remedy)
    elif not one.other:  # of a pair, one has no targets
        text = f"{asks} of {one.name}: it has no target yet, so only the first task shows whether the app answers"
        yield not_checkable(subject, HEALTH, text)


def _reason(state: Json) -> str:
    return ": ".join(str(state[key]) for key in ("Reason", "Description") if state.get(key))


def _request(group: Json) -> str:
    """The health check in words; empty if there is none."""
    if group.get("HealthCheckEnabled") is False:
        return ""
    protocol, port = str(group.get("HealthCheckProtocol", "TCP")), group.get("HealthCheckPort", "traffic-port")
    if not protocol.startswith("HTTP"):
        return f"health check by {protocol} on {port}"
    matcher = group.get("Matcher") or {}
    codes = matcher.get("HttpCode") or f"gRPC {matcher.get('GrpcCode', '')}"
    return f"health check {protocol} {group.get('HealthCheckPath', '/')} on {port}, expecting {codes},"


def _port_of_check(subject: str, one: Attached, group: Json, definition: Json) -> Iterator[Finding]:
    port, found = _check_port(one, group), mapped(definition)
    own = str(group.get("HealthCheckPort", "traffic-port")).isdigit()
    if not own or any(m.host == port for m in found) or (one.port == port and mode(definition) == "awsvpc"):
        return
    text = f"the health check of {one.name} asks port {port}, which no portMapping of the template has"
    remedy = "Use traffic-port in the target group, or map the port in the template."
    if mode(definition) == "bridge":
        yield wrong(subject, HEALTH, text, remedy)
    elif mode(definition) == "awsvpc":  # a container may listen on a port that isn't mapped
        yield not_checkable(subject, HEALTH, text, remedy)


def _start(subject: str, one: Attached, group: Json, service: Json, definition: Json) -> Iterator[Finding]:
    """The template says how long the container may take to start; the load balancer must not give up before that."""
    container: Json = next((c for c in definition["containerDefinitions"] if c["name"] == one.container), {})
    start = (container.get("healthCheck") or {}).get("startPeriod", 0)
    grace = service.get("healthCheckGracePeriodSeconds") or 0
    interval, count = group.get("HealthCheckIntervalSeconds", 30), group.get("UnhealthyThresholdCount", 2)
    patience = grace + interval * count
    if start > patience:
        yield not_checkable(
            subject,
            HEALTH,
            f"container {one.container} may take {start} s to start (startPeriod), and ECS stops a task that "
            f"{one.name} finds unhealthy after {patience} s",
            f"Set healthCheckGracePeriodSeconds of the service to {start} or more in the infra repo.",
        )


# ---- listeners of ECS's blue/green ----


def check_listener(subject: str, kind: str, arn: str, actions: Sequence[Json] | None) -> Iterator[Finding]:
    """The listener rule exists and forwards. ``actions`` is ``None`` if it does not exist."""
    name = arn.partition(":listener")[2].lstrip("-").removeprefix("rule/").removeprefix("/")
    if actions is None:
        text = f"the {kind} listener rule {name} does not exist"
        yield wrong(subject, LISTENER, text, "Correct the service's advancedConfiguration in the infra repo.")
    elif not any(action.get("Type") == "forward" for action in actions):
        text = f"the {kind} listener rule {name} does not forward to target groups"
        yield wrong(subject, LISTENER, text, "Let it forward to the service's target groups.")
    else:
        yield ok(subject, LISTENER, f"the {kind} listener rule {name} forwards to target groups")
