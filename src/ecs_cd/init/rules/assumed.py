"""What the documents take for granted: defaults that hold unless GitHub has another value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecs_cd.init.rules import scenarios
from ecs_cd.init.rules.expressions import expressions
from ecs_cd.init.rules.plan import Document
from ecs_cd.init.rules.scope import Snapshot
from ecs_cd.init.rules.targets import Target
from ecs_cd.init.rules.tree import line_of, mapping, parse, texts

Assumption = tuple[str, str]  # the place, what is assumed
_DEFAULT = re.compile(r"((?:vars|secrets)\.[\w-]+)(?:\s*\|\|\s*(?:vars|secrets)\.[\w-]+)*\s*\|\|\s*'((?:[^']|'')+)'")


def assumptions(target: Target, snapshot: Snapshot) -> list[Assumption]:
    """The defaults of variables, secrets and inputs of manual runs that stand in the target's documents."""
    values = [text for part in target.parts for text in _values(part.document)]
    files = {target.file, *(path for part in target.parts for path in _files(part.document))}
    found = list(_inputs(target, values))
    for path in sorted(files & snapshot.texts.keys()):
        found += _expressions(parse(snapshot.texts[path], file=path), path, values)
    return list(dict.fromkeys(found))


def _expressions(content: object, path: str, values: list[str]) -> Iterator[Assumption]:
    for text in texts(content):
        for expression in expressions(text):
            match = _DEFAULT.fullmatch(expression)
            if match and _stands(match[2], values):
                what = f"{match[2]}, the default of {match[1]}; if GitHub has a value, write that"
                yield f"{path}:{line_of(text)}", what


def _inputs(target: Target, values: list[str]) -> Iterator[Assumption]:
    if not target.file:
        return
    whole = "\n".join(texts(target.content.get("jobs")))
    manual = mapping(mapping(scenarios.events(target.content).get("workflow_dispatch")).get("inputs"))
    for name, each in manual.items():
        default = str(mapping(each).get("default", ""))
        chosen = any(
            f"inputs.{name}" in dict(way.choices) for part in target.parts for way in part.conditions.everything
        )
        used = re.search(rf"inputs\.{re.escape(str(name))}\b", whole)
        if used and not chosen and default not in ("true", "false") and _stands(default, values):
            what = f"{default}, the default of inputs.{name}; the new workflow deploys only there"
            yield f"{target.file}:{line_of(name)}", what


def _stands(default: str, values: list[str]) -> bool:
    """Whether a default is a whole part of one of the values."""
    pattern = re.compile(rf"(?<![A-Za-z0-9]){re.escape(default)}(?![A-Za-z0-9])")
    return bool(default) and any(pattern.search(text) for text in values)


def _values(document: Document) -> Iterator[str]:
    yield from (document.cluster.text, document.region.text, document.role.text)
    yield from (image.repository.text for image in document.images)
    for service in document.services:
        yield from (service.service.text, service.template.text, *service.containers)
        yield from (service.codedeploy.application.text, service.codedeploy.group.text)
    yield from (task.template.text for task in document.tasks)


def _files(document: Document) -> Iterator[str]:
    """The workflows and actions that its values come from."""
    values = (document.cluster, document.region, document.role, *(each.service for each in document.services))
    places = (*(value.place for value in values), *(each.place for each in document.services))
    yield from (place.rpartition(":")[0] for place in places if place.startswith(".github/"))
