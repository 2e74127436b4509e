"""Whether a deployment can start tasks: percentages, capacity providers, container instances."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecs_cd.verify.rules.finding import Finding, not_checkable, ok, wrong
from ecs_cd.verify.rules.platforms import wanted
from ecs_cd.verify.rules.ports import mapped, mode

Json = Mapping[str, Any]

COUNT, LAUNCH, PROVIDERS, INSTANCES = "task-count", "launch-type", "capacity-providers", "container-instances"
_ALLOW = "Allow the role that runs verify autoscaling:DescribeAutoScalingGroups."
FARGATE = ("FARGATE", "FARGATE_SPOT")


@dataclass(frozen=True)
class Launch:
    """How a service's tasks are started: the kind is FARGATE, EC2, EXTERNAL or PROVIDERS, the providers of a strategy
    that are not Fargate's."""

    kind: str
    providers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Capacity:
    """Of the cluster: its providers' names, the providers of the service and their Auto Scaling groups, and the ACTIVE
    container instances. ``None``: could not be read, or was not asked for."""

    attached: Sequence[str] | None = None
    providers: Sequence[Json] | None = None
    groups: Sequence[Json] | None = None
    instances: Sequence[Json] | None = None


def launch(service: Json) -> Launch:
    """From the service, or its PRIMARY task set if CodeDeploy or another controller made it."""
    sets: Json = next((each for each in service.get("taskSets", ()) if each.get("status") == "PRIMARY"), {})
    kind = service.get("launchType") or sets.get("launchType")
    strategy = service.get("capacityProviderStrategy") or sets.get("capacityProviderStrategy") or ()
    names = tuple(str(each["capacityProvider"]) for each in strategy)
    if names:
        return Launch("FARGATE" if set(names) <= set(FARGATE) else "PROVIDERS", names)
    return Launch(str(kind or "EC2"))


# ---- the service's own settings ----


def check_counts(subject: str, service: Json) -> Iterator[Finding]:
    """A rolling update may stop an old task or start a new one."""
    desired = int(service.get("desiredCount", 0))
    settings = service.get("deploymentConfiguration") or {}
    controller = (service.get("deploymentController") or {}).get("type", "ECS")
    rolling = controller == "ECS" and settings.get("strategy", "ROLLING") == "ROLLING"
    least, most = bounds(service)
    if service.get("schedulingStrategy") == "DAEMON":
        if rolling and settings.get("minimumHealthyPercent", 0) >= 100:
            text = "a daemon service with minimumHealthyPercent 100 may not stop a task, and starts none before that"
            yield wrong(subject, COUNT, text, "Set minimumHealthyPercent below 100 in the infra repo.")
        else:
            yield ok(subject, COUNT, "a daemon service: one task on each container instance")
    elif desired == 0:
        yield ok(subject, COUNT, "desiredCount is 0: a deployment starts no task, so it does not show whether one runs")
    elif rolling and least >= desired >= most:
        low, high = settings.get("minimumHealthyPercent"), settings.get("maximumPercent")
        text = f"of {desired} tasks, none may stop (minimumHealthyPercent {low}) and none may be added"
        yield wrong(
            subject,
            COUNT,
            f"{text} (maximumPercent {high}), so a deployment never ends",
            "Lower minimumHealthyPercent or raise maximumPercent in the infra repo.",
        )
    else:
        between = f"; a deployment runs between {least} and {most}" if rolling else ""
        yield ok(subject, COUNT, f"desiredCount is {desired}{between}")


