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
    roots = {root.lower() for root in _ROOT.findall(bare)}
    return bool(roots) and roots <= _CONTEXTS and _ALLOWED.fullmatch(bare) is not None


def shown(text: str) -> str:
    """The text with its unknown parts as expressions of a workflow."""
    return _MARK.sub(lambda found: f"${{{{ {_readable(found[1])} }}}}", text)


def _readable(name: str) -> str:
    return "what another step makes" if name.startswith("template:") else name


def described(text: str) -> str:
    """The unknown parts for a message."""
    return ", ".join(map(_readable, sources(text)))


def words(text: str) -> list[str]:
    """The words of a text; an unknown part is within one word."""
    return re.findall(f"(?:{OPEN}[^{CLOSE}]*{CLOSE}|[^\\s{OPEN}])+", text)


def split(text: str) -> tuple[str, list[str]]:
    """The text with a number in place of the name of each unknown part, and these names: for a parser to which the
    names must not look like its syntax."""
    names: list[str] = []

    def numbered(found: re.Match[str]) -> str:
        names.append(found[1])
        return f"\ue004{len(names) - 1}\ue005"

    return _MARK.sub(numbered, text), names


def joined(text: str, names: list[str]) -> str:
    """The text before ``split``."""
    return re.sub("\ue004(\\d+)\ue005", lambda found: unknown(names[int(found[1])]), text)


def first(values: Iterable[Value]) -> Value:
    """The first value that has a text; a known one before others."""
    with_text = [value for value in values if value.text]
    return next((value for value in with_text if value.known), with_text[0] if with_text else Value())
