"""Task definitions: read a template, put images in, compare with what is registered.

Everything goes by botocore's model of RegisterTaskDefinition, which the caller passes in: a field
that AWS adds is known as soon as botocore knows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from ecs_cd.core import data
from ecs_cd.core.errors import Refused
from ecs_cd.core.schema import closest

TaskDefinition = dict[str, Any]
Shape = Any  # botocore.model.Shape: type_name, members, member, key, value

_WORDS = {"true": True, "false": False}
# What no image reference holds, and every way to write a placeholder does.
_PLACEHOLDER = re.compile(r"[<>{}$%\s]|^__.*__$")


def read(text: str, register: Shape, described: Shape, *, where: str) -> TaskDefinition:
    """The task definition in ``text`` (JSON or YAML), as RegisterTaskDefinition takes it.

    ``register`` is the input of RegisterTaskDefinition, ``described`` what DescribeTaskDefinition
    calls a task definition: fields that only the second has are output and are left out. Raises
    ``Refused`` with every problem and its path.
    """
    what = f"the task definition in {where}"
    content = data.parse(text, what=what, numbers_as_written=True)
    found = [f"{path}: stands there twice; keep one" for path in data.duplicate_keys(content)]
    if not isinstance(content, dict):
        raise Refused(f"{what} has to be a mapping that holds `family` and `containerDefinitions`")
    definition = normalise(content, register, described, found)
    if found:
        raise Refused([f"{what} has {len(found)} problem{'s' * (len(found) > 1)}:", *found])
    return definition


def normalise(content: Mapping[str, Any], register: Shape, described: Shape, found: list[str]) -> TaskDefinition:
    """Without the wrapper of DescribeTaskDefinition, output-only fields and empty values; with the
    types that ECS wants. What can't be so is added to ``found``."""
    inner = content.get("taskDefinition")
    if isinstance(inner, Mapping):
        content = {**inner, **({"tags": content["tags"]} if content.get("tags") else {})}
    output_only = set(described.members) - set(register.members)
    kept = {name: value for name, value in content.items() if name not in output_only}
    result = _fit(kept, register, "", found)
    return result if isinstance(result, dict) else {}


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
        {**container, "image": images.get(container["name"], container.get("image"))}
        for container in definition["containerDefinitions"]
    ]
    return {**definition, "containerDefinitions": containers}


def same(one: TaskDefinition, other: TaskDefinition) -> bool:
    """Whether ECS would run the two alike: order where it means nothing and ECS's defaults aside."""
    return bool(_canonical(one) == _canonical(other))


