"""Texts of which parts are unknown until a job runs: `${{ secrets.CLUSTER }}`, the output of a program."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ecs_cd.init.rules.tree import CLOSE, OPEN

_MARK = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")
# The contexts that mean the same in another job of the same repository.
_CONTEXTS = {"github", "secrets", "vars", "inputs", "runner"}
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_ROOT = re.compile(r"(?<![\w.])([A-Za-z_][\w-]*)\s*[.\[]")
_ALLOWED = re.compile(r"[\w.\s()|&=!<>,*\[\]-]*")


@dataclass(frozen=True)
class Value:
    """A text, and where it is written: ``file:line``. Unknown parts are marked."""

    text: str = ""
    place: str = ""

    @property
    def known(self) -> bool:
        """Whether it has a text, and all of it is known."""
        return bool(self.text) and is_known(self.text)


def unknown(name: str) -> str:
    """The text of which only the name of its source is known, such as ``secrets.CLUSTER``."""
    clean = name.replace(OPEN, "").replace(CLOSE, "").strip()
    return f"{OPEN}{clean}{CLOSE}"


def is_known(text: str) -> bool:
    """Whether no part of the text is unknown."""
    return OPEN not in text


def sources(text: str) -> list[str]:
    """The names of the sources of the unknown parts, in order, without duplicates."""
    return list(dict.fromkeys(_MARK.findall(text)))


def is_portable(text: str) -> bool:
    """Whether every unknown part is an expression that another job can use."""
    return all(map(portable_expression, sources(text)))


def portable_expression(source: str) -> bool:
    """Whether an expression has the same value in another job of the same workflow."""
    bare = _LITERAL.sub("", source)
    roots = set(_ROOT.findall(bare))
    return bool(roots) and roots <= _CONTEXTS and _ALLOWED.fullmatch(bare) is not None


def shown(text: str) -> str:
    """The text with its unknown parts as expressions of a workflow."""
    return _MARK.sub(lambda found: f"${{{{ {found[1]} }}}}", text)


def described(text: str) -> str:
    """The unknown parts for a message."""
    return ", ".join(sources(text))


def replaced(text: str, name: str, by: str) -> str:
    """The text with the unknown part ``name`` replaced."""
    return text.replace(unknown(name), by)


def first(values: Iterable[Value]) -> Value:
    """The first value that has a text; a known one before others."""
    with_text = [value for value in values if value.text]
    return next((value for value in with_text if value.known), with_text[0] if with_text else Value())