def bounds(service: Json) -> tuple[int, int]:
    """The least and the most tasks during a rolling update; ECS rounds the first up and the second down."""
    desired, settings = int(service.get("desiredCount", 0)), service.get("deploymentConfiguration") or {}
    least = -(-desired * int(settings.get("minimumHealthyPercent", 100)) // 100)
    return least, desired * int(settings.get("maximumPercent", 200)) // 100


def check_launch(subject: str, how: Launch, definition: Json) -> Iterator[Finding]:
    """The template's requiresCompatibilities and network mode allow the launch type; for Fargate, registering.py
    checks them."""
    required = [str(each) for each in definition.get("requiresCompatibilities", ())]
    kind = "EC2" if how.kind == "PROVIDERS" else how.kind
    names = f" ({', '.join(how.providers)})" if how.providers else ""
    network = mode(definition)
    if kind == "FARGATE" and "FARGATE_SPOT" in how.providers and wanted(definition).startswith("windows"):
        text = "FARGATE_SPOT runs no Windows containers"
        yield wrong(subject, LAUNCH, text, "Use FARGATE in the service's capacityProviderStrategy.")
    elif kind == "EXTERNAL" and network == "awsvpc":
        text = "external instances do not support networkMode awsvpc"
        yield wrong(subject, LAUNCH, text, "Set networkMode to bridge, host or none in the template.")
    elif required and not _compatible(how, required):
        text = f"the service starts tasks on {kind}{names}, and requiresCompatibilities is {', '.join(required)}"
        yield wrong(subject, LAUNCH, text, f"Add {kind} to requiresCompatibilities in the template.")
    else:
        yield ok(subject, LAUNCH, f"tasks run on {'Fargate' if kind == 'FARGATE' else kind}{names}")


def _compatible(how: Launch, required: Sequence[str]) -> bool:
    """Every task definition for Fargate also runs on EC2; a capacity provider may be of managed instances."""
    allowed = {"EXTERNAL": {"EXTERNAL"}, "EC2": {"EC2", "FARGATE"}}
    return bool(allowed.get(how.kind, set(required)) & set(required))


def check_providers(subject: str, how: Launch, capacity: Capacity) -> Iterator[Finding]:
    """The capacity providers are the cluster's, and ACTIVE."""
    if not how.providers or capacity.attached is None:
        return
    missing = [name for name in how.providers if name not in capacity.attached]
    if missing:
        has = ", ".join(capacity.attached) or "none"
        text = f"the cluster has no capacity provider {', '.join(missing)}; it has {has}"
        yield wrong(subject, PROVIDERS, text, "Attach it to the cluster in the infra repo, or correct the strategy.")
    known = {str(each["name"]): each for each in capacity.providers or ()}
    idle = [f"{name} is {each['status']}" for name, each in known.items() if each.get("status", "ACTIVE") != "ACTIVE"]
    if idle:
        yield wrong(subject, PROVIDERS, f"the capacity provider {', '.join(idle)}", "Use one that is ACTIVE.")
    if not missing and not idle:
        yield ok(subject, PROVIDERS, f"{', '.join(how.providers)} belong to the cluster")


# ---- container instances ----


def expressions(service: Json, definition: Json) -> tuple[str, ...]:
    """The placement constraints that say which instances may run the task."""
    found = [*service.get("placementConstraints", ()), *definition.get("placementConstraints", ())]
    return tuple(str(each["expression"]) for each in found if each.get("type") == "memberOf" and each.get("expression"))


@dataclass(frozen=True)
class Size:
    """What one task takes of an instance: CPU units, memory in MiB, TCP and UDP host ports."""

    cpu: int
    memory: int
    tcp: frozenset[str] = frozenset()
    udp: frozenset[str] = frozenset()


def size(definition: Json) -> Size:
    """Of the task, or else the sum of its containers, for which memoryReservation comes first."""
    containers = definition["containerDefinitions"]
    cpu = _units(definition.get("cpu"), 1024, "vcpu") or sum(int(each.get("cpu", 0)) for each in containers)
    memory = _units(definition.get("memory"), 1024, "gb") or sum(
        int(each.get("memoryReservation") or each.get("memory") or 0) for each in containers
    )
    fixed = [m for m in mapped(definition) if m.host] if mode(definition) != "awsvpc" else []
    ports = {kind: frozenset(str(m.host) for m in fixed if m.protocol == kind) for kind in ("tcp", "udp")}
    return Size(cpu, memory, ports["tcp"], ports["udp"])


def _units(text: Any, factor: int, unit: str) -> int:
    """``256``, ``.25 vCPU`` or ``1 GB``; 0 if it is missing."""
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z]*)\s*", str(text or ""))
    if not found:
        return 0
    number = float(found[1])
    return int(number * factor) if found[2].lower() == unit else int(number)


