"""Applies the inputs of amazon-ecs-render-task-definition to a task definition."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ecs_cd.model.errors import Refused
from ecs_cd.model.names import VARIABLE, closest
from ecs_cd.tasks.rules.task_definition import TaskDefinition, container

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LogConfiguration.html, and a former one.
LOG_DRIVERS = (
    "awsfirelens", "awslogs", "fluentd", "gelf", "journald", "json-file", "logentries", "splunk", "syslog",
)  # fmt: skip

_SPANS = "Write a value of several lines as NAME<<END, its lines, and a line END."

Lines: TypeAlias = Iterator[tuple[int, str]]  # with their numbers


@dataclass(frozen=True)
class Changes:
    """The changes. All except the roles apply to each of ``containers``; an empty field changes nothing.

    Variables, secrets, labels and log options add to the existing ones, or replace those of the same name; the
    environment files and the command replace the existing ones.
    """

    containers: tuple[str, ...] = ()
    image: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    environment_files: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    log_driver: str = ""
    log_options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    task_role: str = ""
    execution_role: str = ""


def render(definition: TaskDefinition, changes: Changes, *, where: str) -> TaskDefinition:
    """A copy with the changes. Raises ``Refused`` that lists every container that is missing or can't take them."""
    what = f"the task definition in {where}"
    existing = [str(each.get("name", "")) for each in definition["containerDefinitions"]]
    found = [
        f"{what} has no container `{name}`{closest(name, existing)}; it has {', '.join(existing)}"
        for name in changes.containers
        if name not in existing
    ]
    if changes.log_options and not changes.log_driver:
        found += [
            f"{what}: container `{name}` has no logDriver for these options; set the log driver too"
            for name in changes.containers
            if name in existing and not container(definition, name).get("logConfiguration", {}).get("logDriver")
        ]
    if found:
        raise Refused(found)
    roles = {"taskRoleArn": changes.task_role, "executionRoleArn": changes.execution_role}
    containers = [
        _without_empty_words(_changed(each, changes) if each.get("name") in changes.containers else each)
        for each in definition["containerDefinitions"]
    ]
    return {**definition, "containerDefinitions": containers, **{name: role for name, role in roles.items() if role}}


def pairs(text: str, *, what: str, variables: bool = False) -> dict[str, str]:
    """Reads the entries by name; the last of several equal names wins. ``variables`` must have valid names."""
    found: dict[str, str] = {}
    for number, name, value in entries(text, what=what):
        if variables:
            check_variable(name, where=f"{what}, line {number}")
        found[name] = value
    return found


def entries(text: str, *, what: str) -> Iterator[tuple[int, str, str]]:
    """Reads one ``NAME=VALUE`` per line, split at the first ``=``: the number of the line, the name and the value.

    A value can span lines, as ``NAME<<EOF``, its lines, ``EOF``; or in quotes, from a quote that the first line
    opens but doesn't close to a line that ends with it.
    Raises ``Refused`` with the line's number, but not the line itself, which may hold a secret.
    """
    lines = enumerate(text.replace("\r\n", "\n").split("\n"), 1)
    for number, line in lines:
        if line.strip():
            yield number, *_pair(line, lines, where=f"{what}, line {number}")


def check_variable(name: str, *, where: str) -> None:
    """Raises ``Refused``, without the name, if no environment variable can have it."""
    if not re.fullmatch(VARIABLE, name):
        raise Refused(f"{where}: the name is not valid; it has letters, digits, `_`, `.`, `-` and `:`", _SPANS)


def _pair(line: str, rest: Lines, *, where: str) -> tuple[str, str]:
    """The entry that starts with this line; a value of several lines takes them from ``rest``."""
    name, separator, value = line.strip().partition("=")
    if "<<" in name.strip("<"):
        name, _, end = line.strip().partition("<<")
        inside, _ = _taken(rest, lambda each: each == end, where=f"{where}: NAME<<END has no line that is its END")
        return name, "\n".join(inside)
    if not (name and separator):
        raise Refused(f"{where}: must be NAME=VALUE", _SPANS)
    quote = value[0] if value[:1] in ("'", '"') else ""
    closed = value.count(quote) % 2 == 0 or value[1:].endswith(quote) if quote else True
    if closed:  # the official action keeps the quotes of a single line
        return name, value
    inside, last = _taken(
        rest, lambda each: each.endswith(quote), where=f"{where}: no line ends with its closing quote"
    )
    return name, "\n".join([line.partition("=")[2][1:], *inside, last[:-1]])


def _taken(rest: Lines, ends: Callable[[str], bool], *, where: str) -> tuple[list[str], str]:
    """The lines before the first that ``ends`` the value, and that line without blanks at its end."""
    inside: list[str] = []
    for _, line in rest:
        if ends(line.rstrip()):
            return inside, line.rstrip()
        inside.append(line)
    raise Refused(where, _SPANS)


def words(text: str, *, what: str) -> tuple[str, ...]:
    """Splits a command into words; quotes group them. Raises ``Refused`` if quotes are not closed.

    As in the official action, a backslash is an ordinary character, so ``App\\Jobs`` or a Windows path stays intact.
    """
    import shlex

    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return tuple(lexer)
    except ValueError as error:
        raise Refused(f"{what}: {str(error).lower()}") from None


def _changed(container: dict[str, Any], changes: Changes) -> dict[str, Any]:
    changed = {
        **container,
        "image": changes.image or container.get("image"),
        "command": list(changes.command) or container.get("command"),
        "environment": merged(container.get("environment", []), changes.environment, "value"),
        "environmentFiles": [{"value": arn, "type": "s3"} for arn in changes.environment_files]
        or container.get("environmentFiles"),
        "secrets": merged(container.get("secrets", []), changes.secrets, "valueFrom"),
        "logConfiguration": _logs(container.get("logConfiguration", {}), changes),
        "dockerLabels": {**container.get("dockerLabels", {}), **changes.labels},
    }
    return {name: value for name, value in changed.items() if value or name in container}


def _without_empty_words(container: dict[str, Any]) -> dict[str, Any]:
    """Drops ``[""]``, which comes from a skeleton of the AWS CLI, as the official action does.

    Docker would treat it as a command, and as an ENTRYPOINT that removes the image's.
    """
    return {
        name: value
        for name, value in container.items()
        if name not in ("command", "entryPoint") or not value or any(value)
    }


def merged(existing: list[dict[str, str]], new: Mapping[str, str], member: str) -> list[dict[str, str]]:
    """A list of names and values with the new ones added; they replace old ones of the same name."""
    replaced = [{**item, member: new[item["name"]]} if item.get("name") in new else item for item in existing]
    known = {item.get("name") for item in existing}
    return [*replaced, *({"name": name, member: value} for name, value in new.items() if name not in known)]


def _logs(existing: dict[str, Any], changes: Changes) -> dict[str, Any]:
    driver = {"logDriver": changes.log_driver} if changes.log_driver else {}
    options = {"options": {**existing.get("options", {}), **changes.log_options}} if changes.log_options else {}
    return {**existing, **driver, **options}
