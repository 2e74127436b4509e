"""EventBridge: which rules an event matches, and what their targets get.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ecs_cd.local.codepipeline.rules.infra import Rule, Target
from ecs_cd.model.errors import Refused
from ecs_cd.model.json_yaml import join

Event = Mapping[str, Any]

_MATCHERS = ("prefix", "suffix", "anything-but", "exists")
_PATH = re.compile(r"\$(?:\.[A-Za-z0-9_-]+)*")
_NAME = re.compile(r"<([A-Za-z0-9_.-]+)>")
_STRING_OR_NAME = re.compile(r'"(?:[^"\\]|\\.)*"|' + _NAME.pattern)


def problems(rules: Sequence[Rule]) -> list[str]:
    """What the rules have that this module does not support, or EventBridge does not accept."""
    return [f"rule {rule.name}: {problem}" for rule in rules for problem in _rule_problems(rule)]


def matching(rules: Sequence[Rule], event: Event) -> list[tuple[Target, dict[str, Any]]]:
    """The targets of the rules that the event matches, with their input: a pipeline without a transformer starts with
    nothing."""
    return [
        (target, _input(target, event)) for rule in rules if matches(rule.pattern, event) for target in rule.targets
    ]


def matches(pattern: Mapping[str, Any], event: Event) -> bool:
    """Whether every field of the pattern matches the event's."""
    return all(_field_matches(wanted, event, name) for name, wanted in pattern.items())


def named(rules: Sequence[Rule], source: str, *path: str) -> frozenset[str] | None:
    """The values that the rules for this source name at the path; ``None`` if one of them accepts others as well."""
    found: set[str] = set()
    for rule in rules:
        if not matches({"source": rule.pattern.get("source", [source])}, {"source": source}):
            continue
        wanted: Any = rule.pattern
        for name in path:
            wanted = wanted.get(name) if isinstance(wanted, Mapping) else None
        if not isinstance(wanted, list) or not all(isinstance(each, str) for each in wanted):
            return None
        found |= set(wanted)
    return frozenset(found)


# ---- patterns ----


def _field_matches(wanted: Any, event: Event, name: str) -> bool:
    there, value = name in event, event.get(name)
    if isinstance(wanted, Mapping):
        return matches(wanted, value if isinstance(value, Mapping) else {})
    values = value if isinstance(value, list) else [value]
    return any(_value_matches(each, values, there) for each in wanted)


def _value_matches(wanted: Any, values: Sequence[Any], there: bool) -> bool:
    if isinstance(wanted, Mapping) and "exists" in wanted:
        return bool(wanted["exists"]) is there
    return there and any(_matches_one(wanted, value) for value in values)


def _matches_one(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, Mapping):
        numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (wanted, value))
        return (numbers or type(wanted) is type(value)) and bool(wanted == value)
    ((matcher, operand),) = wanted.items()
    if matcher == "anything-but":
        others = operand if isinstance(operand, list) else [operand]
        return not any(_matches_one(each, value) for each in others)
    text = value if isinstance(value, str) else ""
    begins = matcher == "prefix"
    return isinstance(value, str) and (text.startswith(operand) if begins else text.endswith(operand))


# ---- the input ----


def _input(target: Target, event: Event) -> dict[str, Any]:
    if not target.input_template:
        return {}
    values = {name: value for name, path in target.input_paths.items() for value in _at(path, event)}
    try:
        made = json.loads(_filled(target.input_template, values))
    except ValueError:
        absent = [f"<{name}> ({path})" for name, path in target.input_paths.items() if name not in values]
        why = f"the event has no {', '.join(absent)}" if absent else "it becomes no JSON"
        raise Refused(f"the input template can't be filled in: {why}") from None
    return dict(made)


def _at(path: str, event: Event) -> Iterator[Any]:
    """The value at this path; none if the event has no such field."""
    value: Any = event
    for name in path.split(".")[1:]:
        if not isinstance(value, Mapping) or name not in value:
            return
        value = value[name]
    yield value


def _filled(template: str, values: Mapping[str, Any]) -> str:
    """A name outside of quotes becomes JSON, a text with its quotes; within quotes it becomes the text itself."""

    def inside(found: re.Match[str]) -> str:
        value = values.get(found[1], "")
        return json.dumps(value if isinstance(value, str) else json.dumps(value))[1:-1]

    def replaced(found: re.Match[str]) -> str:
        if found[1] is None:
            return _NAME.sub(inside, found[0])
        return json.dumps(values[found[1]]) if found[1] in values else ""

    return _STRING_OR_NAME.sub(replaced, template)


# ---- what is supported ----


def _rule_problems(rule: Rule) -> Iterator[str]:
    yield from _pattern_problems(rule.pattern, "")
    for target in rule.targets:
        yield from _transformer_problems(target)


def _pattern_problems(pattern: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, wanted in pattern.items():
        here = join(path, name)
        if name.startswith("$"):
            yield f"{here}: is not supported here"
        elif isinstance(wanted, Mapping):
            yield from _pattern_problems(wanted, here)
        elif not isinstance(wanted, list) or not wanted:
            yield f"{here}: must be a list of values, or a mapping"
        else:
            yield from (f"{here}: {problem}" for each in wanted for problem in _matcher_problems(each))


def _matcher_problems(wanted: Any) -> Iterator[str]:
    if isinstance(wanted, list):
        yield "must be a list of values, not of lists"
    if not isinstance(wanted, Mapping):
        return
    name = next(iter(wanted), "")
    if len(wanted) != 1 or name not in _MATCHERS:
        yield f"{json.dumps(wanted)} is not supported here; {', '.join(_MATCHERS)} are"
        return
    operand = wanted[name]
    if name == "exists" and not isinstance(operand, bool):
        yield "exists must be true or false"
    elif name in ("prefix", "suffix") and not isinstance(operand, str):
        yield f"{name} takes a text here"
    elif name == "anything-but":
        others = operand if isinstance(operand, list) else [operand]
        yield from (problem for each in others for problem in _matcher_problems(each))


def _transformer_problems(target: Target) -> Iterator[str]:
    template, names = target.input_template, set(_NAME.findall(target.input_template))
    yield from (
        f"input path {path} is not supported here" for path in target.input_paths.values() if not _PATH.fullmatch(path)
    )
    unknown = sorted(names - target.input_paths.keys())
    yield from (f"input template: <{name}> is not among the input paths" for name in unknown)
    try:
        made = json.loads(_filled(template, dict.fromkeys(names, ""))) if template else {}
    except ValueError:
        made = None
    if not isinstance(made, dict):
        yield "input template: must be a JSON object"
