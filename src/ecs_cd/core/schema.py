"""Checks data against a JSON Schema: all problems at once, each with its path, no value printed.

Knows the few words of JSON Schema that our documents use: type (object, array, string), properties, required,
additionalProperties, patternProperties, items, minItems, minProperties, pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ecs_cd.core.data import join

Schema = dict[str, Any]

_TYPES: dict[str, type] = {"object": dict, "array": list, "string": str}
_WORDS = {"object": "a mapping", "array": "a list", "string": "text"}


def problems(data: Any, schema: Schema, path: str = "") -> list[str]:
    """What is wrong with ``data``: sentences that start with the path of the key."""
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
    if "pattern" in schema and not _matches(schema["pattern"], data):
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
    """As JSON Schema has it: `$` is the end, while Python's also matches before a last line feed."""
    return "\n" not in text and re.search(pattern, text) is not None


def _at(path: str) -> str:
    return path or "the document"
