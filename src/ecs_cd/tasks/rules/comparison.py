"""Whether ECS would run two task definitions the same way."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ecs_cd.tasks.rules.task_definition import TaskDefinition, is_empty


def same(left: TaskDefinition, right: TaskDefinition) -> bool:
    """Whether ECS would run both the same way: ignores ECS's defaults, and order if it has no meaning."""
    return canonical(left) == canonical(right)


def first_equal(definitions: Sequence[TaskDefinition]) -> list[int]:
    """For each definition, the index of the first one that ECS would run the same way: they share a revision."""
    return [
        next(
            number
            for number, earlier in enumerate(definitions)
            if earlier is each or (earlier["family"] == each["family"] and same(earlier, each))
        )
        for each in definitions
    ]


# What ECS uses, and often fills in, for missing fields.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "": {"networkMode": "bridge", "enableFaultInjection": False},
    "containerDefinitions": {
        "essential": True,
        "cpu": 0,
        "disableNetworking": False,
        "interactive": False,
        "privileged": False,
        "pseudoTerminal": False,
        "readonlyRootFilesystem": False,
        "versionConsistency": "enabled",
    },
    "authorizationConfig": {"iam": "DISABLED"},
    "dockerVolumeConfiguration": {"autoprovision": False, "driver": "local", "scope": "task"},
    "efsVolumeConfiguration": {"rootDirectory": "/", "transitEncryption": "DISABLED", "transitEncryptionPort": 0},
    "healthCheck": {"interval": 30, "timeout": 5, "retries": 3, "startPeriod": 0},
    "linuxParameters": {"initProcessEnabled": False},
    "mountPoints": {"readOnly": False},
    "proxyConfiguration": {"type": "APPMESH"},
    "restartPolicy": {"restartAttemptPeriod": 300},
    "s3filesVolumeConfiguration": {"rootDirectory": "/"},
    "volumes": {"configuredAtLaunch": False},
    "volumesFrom": {"readOnly": False},
}
_FARGATE = {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}
MAPS = {"dockerLabels", "options", "driverOpts", "labels"}  # users choose the keys, and empty values count
# Lists whose order means nothing to ECS, and which it may return in another order: the member that identifies an
# element, and the other member if there is exactly one more.
NAMED = {
    "containerDefinitions": ("name", ""),
    "dependsOn": ("containerName", "condition"),
    "devices": ("hostPath", ""),
    "environment": ("name", "value"),
    "extraHosts": ("hostname", "ipAddress"),
    "inferenceAccelerators": ("deviceName", "deviceType"),
    "mountPoints": ("containerPath", ""),
    "portMappings": ("port", ""),  # see _port
    "properties": ("name", "value"),
    "resourceRequirements": ("type", "value"),
    "secretOptions": ("name", "valueFrom"),
    "secrets": ("name", "valueFrom"),
    "systemControls": ("namespace", "value"),
    "tags": ("key", "value"),
    "tmpfs": ("containerPath", ""),
    "ulimits": ("name", ""),
    "volumes": ("name", ""),
}
_SETS = {"requiresCompatibilities", "placementConstraints", "add", "drop", "permissions", "ignoredExitCodes"}


def canonical(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A normalised definition as a tree that is equal for all definitions that ECS runs the same way.

    Omits defaults and empty values. The lists of ``NAMED`` become mappings; a repeated name keeps all its values in
    order, because it is not documented which of them counts.
    """
    top = dict(definition)
    for field, unit in (("cpu", "vcpu"), ("memory", "gb")):
        if field in top:
            top[field] = _units(top[field], unit)
    for field in ("taskRoleArn", "executionRoleArn"):
        if field in top:  # ARN or short name; a role always belongs to the task's account
            top[field] = re.sub(r"^arn:[^:]+:iam::[0-9]+:role/", "", top[field])
    if top.get("requiresCompatibilities") == ["FARGATE"]:
        platform = top.get("runtimePlatform", {})
        top["runtimePlatform"] = {k: v for k, v in platform.items() if _FARGATE.get(k) != v}
    same_ports = top.get("networkMode") in ("awsvpc", "host")
    if "containerDefinitions" in top:
        top["containerDefinitions"] = [_with_ports(each, same_ports) for each in top["containerDefinitions"]]
    tree: dict[str, Any] = _tree(top, "")
    return tree


def _tree(value: Any, field: str) -> Any:
    if isinstance(value, Mapping):
        if field in MAPS:
            return dict(value)
        defaults = _DEFAULTS.get(field, {})
        inner = {name: _tree(member, name) for name, member in value.items()}
        return {k: v for k, v in inner.items() if not is_empty(v) and (k not in defaults or defaults[k] != v)}
    if isinstance(value, list):
        items = [_tree(item, field) for item in value]
        if field in NAMED:
            return _by_name(items, *NAMED[field])
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if field in _SETS else items
    return value


def _by_name(items: list[dict[str, Any]], name: str, value: str) -> dict[str, Any]:
    found: dict[str, list[Any]] = {}
    for item in items:
        rest = {member: inner for member, inner in item.items() if member != name}
        found.setdefault(str(item.get(name, "")), []).append(rest.get(value, "") if value else rest)
    return {label: values[0] if len(values) == 1 else values for label, values in found.items()}


def _with_ports(container: Mapping[str, Any], same_ports: bool) -> dict[str, Any]:
    return {**container, "portMappings": [_port(mapping, same_ports) for mapping in container.get("portMappings", ())]}


def _port(mapping: Mapping[str, Any], same_ports: bool) -> dict[str, Any]:
    """A port mapping in Docker's notation, ``8080:80/tcp``; ECS treats any protocol other than ``udp`` as ``tcp``."""
    numbers = {"containerPort", "containerPortRange", "hostPort", "protocol"}
    inside = mapping.get("containerPort") or mapping.get("containerPortRange", "")
    outside = mapping.get("hostPort")
    fixed = f"{outside}:" if outside and not (same_ports and outside == inside) else ""
    protocol = "udp" if mapping.get("protocol") == "udp" else "tcp"
    rest = {name: value for name, value in mapping.items() if name not in numbers}
    return {"port": f"{fixed}{inside}/{protocol}", **rest}


def _units(text: str, unit: str) -> str:
    """``0.25 vCPU`` is 256 CPU units, ``4 GB`` is 4096 MiB."""
    written = re.fullmatch(rf"\s*([0-9]*\.?[0-9]+)\s*({unit})?\s*", text.lower())
    if not written:
        return text
    return str(round(float(written[1]) * 1024)) if written[2] else written[1].lstrip("0") or "0"
