"""Parses JSON, optionally with comments and trailing commas, or YAML. It finds duplicate keys and keeps scalars as
written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from ecs_cd.model.errors import Refused

# Bounds on the work that a text can make. A text of 64 KiB has some 15,000 tokens and is a dozen levels deep.
_MOST_NODES = 100_000
_MOST_TOKENS = 50_000
_DEEPEST = 100
_TOO_LARGE = "is too large once its aliases are expanded"
_TOO_DEEP = "is nested too deeply, or refers to itself"


class Keys(dict[str, Any]):
    """A mapping that records which of its keys occur more than once."""

    duplicates: tuple[str, ...] = ()


class _TooMuch(Exception):
    """A text that is too large to be read, or becomes too large; its message says how."""


class Plain(str):
    """A scalar without quotes, as it is written."""


def parse(text: str, *, what: str, numbers_as_written: bool = False) -> Any:
    """Parses the text as JSON, ignoring comments (``//``, ``#``, ``/* */``) and trailing commas; if it is not JSON, as
    YAML with the scalars of the YAML 1.2 core schema.

    With ``numbers_as_written`` every plain scalar except ``null`` stays the original text, a ``Plain``
    (``0256``, ``1.10``, ``yes``, a date), for a caller that knows the types from another source.
    Raises ``Refused`` with the line and column of the error, never with the content.
    """
    try:
        return _checked(text.removeprefix("\ufeff"), what, numbers_as_written)
    except _TooMuch as error:
        raise Refused(f"{what} {error}") from None
    except RecursionError:
        raise Refused(f"{what} {_TOO_DEEP}") from None


def _checked(text: str, what: str, numbers_as_written: bool) -> Any:
    bare = _plain_json(text)
    try:
        data = _parse_json(bare, numbers_as_written)
    except ValueError as not_json:
        data, not_yaml = _parse_yaml(text, numbers_as_written)  # the original text: in YAML, `//` is not a comment
        if not_yaml is not None:
            if bare.lstrip().startswith(("{", "[")) and isinstance(not_json, json.JSONDecodeError):
                place = f"line {not_json.lineno}, column {not_json.colno}: {not_json.msg}"
                raise Refused(f"{what} is not JSON: {place}") from None
            raise Refused(f"{what} is neither JSON nor YAML: {not_yaml}") from None
    _check(data)
    return data


def _check(data: Any) -> None:
    """Raises ``_TooMuch`` for a tree with too many values: a few aliases of aliases make a small text huge, an alias
    that refers to itself makes it endless."""
    left, count = [(data, 0)], 0
    while left:
        node, depth = left.pop()
        count += 1
        if count > _MOST_NODES:
            raise _TooMuch(_TOO_LARGE)
        if depth > _DEEPEST:
            raise _TooMuch(_TOO_DEEP)
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        left.extend((child, depth + 1) for child in inner)


def duplicate_keys(data: Any, path: str = "") -> list[str]:
    """The paths of all keys that occur more than once in their mapping."""
    found: list[str] = []
    if isinstance(data, dict):
        found += [join(path, key) for key in getattr(data, "duplicates", ())]
        for key, value in data.items():
            found += duplicate_keys(value, join(path, str(key)))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            found += duplicate_keys(value, f"{path}[{index}]")
    return found


def join(path: str, key: str) -> str:
    """``services.web`` and ``containers`` to ``services.web.containers``."""
    return f"{path}.{key}" if path else key


def _mapping(pairs: list[tuple[str, Any]]) -> Keys:
    mapping = Keys(pairs)
    mapping.duplicates = _repeated(key for key, _ in pairs)
    return mapping


def _repeated(keys: Iterable[str]) -> tuple[str, ...]:
    """The keys that occur before, in order."""
    seen: set[str] = set()
    return tuple(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]


_QUOTED = r'"(?:[^"\\]|\\.)*"?'
# The patterns match what they keep first: quoted text, and errors that the JSON parser should report: an unclosed
# comment, a comma after nothing.
_COMMENT = re.compile(rf"(?s)(?P<keep>{_QUOTED}|/\*(?!.*?\*/).*)|//[^\r\n]*|\#[^\r\n]*|/\*.*?\*/")
_LAST_COMMA = re.compile(rf"(?s)(?P<keep>{_QUOTED}|[\[{{,]\s*,)|,(?=\s*[\]}}])")


def _plain_json(text: str) -> str:
    """Replaces comments and trailing commas with blanks, so that lines and columns stay the same."""

    def blank(found: re.Match[str]) -> str:
        return found["keep"] or re.sub(r"[^\r\n]", " ", found[0])

    return _LAST_COMMA.sub(blank, _COMMENT.sub(blank, text))


def typed(value: Any) -> Any:
    """The value of a tree that was parsed with ``numbers_as_written``, by the YAML 1.2 core schema."""
    if isinstance(value, dict):
        return {key: typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    if not isinstance(value, Plain):
        return value
    kind = next((kind for kind, pattern, _ in _TYPED if pattern.match(value)), "")
    return _VALUES[kind](value)


def _parse_json(text: str, numbers_as_written: bool) -> Any:
    if numbers_as_written:
        return json.loads(text, object_pairs_hook=_mapping, parse_int=Plain, parse_float=Plain, parse_constant=Plain)
    return json.loads(text, object_pairs_hook=_mapping)


# https://yaml.org/spec/1.2.2/#103-core-schema. PyYAML reads YAML 1.1, where `no` is false and
# 22:30 is a number of minutes.
_NULL = re.compile(r"^(?:~|null|Null|NULL|)$")
_TYPED = (
    ("bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF"),
    ("int", re.compile(r"^[-+]?[0-9]+$"), "-+0123456789"),
    ("float", re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"), "-+.0123456789"),
)
_VALUES: dict[str, Callable[[str], Any]] = {
    "bool": lambda text: text.lower() == "true",
    "int": int,
    "float": float,
    "": str,
}


def _bounded_loader() -> Any:
    """PyYAML's loader, with its own resolvers and constructors, that stops where a text makes too much work."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own design)
        scanned = merged_pairs = 0

        def fetch_more_tokens(self) -> None:
            self.scanned += 1
            if self.scanned > _MOST_TOKENS:
                raise _TooMuch("is too large")
            super().fetch_more_tokens()

        def flatten_mapping(self, node: Any) -> None:
            """Counts what the caller then copies, before it does."""
            super().flatten_mapping(node)
            self.merged_pairs += len(node.value)
            if self.merged_pairs > _MOST_NODES:
                raise _TooMuch(_TOO_LARGE)

    return Loader


def _parse_yaml(text: str, numbers_as_written: bool) -> tuple[Any, str | None]:
    import yaml  # here, because a JSON document never needs it

    Loader = _bounded_loader()  # noqa: N806  # a class
    prefix = "tag:yaml.org,2002:"
    Loader.add_implicit_resolver(f"{prefix}null", _NULL, ["~", "n", "N", ""])
    Loader.add_implicit_resolver(f"{prefix}merge", re.compile(r"^<<$"), ["<"])
    if not numbers_as_written:
        for tag, pattern, first in _TYPED:
            Loader.add_implicit_resolver(prefix + tag, pattern, list(first))

    def integer(loader: Any, node: Any) -> int:
        return int(loader.construct_scalar(node))  # PyYAML would read a leading 0 as octal

    def string(loader: Any, node: Any) -> str:
        return Plain(node.value) if numbers_as_written and node.style is None else str(node.value)

    def mapping(loader: Any, node: Any) -> Keys:
        written = [_key(loader, key) for key, _ in node.value]
        loader.flatten_mapping(node)  # keys from `<<` may be overridden: that is not a duplicate
        merged = Keys((_key(loader, k), loader.construct_object(v, deep=True)) for k, v in node.value)
        merged.duplicates = _repeated(written)
        return merged

    Loader.add_constructor(f"{prefix}int", integer)
    Loader.add_constructor(f"{prefix}str", string)
    Loader.add_constructor(f"{prefix}map", mapping)
    try:
        return yaml.load(text, Loader), None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        return None, place + (_harmless(error.problem) or "it can't be read")
    except (yaml.YAMLError, ValueError):
        return None, "it can't be read"


def _key(loader: Any, node: Any) -> str:
    import yaml

    if not isinstance(node, yaml.ScalarNode):
        raise yaml.MarkedYAMLError(problem="a key must be text", problem_mark=node.start_mark)
    return str(loader.construct_scalar(node))


def _harmless(problem: str | None) -> str:
    """PyYAML's error message, without its quotes from the text."""
    return re.sub(r"['\"].*", "…", problem or "", flags=re.DOTALL)
