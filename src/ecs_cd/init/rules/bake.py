"""docker/bake-action and `docker buildx bake`: the targets of a bake file, in HCL or JSON, or of a Compose file."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ecs_cd.init.rules import tree
from ecs_cd.init.rules.facts import Build
from ecs_cd.init.rules.scope import Scope
from ecs_cd.init.rules.values import unknown
from ecs_cd.model.errors import Refused

FILES = (
    "docker-bake.hcl",
    "docker-bake.json",
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
)
_BLOCK = re.compile(r'^(target|variable)\s+"([^"]+)"\s*\{(.*?)^\}', re.DOTALL | re.MULTILINE)
_PAIR = re.compile(r'^\s*"?([\w.-]+)"?\s*=\s*(\[[^\]]*\]|\{[^}]*\}|"[^"]*")', re.DOTALL | re.MULTILINE)
_TEXT = re.compile(r'"([^"]*)"')
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}")


def builds(scope: Scope, names: tuple[str, ...], place: str) -> Iterator[Build]:
    """The builds of a bake file's targets that have tags."""
    wanted = [scope.in_folder(name) for name in names] or [scope.in_folder(name) for name in FILES]
    for path in wanted:
        text = scope.snapshot.texts.get(scope.snapshot.find(path))
        if text is None:
            continue
        defaults, targets = _read(path, text)
        values = {**defaults, **scope.env}
        for target in targets.values():
            if target.get("tags"):
                yield _build(target, values, posixpath.dirname(path), place)
        if not names:
            return


def _read(path: str, text: str) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """The defaults of the variables, and the targets."""
    if path.endswith(".hcl"):
        blocks = [(kind, name, _pairs(body)) for kind, name, body in _BLOCK.findall(text)]
        defaults = {name: str(pairs.get("default", "")) for kind, name, pairs in blocks if kind == "variable"}
        return defaults, {name: pairs for kind, name, pairs in blocks if kind == "target"}
    try:
        data: Any = json.loads(text) if path.endswith(".json") else tree.parse(text, file=path)
    except (ValueError, Refused):
        return {}, {}
    if path.endswith(".json"):
        return {}, dict(tree.mapping(tree.mapping(data).get("target")))
    services = tree.mapping(tree.mapping(data).get("services"))
    return {}, {
        str(name): _of_compose(tree.mapping(service)) for name, service in services.items() if "build" in service
    }


def _of_compose(service: Mapping[str, Any]) -> dict[str, Any]:
    build = service["build"]
    made = dict(build) if isinstance(build, dict) else {"context": build}
    return {**made, "tags": [service["image"]] if "image" in service else []}


def _pairs(body: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in _PAIR.findall(body):
        if value.startswith("["):
            found[name] = _TEXT.findall(value)
        elif value.startswith("{"):
            found[name] = _pairs(value[1:-1])
        else:
            found[name] = value[1:-1]
    return found


def _build(target: Mapping[str, Any], values: Mapping[str, str], folder: str, place: str) -> Build:
    def filled(text: Any) -> str:
        return _VARIABLE.sub(
            lambda found: values.get(found[1]) or found[2] or unknown(f"the variable {found[1]}"), str(text)
        )

    context = posixpath.normpath(posixpath.join(folder, filled(target.get("context", "."))))
    file = filled(target["dockerfile"]) if target.get("dockerfile") else ""
    arguments = tree.mapping(target.get("args"))
    return Build(
        place=place,
        tags=tuple(map(filled, tree.sequence(target.get("tags")))),
        context=context,
        file=posixpath.normpath(posixpath.join(context, file)) if file else "",
        target=filled(target.get("target", "")),
        arguments=tuple(f"{name}={filled(value)}" for name, value in arguments.items()),
        platforms=tuple(map(filled, tree.sequence(target.get("platforms")))),
    )
