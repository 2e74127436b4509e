"""Task definitions: read a template, put images in, compare with what is registered.

Everything goes by botocore's model of RegisterTaskDefinition, which the caller passes in: a field
that AWS adds is known as soon as botocore knows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecs_cd.model import json_yaml
from ecs_cd.model.errors import Refused
from ecs_cd.model.names import closest

TaskDefinition = dict[str, Any]
Shape = Any  # botocore.model.Shape: type_name, members, member, key, value

_WORDS = {"true": True, "false": False}
_KINDS = {"boolean": "true or false", "integer": "a whole number", "long": "a whole number"}
_WHOLE = re.compile(r"[-+]?[0-9]{1,18}(?:\.0{1,18})?")
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(?:\.[0-9]{1,18})?")
# What no image reference holds, and every way to write a placeholder does.
_PLACEHOLDER = re.compile(r"[<>{}$%\s]|^__.*__$")


def read(
    text: str, register: Shape, described: Shape, *, where: str, keep_null_value_keys: Collection[str] = ()
) -> TaskDefinition:
    """The task definition in ``text`` (JSON or YAML), as RegisterTaskDefinition takes it.

    ``register`` is the input of RegisterTaskDefinition, ``described`` what DescribeTaskDefinition
    calls a task definition: fields that only the second has are output and are left out. Empty values
    are left out too, but for those of ``keep_null_value_keys``. Raises ``Refused`` with every problem
    and its path.
    """
    what = f"the task definition in {where}"
    content = json_yaml.parse(text, what=what, numbers_as_written=True)
    found = [f"{path}: stands there twice; keep one" for path in json_yaml.duplicate_keys(content)]
    if not isinstance(content, dict):
        raise Refused(f"{what} has to be a mapping that holds `family` and `containerDefinitions`")
    definition = normalise(content, register, described, found, keep_null_value_keys)
    names = [one.get("name") for one in definition.get("containerDefinitions", ())]
    for index, name in enumerate(names):  # the model does not say so, but ECS does, and we look containers up
        if name is None:
            found.append(f"containerDefinitions[{index}].name: is missing")
        elif name in names[:index]:
            found.append(f"containerDefinitions[{index}].name: another container has it, too")
    if found:
        raise Refused([f"{what} has {len(found)} problem{'s' * (len(found) > 1)}:", *found])
    return definition


def normalise(
    content: Mapping[str, Any],
    register: Shape,
    described: Shape,
    found: list[str],
    keep_null_value_keys: Collection[str] = (),
) -> TaskDefinition:
    """Without the wrapper of DescribeTaskDefinition, output-only fields and empty values; with the
    types that ECS wants. What can't be so is added to ``found``."""
    inner = content.get("taskDefinition")
    if isinstance(inner, Mapping):
        content = {**inner, **({"tags": content["tags"]} if content.get("tags") else {})}
    output_only = set(described.members) - set(register.members)
    kept = {name: value for name, value in content.items() if name not in output_only}
    if isinstance(kept.get("tags"), list):
        kept["tags"] = [tag for tag in kept["tags"] if not _is_of_aws(tag)]
    result: TaskDefinition = _Fitting(register, keep_null_value_keys, found).structure(kept, register, "")
    return result


def _is_of_aws(tag: Any) -> bool:
    """A tag that CloudFormation has set, say: Describe tells it, and Register refuses it."""
    return isinstance(tag, Mapping) and str(tag.get("key", "")).lower().startswith("aws:")


def check_containers(definition: TaskDefinition, names: Collection[str], *, where: str) -> None:
    """Raises ``Refused`` where a container of these is not there, and where the image of another, which
    nobody replaces, is still a placeholder."""
    there = [str(container.get("name", "")) for container in definition["containerDefinitions"]]
    what = f"the task definition in {where}"
    found = [
        f"{what} has no container `{name}`{closest(name, there)}; it has {', '.join(there)}"
        for name in names
        if name not in there
    ]
    for name in there:
        image = str(container(definition, name).get("image", ""))
        if name not in names and (not image or _PLACEHOLDER.search(image)):
            found.append(f"{what}: container `{name}` has no image, and the document names none")
    if found:
        raise Refused(found)


def with_images(definition: TaskDefinition, images: Mapping[str, str]) -> TaskDefinition:
    """A copy in which the containers named in ``images`` run these images."""
    containers = [
        {**container, "image": images[container["name"]]} if container["name"] in images else container
        for container in definition["containerDefinitions"]
    ]
    return {**definition, "containerDefinitions": containers}


