"""A CloudFormation template: its text, and the values of its parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import yaml

from ecs_cd.model.errors import Refused

_SECTIONS = {
    *("AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions"),
    *("Resources", "Outputs"),
}
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: !Ref, !Sub, ... Dates stay texts, and no key is given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise Refused(f"The template has {', '.join(sorted(twice))} twice, line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


def _short_form(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _short_form)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text: str) -> dict[str, Any]:
    """The template, with the long form of every function."""
    found = _parsed(text)
    if not isinstance(found, dict) or not isinstance(found.get("Resources"), dict):
        raise Refused("The template has no Resources")
    unknown = sorted(set(found) - _SECTIONS)
    if unknown:
        raise Refused([f"{name}: this section of the template isn't supported" for name in unknown])
    return found


def _parsed(text: str) -> Any:
    """JSON first, because it may have tabs, which YAML doesn't allow."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise Refused(f"The template is neither YAML nor JSON: {error}") from None


def values(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The parameters' values, checked as CloudFormation does; no value is in an error."""
    declared = template.get("Parameters", {})
    problems = [f"Parameters.{name}: the template has no such parameter" for name in given if name not in declared]
    for name, parameter in declared.items():
        problems += [f"Parameters.{name}: {problem}" for problem in _problems(parameter, given.get(name))]
    if problems:
        raise Refused(problems)
    return {
        name: _typed(parameter["Type"], given.get(name, _default(parameter))) for name, parameter in declared.items()
    }


def _default(parameter: Mapping[str, Any]) -> str:
    value = parameter.get("Default")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _typed(kind: str, value: str) -> Any:
    if kind == "Number":
        return float(value) if "." in value else int(value)
    return _listed(value) if _is_list(kind) else value


def _is_list(kind: str) -> bool:
    return kind == "CommaDelimitedList" or kind.startswith("List<")


def _listed(value: str) -> list[str]:
    return [each.strip() for each in value.split(",")] if value else []


def _problems(parameter: Mapping[str, Any], given: str | None) -> Iterator[str]:
    kind = str(parameter.get("Type", ""))
    if kind.startswith("AWS::SSM::"):
        yield f"the type {kind} can't be read without AWS"
    elif not (kind in ("String", "Number", "CommaDelimitedList") or kind.startswith(("List<", "AWS::"))):
        yield f"the type {kind or 'is missing'} isn't supported"
    elif given is None and "Default" not in parameter:
        yield "is missing"
    else:
        value = _default(parameter) if given is None else given
        wrong = list(_violations(parameter, kind, value))
        yield from [str(parameter.get("ConstraintDescription", wrong[0]))] if wrong else []


def _violations(parameter: Mapping[str, Any], kind: str, value: str) -> Iterator[str]:
    items = _listed(value) if _is_list(kind) else [value]
    allowed = [_default({"Default": each}) for each in parameter.get("AllowedValues", [])]
    if allowed and not set(items) <= set(allowed):
        yield f"must be one of {', '.join(allowed)}"
    pattern = parameter.get("AllowedPattern")
    if pattern and not all(re.fullmatch(pattern, each) for each in items):
        yield f"must match {pattern}"
    yield from _number(parameter, value) if kind == "Number" else _length(parameter, value)


def _number(parameter: Mapping[str, Any], value: str) -> Iterator[str]:
    if not _NUMBER.fullmatch(value):
        yield "must be a number"
    elif not float(parameter.get("MinValue", value)) <= float(value) <= float(parameter.get("MaxValue", value)):
        yield f"must be between {parameter.get('MinValue', '-∞')} and {parameter.get('MaxValue', '∞')}"


def _length(parameter: Mapping[str, Any], value: str) -> Iterator[str]:
    size = len(value)
    if not int(parameter.get("MinLength", size)) <= size <= int(parameter.get("MaxLength", size)):
        yield f"must have {parameter.get('MinLength', 0)} to {parameter.get('MaxLength', 'any number of')} characters"
