"""Checks a document against a JSON Schema. Reports all problems at once, each with its path, and no values.

Supports only the keywords that the schemas of ecs-cd use: type (object, array, string), properties, required,
additionalProperties, patternProperties, items, minItems, minProperties, maxProperties, pattern, enum.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ecs_cd.model import json_yaml
from ecs_cd.model.errors import Refused
from ecs_cd.model.json_yaml import join
from ecs_cd.model.names import closest
from ecs_cd.model.text import unusable

Schema = dict[str, Any]

LONGEST = 64 * 1024  # characters in a document; an SSM parameter holds at most 8 KiB

_TYPES: dict[str, type] = {"object": dict, "array": list, "string": str}
_WORDS = {"object": "a mapping", "array": "a list", "string": "text"}


def load(
    text: str, schema: Schema, *, what: str, remedy: str, beyond: Callable[[Any], list[str]] = lambda content: []
) -> Any:
    """The content of a document in JSON or YAML. ``what`` names it in messages; ``beyond`` finds problems that a schema
    can't express.

    Raises ``Refused`` with all problems at once, each with its key's path and without values.
    """
    if not text.strip():
        raise Refused(f"{what} is empty", remedy)
    if len(text) > LONGEST:
        raise Refused(f"{what} has {len(text)} characters; the limit is {LONGEST}", remedy)
    try:
        content = json_yaml.parse(text, what=what)
    except Refused as unreadable:
        raise Refused(unreadable.problems, remedy) from None
    # Without a required key it can be any file, whose keys don't belong in a log: only a misspelt key is named.
    ours = not isinstance(content, dict) or any(name in content for name in schema["required"])
    found = [f"{path}: occurs twice; keep one" for path in json_yaml.duplicate_keys(content)] if ours else []
    found += problems(content if ours else _misspelt(content, schema), schema)
    found += [] if found else beyond(content)
    if found:
        raise Refused([f"{what} has {len(found)} problem{'s' * (len(found) > 1)}:", *found], remedy)
    return content


def _misspelt(content: Mapping[str, Any], schema: Schema) -> dict[str, None]:
    known = schema["properties"]
    return {name: None for name in content if name not in known and closest(name, known)}


def problems(data: Any, schema: Schema, path: str = "") -> list[str]:
    """The problems of ``data``: sentences that start with the key's path."""
    wanted = schema.get("type")
    if wanted and not isinstance(data, _TYPES[wanted]):
        return [f"{_at(path)}: {_wrong_type(data, wanted, schema)}"]
    if isinstance(data, dict):
        return _object_problems(data, schema, path)
    if isinstance(data, list):
        found = [f"{_at(path)}: must not be empty"] if len(data) < schema.get("minItems", 0) else []
        for index, item in enumerate(data):
            found += problems(item, schema.get("items", {}), f"{path}[{index}]")
        return found
    if isinstance(data, str) and unusable(data):
        return [f"{_at(path)}: has a NUL character or half of a surrogate pair, which no path and no name can have"]
    if "pattern" in schema and not _matches(schema["pattern"], data):
        return [f"{_at(path)}: must be {schema['description']}"]
    if "enum" in schema and data not in schema["enum"]:
        return [f"{_at(path)}: must be one of {', '.join(schema['enum'])}"]
    return []


def _object_problems(data: dict[str, Any], schema: Schema, path: str) -> list[str]:
    known: dict[str, Schema] = schema.get("properties", {})
    patterns: dict[str, Schema] = schema.get("patternProperties", {})
    found = [f"{_at(path)}: must not be empty"] if len(data) < schema.get("minProperties", 0) else []
    if len(data) > schema.get("maxProperties", len(data)):
        found.append(f"{_at(path)}: has {len(data)} keys; the limit is {schema['maxProperties']}")
    for name in schema.get("required", ()):
        if name not in data:
            found.append(f"{join(path, name)}: is missing; it is {known[name].get('description', 'required')}")
    for name, value in data.items():
        here = join(path, name)
        rule = known.get(name) or next((s for p, s in patterns.items() if _matches(p, name)), None)
        if rule is not None:
            found += problems(value, rule, here)
        elif known:
            hint = closest(name, known) or f"; known keys: {', '.join(known)}"
            found.append(f"{here}: unknown key{hint}")
        else:
            found.append(f"{here}: a name can contain only letters, digits, '.', '_' and '-'")
    return found


def _wrong_type(data: Any, wanted: str, schema: Schema) -> str:
    quote = " (put it in quotes)" if wanted == "string" and isinstance(data, bool | int | float) else ""
    meaning = f": {schema['description']}" if "description" in schema else ""
    return f"must be {_WORDS[wanted]}, but is {_kind(data)}{quote}{meaning}"


def _kind(data: Any) -> str:
    if data is None:
        return "empty"
    if isinstance(data, bool):
        return "true or false"
    return next((_WORDS[name] for name, kind in _TYPES.items() if isinstance(data, kind)), "a number")


def _matches(pattern: str, text: str) -> bool:
    """Matches like JSON Schema, where ``$`` is the end: Python's ``$`` also matches before a final line feed."""
    return "\n" not in text and re.search(pattern, text) is not None


def _at(path: str) -> str:
    return path or "the whole text"