def check_room(subject: str, service: Json, definition: Json, how: Launch, capacity: Capacity) -> Iterator[Finding]:
    """At least one container instance takes one more task of this definition, where a deployment needs that."""
    if capacity.instances is None or how.kind == "FARGATE" or _is_managed(capacity):
        return
    own = [each for each in capacity.instances if _may_run(each, how)]
    if not own:
        yield from _no_instance(subject, how, capacity)
        return
    connected = [each for each in own if each.get("agentConnected", True)]
    need = size(definition)
    lacking = [why for each in connected if (why := _lacks(each, need, definition))]
    if len(lacking) < len(connected):
        text = f"{len(connected) - len(lacking)} of {len(own)} container instances have room for another task"
        yield ok(subject, INSTANCES, text)
    elif not connected:
        text = f"the agent of none of {len(own)} container instances is connected to ECS"
        yield wrong(subject, INSTANCES, text, "Check the instances' network and role, or replace them.")
    elif _stops_first(service):
        text = "no container instance has room for another task; a deployment stops an old task first"
        yield ok(subject, INSTANCES, text)
    elif grows := _can_grow(how, capacity):
        yield ok(subject, INSTANCES, f"no container instance has room for another task; {grows}")
    elif how.kind == "PROVIDERS" and capacity.groups is None:
        text = "no container instance has room for another task, and the Auto Scaling group can't be read"
        yield not_checkable(subject, INSTANCES, text, _ALLOW)
    else:
        reasons = ", ".join(dict.fromkeys(lacking))
        text = f"no container instance has room for another task ({need.cpu} CPU units, {need.memory} MiB): {reasons}"
        remedy = (
            "Add an instance, make the task smaller, or lower minimumHealthyPercent so that an old task stops first."
        )
        yield wrong(subject, INSTANCES, text, remedy)


def _is_managed(capacity: Capacity) -> bool:
    """ECS starts managed instances when a task needs one."""
    return any(each.get("managedInstancesProvider") for each in capacity.providers or ())


def _no_instance(subject: str, how: Launch, capacity: Capacity) -> Iterator[Finding]:
    grows = _can_grow(how, capacity)
    of = f" of {', '.join(how.providers)}" if how.providers else ""
    if grows:
        yield ok(subject, INSTANCES, f"the cluster has no container instance{of}; {grows}")
    elif how.kind == "PROVIDERS" and capacity.groups is None:
        text = f"the cluster has no container instance{of}, and the Auto Scaling group can't be read"
        yield not_checkable(subject, INSTANCES, text, _ALLOW)
    else:
        text = f"the cluster has no ACTIVE container instance{of} that meets the task's placement constraints"
        yield wrong(subject, INSTANCES, text, "Start an instance that joins this cluster, or use Fargate.")


def _may_run(instance: Json, how: Launch) -> bool:
    """Launch type EC2 uses every instance; a strategy, those of its providers."""
    return not how.providers or instance.get("capacityProviderName") in how.providers


def _can_grow(how: Launch, capacity: Capacity) -> str:
    """What says that capacity providers start an instance; empty if they don't."""
    for provider in capacity.providers or ():
        settings = provider.get("autoScalingGroupProvider") or {}
        if (settings.get("managedScaling") or {}).get("status") != "ENABLED":
            continue
        arn = str(settings.get("autoScalingGroupArn", ""))
        for group in capacity.groups or ():
            own = group.get("AutoScalingGroupARN") == arn
            desired, most = group.get("DesiredCapacity", 0), group.get("MaxSize", 0)
            if own and desired < most:
                return f"{provider['name']} can grow from {desired} to {most} instances"
    return ""


def _stops_first(service: Json) -> bool:
    least, _ = bounds(service)
    settings = service.get("deploymentConfiguration") or {}
    rolling = settings.get("strategy", "ROLLING") == "ROLLING"
    ecs = (service.get("deploymentController") or {}).get("type", "ECS") == "ECS"
    daemon = service.get("schedulingStrategy") == "DAEMON"
    return daemon or (rolling and ecs and int(service.get("runningCount", 0)) > least)


def _lacks(instance: Json, need: Size, definition: Json) -> str:
    """What this instance lacks for the task; empty if it can take it."""
    free = {str(each["name"]): each for each in instance.get("remainingResources", ())}
    name = str(instance.get("ec2InstanceId") or instance["containerInstanceArn"].rpartition("/")[2])
    attributes = {str(each["name"]): str(each.get("value", "")) for each in instance.get("attributes", ())}
    machine = {"x86_64": "amd64", "arm64": "arm64"}.get(attributes.get("ecs.cpu-architecture", ""), "")
    asked = wanted(definition).partition("/")[2] if definition.get("runtimePlatform") else ""
    if machine and asked and machine != asked:
        return f"{name} is {machine}"
    if mode(definition) == "awsvpc" and attributes and "ecs.capability.task-eni" not in attributes:
        return f"{name} can't run networkMode awsvpc"
    for kind, amount in (("CPU", need.cpu), ("MEMORY", need.memory)):
        if kind in free and int(free[kind].get("integerValue", amount)) < amount:
            return f"{name} has {free[kind].get('integerValue')} {kind} left"
    for kind, ports in (("PORTS", need.tcp), ("PORTS_UDP", need.udp)):
        used = ports & set(free.get(kind, {}).get("stringSetValue", ()))
        if used:
            return f"{name} uses port {', '.join(sorted(used))} already"
    return ""
