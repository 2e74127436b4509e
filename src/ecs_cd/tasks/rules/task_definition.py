"""Task definitions: reads a template, fits it to ECS's fields and types, and inserts images.

Follows botocore's model of RegisterTaskDefinition, which the caller passes in: a field that AWS adds works as soon as
botocore knows it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.model import json_yaml
from ecs_cd.model.errors import Refused
from ecs_cd.model.names import closest

TaskDefinition = dict[str, Any]
Shape = Any  # botocore.model.Shape: type_name, members, member, key, value

_NEWER = "A field may be newer than this release: `allow-unknown-fields: true` sends it to ECS as written."
_WORDS = {"true": True, "false": False}
_KINDS = {"boolean": "true or false", "integer": "a whole number", "long": "a whole number"}
_WHOLE = re.compile(r"[-+]?[0-9]{1,18}(?:\.0{1,18})?")
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(?:\.[0-9]{1,18})?")
# No image reference matches this, and every style of placeholder does.
_PLACEHOLDER = re.compile(r"[<>{}$%\s]|^__.*__$")


def read(
    text: str,
    register: Shape,
    described: Shape,
    sdk: str,
    *,
    where: str,
    keep_null_value_keys: Collection[str] = (),
    allow_unknown: bool = False,
) -> TaskDefinition:
    """The task definition in ``text`` (JSON or YAML), as RegisterTaskDefinition takes it.

    ``register`` is the input of RegisterTaskDefinition, ``described`` the task definition in the output of
    DescribeTaskDefinition. Omits fields that only the second has, because they are output only, and empty values,
    except those of ``keep_null_value_keys``. ``allow_unknown`` keeps fields that the model of ``sdk``, the SDK's name
    and version, lacks. Raises ``Refused`` with every problem and its path.
    """
    what = f"the task definition in {where}"
    content = json_yaml.parse(text, what=what, numbers_as_written=True)
    found = [f"{path}: occurs twice; keep one" for path in json_yaml.duplicate_keys(content)]
    if not isinstance(content, dict) or not _resembles(content, register):
        raise Refused(f"{what} must be a mapping with `family` and `containerDefinitions`")
    definition = normalise(content, register, described, sdk, found, keep_null_value_keys, allow_unknown=allow_unknown)
    names = [each.get("name") for each in definition.get("containerDefinitions", ())]
    for index, name in enumerate(names):  # the model doesn't require it, but ECS and our lookups do
        if name is None:
            found.append(f"containerDefinitions[{index}].name: is missing")
        elif name in names[:index]:
            found.append(f"containerDefinitions[{index}].name: another container has the same name")
    if found:
        raise Refused([f"{what} has {len(found)} problem{'s' * (len(found) > 1)}:", *found], remedy(found, sdk))
    return definition


def remedy(problems: Collection[str], sdk: str) -> str:
    """What to do if one of these problems is that the model of ``sdk`` lacks a field; empty if none is."""
    return _NEWER if any(f": {sdk} has no such field" in problem for problem in problems) else ""


def _resembles(content: Mapping[str, Any], register: Shape) -> bool:
    """Whether any key is a field of a task definition, however it is spelt: otherwise it is another file, whose keys
    don't belong in a log."""
    fields = {name.lower() for name in ("taskDefinition", *register.members)}
    return not content or any(re.sub(r"[^a-z]", "", key.lower()) in fields for key in content)


def normalise(
    content: Mapping[str, Any],
    register: Shape,
    described: Shape,
    sdk: str,
    found: list[str],
    keep_null_value_keys: Collection[str] = (),
    *,
    allow_unknown: bool = False,
) -> TaskDefinition:
    """Removes the wrapper of DescribeTaskDefinition, output-only fields and empty values, and converts to ECS's types.

    Adds every value that does not fit to ``found``. ``sdk`` is the SDK's name and version, empty if its model is
    complete. ``allow_unknown`` keeps fields that the model lacks.
    """
    inner = content.get("taskDefinition")
    if isinstance(inner, Mapping):
        content = {**inner, **({"tags": content["tags"]} if content.get("tags") else {})}
    output_only = set(described.members) - set(register.members)
    kept = {name: value for name, value in content.items() if name not in output_only}
    if isinstance(kept.get("tags"), list):
        kept["tags"] = [tag for tag in kept["tags"] if not _is_of_aws(tag)]
    fitting = _Fitting(register, sdk, keep_null_value_keys, found, allow_unknown)
    result: TaskDefinition = fitting.structure(kept, register, "")
    return result


def unknown_fields(definition: Mapping[str, Any], shape: Shape) -> list[str]:
    """The paths of the fields that this shape of a task definition lacks."""
    return list(_unknown_in(definition, shape, ""))


