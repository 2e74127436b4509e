"""Expressions of GitHub Actions, evaluated with the values that are known before a run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from ecs_cd.init.rules.values import is_known, unknown

Lookup = Callable[[str], Any]  # a path in lower case, `env.NAME` as written; None if the value is unknown

_EXPRESSION = re.compile(r"\$\{\{((?:'(?:[^']|'')*'|[^'])*?)\}\}")
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<operator>\|\||&&|==|!=|<=|>=|[<>!()\[\],])"
    r"|(?P<number>-?\d+(?:\.\d+)?(?![\w-]))|(?P<path>\.?[A-Za-z_*][\w-]*(?:\.(?:[A-Za-z_][\w-]*|\*))*))"
)
_FALSY = ("", "false", "0", "null", "nan")
_DEEPEST = 30


class _UnsupportedError(Exception):
    """An expression that this reader doesn't understand; it counts as unknown."""


def interpolate(text: str, lookup: Lookup) -> str:
    """The text with its expressions replaced by their values; an unknown value becomes a mark."""
    return _EXPRESSION.sub(lambda found: as_text(evaluate(found[1], lookup)), text)


def value_of(text: str, lookup: Lookup) -> Any:
    """The value of a text that may be a single expression: then not only a text, but a list or a mapping as well."""
    alone = _EXPRESSION.fullmatch(text.strip())
    return evaluate(alone[1], lookup) if alone else interpolate(text, lookup)


def condition(text: str, lookup: Lookup) -> bool | None:
    """Whether an ``if`` holds; ``None`` if that is unknown."""
    if not text.strip():
        return True
    alone = _EXPRESSION.fullmatch(text.strip())
    value = evaluate(alone[1] if alone else text, lookup)
    return _truth(value)


def expressions(text: str) -> list[str]:
    """The expressions in a text, without their braces."""
    return [found.strip() for found in _EXPRESSION.findall(text)]


def evaluate(source: str, lookup: Lookup) -> Any:
    """The value of an expression: a text, a list or a mapping; a mark if it is unknown."""
    try:
        parser = _Parser(_tokens(source), source, lookup)
        value = parser.either(0)
        if parser.at < len(parser.tokens):
            raise _UnsupportedError
    except (_UnsupportedError, IndexError, RecursionError):
        return unknown(source)
    return value