def same(one: TaskDefinition, other: TaskDefinition) -> bool:
    """Whether ECS would run the two alike: order where it means nothing and ECS's defaults aside."""
    return canonical(one) == canonical(other)


def first_equal(definitions: Sequence[TaskDefinition]) -> list[int]:
    """For each the number of the first one that ECS would run alike: those share a revision."""
    return [
        next(
            number
            for number, other in enumerate(definitions)
            if other is one or (other["family"] == one["family"] and same(other, one))
        )
        for one in definitions
    ]


def container(definition: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The container's definition, or an empty one where it is not there."""
    return next((c for c in definition.get("containerDefinitions", ()) if c.get("name") == name), {})


# ---- by the model's shape ----

_COMMANDS = {"command", "entryPoint"}  # an empty word of a command is a word
_NOTHING: dict[str, type] = {"string": str, "list": list, "map": dict, "structure": dict}


@dataclass(frozen=True)
class _Fitting:
    """Content made to fit a model: ``None`` where nothing is left of a value, and what does not fit is ``found``."""

    model: Shape
    keep: Collection[str]
    found: list[str]

    def value(self, value: Any, shape: Shape, path: str) -> Any:
        if shape.type_name == "structure":
            return self.structure(value, shape, path)
        if shape.type_name == "list":
            return self.sequence(value, shape, path)
        if shape.type_name == "map":
            return self.mapping(value, shape, path)
        return self.scalar(value, shape, path)

    def structure(self, value: Any, shape: Shape, path: str) -> Any:
        if not isinstance(value, Mapping):
            self.found.append(f"{path}: must be a mapping")
            return None
        fitted: dict[str, Any] = {}
        told: set[str] = set()  # what has a problem of its own is not missing as well
        for name, inner in value.items():
            here, before = json_yaml.join(path, name), len(self.found)
            if name in shape.members:
                fitted[name] = self.member(inner, shape.members[name], here, name in self.keep)
                told |= {name} if len(self.found) > before else set()
            else:
                spelling = _spelling(name, shape)
                told.add(spelling)
                hint = f"; ECS spells it `{spelling}`" if spelling else self.where_it_belongs(name, shape)
                self.found.append(f"{here}: ECS has no such field{hint}")
        kept = {name: inner for name, inner in fitted.items() if inner is not None}
        if path and all(_empty(inner) for inner in kept.values()):
            return None  # so does the official action, whatever is to be kept
        _complete(kept, shape, path)
        self.require(shape, path, {*kept, *told})
        return kept

    def member(self, value: Any, shape: Shape, path: str, keep: bool) -> Any:
        """A key that is to be kept keeps an empty value, but for null: the official action does not send it either."""
        fitted = None if _empty(value) else self.value(value, shape, path)
        if not _empty(fitted):
            return fitted
        if not keep or value is None or shape.type_name not in _NOTHING:
            return None
        if shape.type_name == "structure":
            self.require(shape, path, ())
        return _NOTHING[shape.type_name]()

    def require(self, shape: Shape, path: str, there: Collection[str]) -> None:
        missing = [name for name in shape.required_members if name not in there]
        self.found.extend(f"{json_yaml.join(path, name)}: is missing" for name in missing)

    def sequence(self, value: Any, shape: Shape, path: str) -> Any:
        if not isinstance(value, list):
            self.found.append(f"{path}: must be a list")
            return None
        words = path.rpartition(".")[2] in _COMMANDS
        items = []
        for index, item in enumerate(value):
            here = f"{path}[{index}]"
            if item is not None:
                items.append(self.value(item, shape.member, here))
            elif shape.member.type_name not in ("structure", "list", "map"):  # nobody can know what was meant
                self.found.append(f"{here}: is null; write a value, or leave the element out")
        return [item for item in items if not _empty(item) or (words and item == "")]

    def mapping(self, value: Any, shape: Shape, path: str) -> Any:
        if not isinstance(value, Mapping):
            self.found.append(f"{path}: must be a mapping")
            return None
        return {
            str(key): self.value(inner, shape.value, json_yaml.join(path, str(key)))
            for key, inner in value.items()
            if inner is not None
        }

    def scalar(self, value: Any, shape: Shape, path: str) -> Any:
        if isinstance(value, Mapping | list):
            is_list = isinstance(value, list)
            self.found.append(f"{path}: must be a single value, not {'a list' if is_list else 'a mapping'}")
            return None
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if shape.type_name == "string":
            return text
        text = text.strip().lower()
        if shape.type_name == "boolean" and text in _WORDS:
            return _WORDS[text]
        if shape.type_name in ("integer", "long") and _WHOLE.fullmatch(text):
            return int(text.partition(".")[0])
        if shape.type_name in ("float", "double") and _NUMBER.fullmatch(text):
            return float(text)
        self.found.append(f"{path}: must be {_KINDS.get(shape.type_name, 'a number')}")
        return None

    def where_it_belongs(self, name: str, shape: Shape) -> str:
        places = list(_places(self.model, name))
        if 1 <= len(places) <= 2:  # more: a name like `type`, which says nothing
            return f"; it belongs in {' or '.join(places)}"
        return closest(name, shape.members)


def _complete(kept: dict[str, Any], shape: Shape, path: str) -> None:
    """An empty environment value is a value; of App Mesh's properties the official action says so of the name, too."""
    if shape.name == "KeyValuePair":
        if "name" in kept or path.startswith("proxyConfiguration."):
            kept.setdefault("value", "")
        if path.startswith("proxyConfiguration."):
            kept.setdefault("name", "")


def _spelling(name: str, shape: Shape) -> str:
    """How ECS spells what CloudFormation writes as ``PortMappings`` and Terraform as ``port_mappings``; or nothing."""
    plain = re.sub("[-_]", "", name).lower()
    return next((str(known) for known in shape.members if known.lower() == plain), "")


def _places(shape: Shape, name: str, path: str = "") -> Iterator[str]:
    """Where in the model a field has this name."""
    if shape.type_name == "list":
        yield from _places(shape.member, name, f"{path}[]")
    elif shape.type_name == "structure":
        if name in shape.members:
            yield path or "the task definition itself"
        for member, inner in shape.members.items():
            yield from _places(inner, name, json_yaml.join(path, member))


def _empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, list | Mapping) and not value)