def _unknown_in(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if shape.type_name == "list" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown_in(item, shape.member, f"{path}[{index}]")
    elif shape.type_name == "structure" and isinstance(value, Mapping):
        for name, inner in value.items():
            here = json_yaml.join(path, name)
            if name in shape.members:
                yield from _unknown_in(inner, shape.members[name], here)
            else:
                yield here


def _is_of_aws(tag: Any) -> bool:
    """Whether AWS set this tag, for example CloudFormation: Describe returns it, and Register refuses it."""
    return isinstance(tag, Mapping) and str(tag.get("key", "")).lower().startswith("aws:")


def check_containers(definition: TaskDefinition, names: Collection[str], *, where: str) -> None:
    """Raises ``Refused`` if one of these containers is missing, or if the image of any other is still a placeholder."""
    existing = [str(container.get("name", "")) for container in definition["containerDefinitions"]]
    what = f"the task definition in {where}"
    found = [
        f"{what} has no container `{name}`{closest(name, existing)}; it has {', '.join(existing)}"
        for name in names
        if name not in existing
    ]
    for name in existing:
        image = str(container(definition, name).get("image", ""))
        if name not in names and (not image or _PLACEHOLDER.search(image)):
            found.append(f"{what}: container `{name}` has no image, and the document doesn't set it")
    if found:
        raise Refused(found)


def with_images(definition: TaskDefinition, images: Mapping[str, str]) -> TaskDefinition:
    """A copy in which the containers named in ``images`` run these images."""
    containers = [
        {**container, "image": images[container["name"]]} if container["name"] in images else container
        for container in definition["containerDefinitions"]
    ]
    return {**definition, "containerDefinitions": containers}


def container(definition: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The container's definition, or an empty one if it is missing."""
    return next((c for c in definition.get("containerDefinitions", ()) if c.get("name") == name), {})


# ---- fitting to the model ----

_COMMANDS = {"command", "entryPoint"}  # an empty word in a command counts
_NOTHING: dict[str, type] = {"string": str, "list": list, "map": dict, "structure": dict}


@dataclass(frozen=True)
class _Fitting:
    """Fits content to a model: ``None`` if nothing is left of a value. Adds what does not fit to ``found``."""

    model: Shape
    sdk: str
    keep: Collection[str]
    found: list[str]
    allow_unknown: bool

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
        reported: set[str] = set()  # a field with another problem isn't also reported as missing
        for name, inner in value.items():
            here, before = json_yaml.join(path, name), len(self.found)
            if name in shape.members:
                fitted[name] = self.member(inner, shape.members[name], here, name in self.keep)
                reported |= {name} if len(self.found) > before else set()
                continue
            spelling = _spelling(name, shape)
            if self.allow_unknown and not spelling:
                fitted[name] = json_yaml.typed(inner)
                continue
            reported.add(spelling)
            self.found.append(f"{here}: {self.unknown(name, spelling, shape)}")
        kept = {name: inner for name, inner in fitted.items() if inner is not None}
        if path and all(is_empty(inner) for inner in kept.values()):
            return None  # as the official action does, even for keys to keep
        _complete(kept, shape, path)
        self.require(shape, path, {*kept, *reported})
        return kept

    def member(self, value: Any, shape: Shape, path: str, keep: bool) -> Any:
        """A key to keep keeps an empty value, except null, which the official action doesn't send either."""
        fitted = None if is_empty(value) else self.value(value, shape, path)
        if not is_empty(fitted):
            return fitted
        if not keep or value is None or shape.type_name not in _NOTHING:
            return None
        if shape.type_name == "structure":
            self.require(shape, path, ())
        return _NOTHING[shape.type_name]()

    def require(self, shape: Shape, path: str, existing: Collection[str]) -> None:
        missing = [name for name in shape.required_members if name not in existing]
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
            elif shape.member.type_name not in ("structure", "list", "map"):  # the intent is unknown
                self.found.append(f"{here}: is null; write a value, or remove the element")
        return [item for item in items if not is_empty(item) or (words and item == "")]

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

    def unknown(self, name: str, spelling: str, shape: Shape) -> str:
        if spelling:
            return f"ECS has no such field; ECS spells it `{spelling}`"
        places = list(_places(self.model, name))
        if 1 <= len(places) <= 2:  # more: a name like `type`, which is no hint
            return f"ECS has no such field; it belongs in {' or '.join(places)}"
        return f"{self.sdk or 'ECS'} has no such field{closest(name, shape.members)}"


def _complete(kept: dict[str, Any], shape: Shape, path: str) -> None:
    """Keeps an empty environment value; in App Mesh's properties also an empty name, as the official action does."""
    if shape.name == "KeyValuePair":
        if "name" in kept or path.startswith("proxyConfiguration."):
            kept.setdefault("value", "")
        if path.startswith("proxyConfiguration."):
            kept.setdefault("name", "")


def _spelling(name: str, shape: Shape) -> str:
    """ECS's spelling of CloudFormation's ``PortMappings`` or Terraform's ``port_mappings``; empty if unknown."""
    plain = re.sub("[-_]", "", name).lower()
    return next((str(known) for known in shape.members if known.lower() == plain), "")


def _places(shape: Shape, name: str, path: str = "") -> Iterator[str]:
    """The places in the model with a field of this name."""
    if shape.type_name == "list":
        yield from _places(shape.member, name, f"{path}[]")
    elif shape.type_name == "structure":
        if name in shape.members:
            yield path or "the task definition itself"
        for member, inner in shape.members.items():
            yield from _places(inner, name, json_yaml.join(path, member))


def is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, list | Mapping) and not value)