def container(definition: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The container's definition, or an empty one where it is not there."""
    return next((c for c in definition.get("containerDefinitions", ()) if c.get("name") == name), {})


# ---- by the model's shape ----


def _fit(value: Any, shape: Shape, path: str, found: list[str]) -> Any:
    """``value`` with the types of ``shape``; ``None`` where nothing is left of it."""
    if shape.type_name == "structure":
        return _fit_structure(value, shape, path, found)
    if shape.type_name == "list":
        if not isinstance(value, list):
            found.append(f"{path}: must be a list")
            return None
        items = [_fit(item, shape.member, f"{path}[{index}]", found) for index, item in enumerate(value)]
        return [item for item in items if item is not None]
    if shape.type_name == "map":
        if not isinstance(value, Mapping):
            found.append(f"{path}: must be a mapping")
            return None
        fitted = {str(k): _fit(v, shape.value, data.join(path, str(k)), found) for k, v in value.items()}
        return {k: v for k, v in fitted.items() if v is not None}
    return _fit_scalar(value, shape, path, found)


def _fit_structure(value: Any, shape: Shape, path: str, found: list[str]) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        found.append(f"{path or 'the task definition'}: must be a mapping")
        return None
    kept: dict[str, Any] = {}
    for name, inner in value.items():
        here = data.join(path, name)
        if name not in shape.members:
            found.append(f"{here}: ECS has no such field{_where_it_belongs(name, shape)}")
        elif not _empty(inner):
            fitted = _fit(inner, shape.members[name], here, found)
            if not _empty(fitted):
                kept[name] = fitted
    if shape.name == "KeyValuePair" and "name" in kept:
        kept.setdefault("value", "")  # an empty environment value is a value
    if kept or not path:
        missing = (name for name in shape.required_members if name not in kept)
        found += [f"{data.join(path, name)}: is missing" for name in missing]
    return kept or None


def _where_it_belongs(name: str, shape: Shape) -> str:
    containers = shape.members.get("containerDefinitions")
    if containers is not None and name in containers.member.members:
        return "; it is one of containerDefinitions[]"
    return closest(name, shape.members)


def _fit_scalar(value: Any, shape: Shape, path: str, found: list[str]) -> Any:
    if isinstance(value, Mapping | list):
        found.append(f"{path}: must be a single value, not {'a list' if isinstance(value, list) else 'a mapping'}")
        return None
    if value is None or shape.type_name == "string":
        return str(value).lower() if isinstance(value, bool) else value if value is None else str(value)
    text = str(value).strip()
    if shape.type_name == "boolean":
        if text.lower() not in _WORDS:
            found.append(f"{path}: must be true or false")
        return _WORDS.get(text.lower())
    if shape.type_name in ("integer", "long"):
        if not re.fullmatch(r"[-+]?[0-9]{1,18}(?:\.0{1,18})?", text):
            found.append(f"{path}: must be a whole number")
            return None
        return int(text.partition(".")[0])
    try:
        return float(text)
    except ValueError:
        found.append(f"{path}: must be a number")
        return None


def _empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, list | Mapping) and not value)


# ---- comparison ----

# What DescribeTaskDefinition fills in where the template is silent.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "containerDefinitions": {"essential": True, "cpu": 0},
    "portMappings": {"protocol": "tcp", "hostPort": 0},
    "healthCheck": {"interval": 30, "timeout": 5, "retries": 3},
    "efsVolumeConfiguration": {"rootDirectory": "/"},
}
_MAPS = {"dockerLabels", "options", "driverOpts", "labels"}  # whose keys are the user's, and an empty value is one
_UNORDERED = {
    "environment", "secrets", "portMappings", "mountPoints", "volumes", "tags", "requiresCompatibilities",
}  # fmt: skip


def _canonical(definition: TaskDefinition) -> Any:
    same_ports = definition.get("networkMode") in ("awsvpc", "host")
    top = {"networkMode": "bridge", **definition}
    if top.get("enableFaultInjection") is False:
        del top["enableFaultInjection"]
    for size in ("cpu", "memory"):
        if size in top:
            top[size] = _units(str(top[size]))
    return _plain(top, "", same_ports)


def _plain(value: Any, name: str, same_ports: bool) -> Any:
    if isinstance(value, Mapping):
        if name in _MAPS:
            return dict(value)
        kept = {k: _plain(v, k, same_ports) for k, v in value.items()}
        if name == "portMappings" and same_ports and kept.get("hostPort") == kept.get("containerPort"):
            kept.pop("hostPort", None)
        defaults = _DEFAULTS.get(name, {})
        return {k: v for k, v in kept.items() if not _empty(v) and (k not in defaults or defaults[k] != v)}
    if isinstance(value, list):
        items = [_plain(item, name, same_ports) for item in value]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if name in _UNORDERED else items
    return value


def _units(text: str) -> str:
    """``0.25 vCPU`` is 256 CPU units, ``4 GB`` is 4096 MiB."""
    written = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(vcpu|gb)\s*", text.lower())
    return str(round(float(written[1]) * 1024)) if written else text.strip()


def log_options(definition: Mapping[str, Any], name: str) -> dict[str, str]:
    """The awslogs options of a container; empty where its logs go elsewhere."""
    configuration = container(definition, name).get("logConfiguration", {})
    return dict(configuration.get("options", {})) if configuration.get("logDriver") == "awslogs" else {}