# ---- comparison ----

# What ECS takes, and often fills in, where a definition is silent.
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
MAPS = {"dockerLabels", "options", "driverOpts", "labels"}  # whose keys are the user's, and an empty value is one
# Lists in whose order ECS sees nothing, and which it may tell in another: the member that tells the elements apart, and
# the only other one where there is no more.
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
    """A normalised definition as a tree that is equal for all that ECS runs alike.

    Without defaults and empty values; the lists of ``NAMED`` are mappings, in which a name that stands there more than
    once has all its values, in their order: nobody says which of them counts.
    """
    top = dict(definition)
    for field, unit in (("cpu", "vcpu"), ("memory", "gb")):
        if field in top:
            top[field] = _units(top[field], unit)
    for field in ("taskRoleArn", "executionRoleArn"):
        if field in top:  # or a role's short name; a role is always of the task's own account
            top[field] = re.sub(r"^arn:[^:]+:iam::[0-9]+:role/", "", top[field])
    if top.get("requiresCompatibilities") == ["FARGATE"]:
        platform = top.get("runtimePlatform", {})
        top["runtimePlatform"] = {k: v for k, v in platform.items() if _FARGATE.get(k) != v}
    same_ports = top.get("networkMode") in ("awsvpc", "host")
    if "containerDefinitions" in top:
        top["containerDefinitions"] = [_with_ports(one, same_ports) for one in top["containerDefinitions"]]
    tree: dict[str, Any] = _tree(top, "")
    return tree


def _tree(value: Any, field: str) -> Any:
    if isinstance(value, Mapping):
        if field in MAPS:
            return dict(value)
        defaults = _DEFAULTS.get(field, {})
        inner = {name: _tree(member, name) for name, member in value.items()}
        return {k: v for k, v in inner.items() if not _empty(v) and (k not in defaults or defaults[k] != v)}
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


def _with_ports(one: Mapping[str, Any], same_ports: bool) -> dict[str, Any]:
    return {**one, "portMappings": [_port(mapping, same_ports) for mapping in one.get("portMappings", ())]}


def _port(mapping: Mapping[str, Any], same_ports: bool) -> dict[str, Any]:
    """Its numbers as Docker writes them, ``8080:80/tcp``; a protocol that is not ``udp`` is ``tcp`` to ECS."""
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


def log_options(definition: Mapping[str, Any], name: str) -> dict[str, str]:
    """The awslogs options of a container; empty where its logs go elsewhere."""
    configuration = container(definition, name).get("logConfiguration", {})
    return dict(configuration.get("options", {})) if configuration.get("logDriver") == "awslogs" else {}
