"""YAML as a tree of texts that know their lines. It keeps what a scalar looks like, to write it again."""

from __future__ import annotations

from typing import Any

import yaml

from ecs_cd.model.errors import Refused

_MOST_NODES = 50_000  # aliases of aliases make a small text huge
_DEEPEST = 60


class Text(str):
    """A scalar or a key, with the number of its line, from 1; ``plain``: written without quotes."""

    line: int
    plain: bool

    def __new__(cls, text: str, line: int = 0, plain: bool = True) -> Text:
        made = super().__new__(cls, text)
        made.line, made.plain = line, plain
        return made


class Map(dict[str, Any]):
    """A mapping with the number of its first line."""

    line: int = 0


class Items(list[Any]):
    """A sequence with the number of its first line."""

    line: int = 0


def parse(text: str, *, file: str) -> Any:
    """The content of a YAML text; every scalar is a ``Text``, also numbers, ``on`` and an empty value.

    Merge keys (``<<``) are resolved. Raises ``Refused`` with the file and the line if it is not YAML.
    """
    try:
        node = yaml.compose(text.removeprefix("\ufeff"), Loader=yaml.BaseLoader)
        return Text("") if node is None else _Reader().read(node, 0)
    except _TooMuchError as error:
        raise Refused(f"{file} is not a workflow: {error}", _REMEDY) from None
    except RecursionError:
        raise Refused(f"{file} is not a workflow: it is nested too deeply", _REMEDY) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "it can't be read"
        raise Refused(f"{file} is not YAML: {place}", _REMEDY) from None
    except (yaml.YAMLError, ValueError):
        raise Refused(f"{file} is not YAML: it can't be read", _REMEDY) from None


_REMEDY = "Repair or remove the file; ecs-cd init reads every workflow before it writes anything."


class _TooMuchError(Exception):
    """A text that becomes too large, or refers to itself."""


class _Reader:
    def __init__(self) -> None:
        self.nodes = 0

    def read(self, node: yaml.Node, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > _MOST_NODES or depth > _DEEPEST:
            raise _TooMuchError("it is too large once its aliases are expanded, or refers to itself")
        line = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            return Text(_unmarked(node.value), line, node.style is None)
        if isinstance(node, yaml.SequenceNode):
            items = Items(self.read(child, depth + 1) for child in node.value)
            items.line = line
            return items
        return self.mapping(node, line, depth)

    def mapping(self, node: Any, line: int, depth: int) -> Map:
        found, merged = Map(), Map()
        found.line = line
        for key, value in node.value:
            inner = self.read(value, depth + 1)
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value == "<<":
                for source in inner if isinstance(inner, list) else [inner]:
                    merged.update(source if isinstance(source, dict) else {})
            else:
                found[Text(_unmarked(key.value), key.start_mark.line + 1, key.style is None)] = inner
        for name, inner in merged.items():
            found.setdefault(name, inner)
        return found


# Marks of what is unknown: see values.py.
OPEN, CLOSE = "\ue000", "\ue001"


def _unmarked(text: str) -> str:
    return text.replace(OPEN, "").replace(CLOSE, "")


def line_of(value: Any) -> int:
    """The line of a scalar, a mapping or a sequence; 0 if it is unknown."""
    return int(getattr(value, "line", 0))


def key_line(mapping: dict[str, Any], name: str) -> int:
    """The line of a key of the mapping."""
    return next((line_of(key) for key in mapping if key == name), line_of(mapping))


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """The value if it is a sequence, else an empty one."""
    return value if isinstance(value, list) else []


def texts(value: Any) -> list[str]:
    """All scalars of a tree, keys included; those of a workflow know their lines."""
    if isinstance(value, dict):
        return [
            text for key, inner in value.items() for text in (key if isinstance(key, str) else str(key), *texts(inner))
        ]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value if isinstance(value, str) else str(value)]
