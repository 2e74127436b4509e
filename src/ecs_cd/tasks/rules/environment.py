"""The input environment-variables with a document: which containers get a variable, and which the infra repo allows."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.document.rules.document import Entry
from ecs_cd.model.errors import Refused
from ecs_cd.model.names import NAME
from ecs_cd.tasks.rules import render
from ecs_cd.tasks.rules.task_definition import TaskDefinition

INPUT = "environment-variables"
# A docker label with the names that a deployment has added. A family's newest revision has what the last deployment
# added; without the label, ecs-cd could not tell that from what the infra repo's template sets.
LABEL = "ecs-cd.environment-from-app"
_PREFIX = "A prefix is CONTAINER/ or KEY/CONTAINER/, such as web/app/; KEY is the entry's name in the document."


@dataclass(frozen=True)
class Variable:
    """A line of the input. ``container`` and ``key``, an entry of the document, limit where it applies."""

    line: int
    name: str
    value: str = field(repr=False)
    container: str = ""
    key: str = ""

    @property
    def where(self) -> str:
        """For messages, which never have the line's text: it may be a line of a secret that spans several."""
        return f"{INPUT}, line {self.line}"

    def fits(self, key: str, container: str) -> bool:
        """Whether it is for this container of this entry."""
        return self.container in ("", container) and self.key in ("", key)


def variables(text: str, *, what: str) -> tuple[Variable, ...]:
    """Reads the input: `NAME=VALUE`, `CONTAINER/NAME=VALUE` or `KEY/CONTAINER/NAME=VALUE`, as ``render.entries`` does.

    Raises ``Refused`` with the line's number, but not the line itself.
    """
    found = []
    for number, path, value in render.entries(text, what=what):
        *prefix, name = path.split("/")
        if len(prefix) > 2 or not all(re.fullmatch(NAME, part) for part in prefix):
            name = ""
        render.check_variable(name, where=f"{what}, line {number}")
        found.append(Variable(number, name, value, *reversed(prefix)))
    return tuple(found)


def without_prefix(given: Sequence[Variable]) -> dict[str, str]:
    """The variables by name, for a task definition without a document. Raises ``Refused`` if one has a prefix."""
    found = [f"{each.where}: a prefix needs a document" for each in given if each.container]
    if found:
        raise Refused(found, "Without a document, container-name says which containers get the variables.")
    return {each.name: each.value for each in given}


def check_prefixes(given: Sequence[Variable], entries: Collection[Entry]) -> None:
    """Raises ``Refused`` if a variable is for a container that no entry of the document has."""
    known = [(entry.key, container) for entry in entries for container in entry.containers]
    found = [
        f"{each.where}: the document has no such container; it has "
        + ", ".join(dict.fromkeys(f"{key}/{container}" for key, container in known))
        for each in given
        if each.container and not any(each.fits(*place) for place in known)
    ]
    if found:
        raise Refused(found, _PREFIX)


def with_variables(definition: TaskDefinition, given: Sequence[Variable], entry: Entry) -> TaskDefinition:
    """A copy with the variables that are for this entry, and without those that an earlier deployment added.

    Only the containers that run the application's images get variables. Raises ``Refused`` that lists every variable
    that the infra repo doesn't allow: those not in `environment-from-app`, or without it, those that the template sets.
    """
    found, containers = list[str](), []
    for each in definition["containerDefinitions"]:
        container = _without_added(each)
        name = str(container.get("name", ""))
        wanted = _wanted(given, entry.key, name) if name in entry.containers else {}
        found += [problem for variable in wanted.values() if (problem := _problem(variable, container, entry))]
        containers.append(_with_added(container, {each.name: each.value for each in wanted.values()}))
    if found:
        raise Refused(found, f"The infra repo allows variables with {entry.path}.environment-from-app.")
    return {**definition, "containerDefinitions": containers}


def _wanted(given: Sequence[Variable], key: str, container: str) -> dict[str, Variable]:
    """By name; a longer prefix beats a shorter one, and a later line an earlier one."""
    fitting = [each for each in given if each.fits(key, container)]
    return {each.name: each for each in sorted(fitting, key=lambda each: bool(each.container) + bool(each.key))}


def _problem(variable: Variable, container: Mapping[str, Any], entry: Entry) -> str:
    """Why the variable is not allowed; empty if it is. Has its name only if the template or the document has it."""
    name, allowed = variable.name, entry.environment_from_app
    where = f"in container `{container['name']}`"
    if name in _names(container, "secrets"):
        return f"{variable.where}: the template of {entry.path} sets `{name}` from a secret {where}"
    if allowed is None and name in _names(container, "environment"):
        return f"{variable.where}: the template of {entry.path} sets `{name}` {where}"
    if allowed is not None and name not in allowed:
        known = ", ".join(allowed) or "none"
        return f"{variable.where}: {entry.path}.environment-from-app doesn't allow this variable; it allows {known}"
    return ""


def _names(container: Mapping[str, Any], member: str) -> set[str]:
    return {str(item.get("name")) for item in container.get(member, ())}


def _without_added(container: Mapping[str, Any]) -> dict[str, Any]:
    labels = dict(container.get("dockerLabels", {}))
    if LABEL not in labels:
        return dict(container)
    added = labels.pop(LABEL).split(",")
    environment = [item for item in container.get("environment", ()) if item.get("name") not in added]
    return _filled(container, {"environment": environment, "dockerLabels": labels})


def _with_added(container: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    if not values:
        return dict(container)
    added = sorted(values.keys() - _names(container, "environment"))
    label = {LABEL: ",".join(added)} if added else {}
    environment = render.merged(container.get("environment", []), values, "value")
    return _filled(
        container, {"environment": environment, "dockerLabels": {**container.get("dockerLabels", {}), **label}}
    )


def _filled(container: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The container with these members; without those that are empty."""
    return {name: value for name, value in {**container, **changes}.items() if value or name not in changes}
