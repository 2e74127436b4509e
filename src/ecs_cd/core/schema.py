"""Checks data against a JSON Schema: all problems at once, each with its path, no value printed.

Knows the few words of JSON Schema that our documents use: type, properties, required,
additionalProperties, patternProperties, items, minItems, minProperties, pattern, enum.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ecs_cd.core.data import join

Schema = dict[str, Any]

_TYPES: dict[str, tuple[type, str]] = {
    "object": (dict, "a mapping"),
    "array": (list, "a list"),
    "string": (str, "text"),
    "integer": (int, "a whole number"),
    "boolean": (bool, "true or false"),
}


def problems(data: Any, schema: Schema, path: str = "") -> list[str]:
    """What is wrong with ``data``: sentences that start with the path of the key."""
    wanted = schema.get("type")
    if wanted and not _is(data, wanted):
        return [f"{_at(path)}: {_wrong_type(data, wanted, schema)}"]
    if isinstance(data, dict):
        return _object_problems(data, schema, path)
    if isinstance(data, list):
        found = [f"{_at(path)}: must not be empty"] if len(data) < schema.get("minItems", 0) else []
        for index, item in enumerate(data):
            found += problems(item, schema.get("items", {}), f"{path}[{index}]")
        return found
    if "enum" in schema and data not in schema["enum"]:
        return [f"{_at(path)}: must be one of {', '.join(map(str, schema['enum']))}"]
    if isinstance(data, str) and not _matches(schema.get("pattern", ""), data):
        return [f"{_at(path)}: must be {schema['description']}"]
    return []


def closest(name: str, known: Iterable[str]) -> str:
    """``; did you mean `x`?`` when a known name is near, else an empty text."""
    import difflib

    near = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


def _object_problems(data: dict[str, Any], schema: Schema, path: str) -> list[str]:
    known: dict[str, Schema] = schema.get("properties", {})
    patterns: dict[str, Schema] = schema.get("patternProperties", {})
    found = [f"{_at(path)}: must not be empty"] if len(data) < schema.get("minProperties", 0) else []
    for name in schema.get("required", ()):
        if name not in data:
            found.append(f"{join(path, name)}: is missing; it is {known[name].get('description', 'required')}")
    for name, value in data.items():
        here = join(path, name)
        rule = known.get(name) or next((s for p, s in patterns.items() if _matches(p, name)), None)
        if rule is not None:
            found += problems(value, rule, here)
        elif known:
            hint = closest(name, known) or f"; known here: {', '.join(known)}"
            found.append(f"{here}: unknown key{hint}")
        else:
            found.append(f"{here}: a name consists of letters, digits, '.', '_' and '-'")
    return found


def _is(data: Any, wanted: str) -> bool:
    kind = _TYPES[wanted][0]
    return isinstance(data, kind) and not (kind is int and isinstance(data, bool))


def _wrong_type(data: Any, wanted: str, schema: Schema) -> str:
    got = "empty" if data is None else next((w for k, w in _TYPES.values() if type(data) is k), None)
    got = got or ("a mapping" if isinstance(data, dict) else "a number")
    quote = " (put it in quotes)" if wanted == "string" and isinstance(data, bool | int | float) else ""
    meaning = f": {schema['description']}" if "description" in schema else ""
    return f"must be {_TYPES[wanted][1]}, but is {got}{quote}{meaning}"


def _matches(pattern: str, text: str) -> bool:
    """As JSON Schema has it: `$` is the end, while Python's also matches before a last line feed."""
    return "\n" not in text and re.search(pattern, text) is not None


def _at(path: str) -> str:
    return path or "the document"