def as_text(value: Any) -> str:
    """A value as GitHub writes it into a text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else json.dumps(value)


def _truth(value: Any) -> bool | None:
    if isinstance(value, str):
        return value.lower() not in _FALSY if is_known(value) else None
    return value is not None


def _tokens(source: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while source[at:].strip():
        match = _TOKEN.match(source, at)
        if match is None or match.end() == at:
            raise _UnsupportedError
        kind = str(match.lastgroup)
        found.append((kind, match[kind]))
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], source: str, lookup: Lookup) -> None:
        self.tokens, self.source, self.lookup, self.at = tokens, source.strip(), lookup, 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, *operators: str) -> str:
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "operator" and self.peek() in operators:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return ""

    def either(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise _UnsupportedError
        value = self.both(depth)
        while self.take("||"):
            other = self.both(depth)
            value = self.chosen(value, other)
        return value

    def chosen(self, value: Any, other: Any) -> Any:
        truth = _truth(value)
        if truth is None:  # `vars.CLUSTER || 'my-cluster'`: the default holds unless the variable exists
            simple = re.fullmatch(r"[^()&=!]+", self.source)
            return other if simple and isinstance(other, str) and other else unknown(self.source)
        return value if truth else other

    def both(self, depth: int) -> Any:
        value = self.compared(depth)
        while self.take("&&"):
            other = self.compared(depth)
            truth = _truth(value)
            if truth is None:
                value = unknown(self.source) if _truth(other) is not False else other
            elif truth:
                value = other
        return value

    def compared(self, depth: int) -> Any:
        value = self.negated(depth)
        while operator := self.take("==", "!=", "<", ">", "<=", ">="):
            other = self.negated(depth)
            if operator not in ("==", "!=") or not (_comparable(value) and _comparable(other)):
                value = unknown(self.source)
            else:
                value = "true" if (value.lower() == other.lower()) == (operator == "==") else "false"
        return value

    def negated(self, depth: int) -> Any:
        if self.take("!"):
            truth = _truth(self.negated(depth + 1))
            return unknown(self.source) if truth is None else ("false" if truth else "true")
        return self.indexed(self.primary(depth), depth)

    def primary(self, depth: int) -> Any:
        if self.take("("):
            value = self.either(depth + 1)
            self.expect(")")
            return value
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return text
        if kind != "path":
            raise _UnsupportedError
        return self.call(text.lower(), depth) if self.take("(") else self.path(text)

    def path(self, text: str) -> Any:
        if text.lower() in ("true", "false", "null"):
            return "" if text.lower() == "null" else text.lower()
        while self.peek() == "[" and self.at + 2 < len(self.tokens) and self.tokens[self.at + 1][0] == "text":
            text = f"{text}.{self.tokens[self.at + 1][1][1:-1]}"  # matrix['name'], steps['x'].outputs.y
            self.at += 2
            self.expect("]")
            if self.at < len(self.tokens) and self.tokens[self.at][0] == "path" and self.peek().startswith("."):
                text += self.peek()
                self.at += 1
        value = self.lookup(text)
        return unknown(text) if value is None else value

    def indexed(self, value: Any, depth: int) -> Any:
        while self.take("["):
            index = self.either(depth + 1)
            self.expect("]")
            value = _item(value, index)
            if value is None:
                return unknown(self.source)
        return value

    def expect(self, operator: str) -> None:
        if not self.take(operator):
            raise _UnsupportedError

    def call(self, name: str, depth: int) -> Any:
        arguments = []
        while not self.take(")"):
            arguments.append(self.either(depth + 1))
            self.take(",")
        return _called(name, arguments, self.source)


def _comparable(value: Any) -> bool:
    return isinstance(value, str) and is_known(value)


def _item(value: Any, index: Any) -> Any:
    if isinstance(value, dict):
        return value.get(as_text(index))
    if isinstance(value, list) and as_text(index).isdecimal() and int(as_text(index)) < len(value):
        return value[int(as_text(index))]
    return None


def _called(name: str, arguments: list[Any], source: str) -> Any:
    if name in ("success", "always"):
        return "true"
    if name in ("failure", "cancelled"):
        return "false"
    texts = [as_text(argument) for argument in arguments]
    if name == "format" and texts:
        return re.sub(r"\{(\d+)\}", lambda found: texts[int(found[1]) + 1], texts[0])
    if name == "join" and arguments and isinstance(arguments[0], list):
        return (texts[1] if len(texts) > 1 else ",").join(map(as_text, arguments[0]))
    if name == "tojson":
        return texts[0]
    if name == "fromjson" and is_known(texts[0]):
        return _from_json(texts[0])
    if name in _TESTS and len(texts) == 2 and all(map(is_known, texts)):
        within = [item.lower() for item in map(as_text, arguments[0])] if isinstance(arguments[0], list) else None
        held = texts[1].lower() in within if within is not None else _TESTS[name](texts[0].lower(), texts[1].lower())
        return "true" if held else "false"
    return unknown(source)


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
}


def _from_json(text: str) -> Any:
    try:
        return _stringly(json.loads(text))
    except ValueError:
        raise _UnsupportedError from None


def _stringly(value: Any) -> Any:
    """Like the YAML of workflows here: every scalar is a text."""
    if isinstance(value, dict):
        return {key: _stringly(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_stringly(item) for item in value]
    return as_text(value) if not isinstance(value, int | float) or isinstance(value, bool) else str(value)
