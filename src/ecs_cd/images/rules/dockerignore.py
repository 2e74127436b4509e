"""What a .dockerignore file keeps out of a build, as far as that is certain.

The rules are BuildKit's: https://docs.docker.com/build/concepts/context/#dockerignore-files, and in what these leave
open github.com/moby/patternmatcher. A file that holds anything which versions of BuildKit read differently keeps
nothing out, as we read it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

# Which patterns match a folder; what is below it needs to know.
Matched = tuple[bool, ...]

_CLASS = r"\[(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_.])+\]"
_PLAIN = re.compile(rf"(?:{_CLASS}|\*(?!\*)|[^*\[\]\\^+(){{}}|])+")
_TOKENS = re.compile(rf"{_CLASS}|.", re.DOTALL)
_WILDCARDS = {"*": "[^/]*", "?": "[^/]"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Pattern:
    """A line: what it matches, and whether it is an exception (``!``) that brings it back."""

    parts: tuple[str, ...]
    regex: re.Pattern[str]
    exception: bool

    def may_match_below(self, folder: Sequence[str]) -> bool:
        """Whether something in this folder may match; where a wildcard stands, anything may."""
        for part, name in zip(self.parts, folder, strict=False):
            if part == "**":
                return True
            if part != name and not set(part) & set("*?["):
                return False
        return True


@dataclass(frozen=True)
class Ignore:
    """The patterns of a file in their order: of those that match a path, or a folder above it, the last one wins."""

    patterns: tuple[Pattern, ...] = ()

    @property
    def top(self) -> Matched:
        """What matches the context itself: nothing."""
        return (False,) * len(self.patterns)

    def match(self, path: str, above: Matched) -> tuple[bool, Matched]:
        """Whether the path is excluded, and what matches it; ``above`` is what matches the folder that it is in.

        As BuildKit does, patterns that would change nothing aren't tried, and so don't count for what is below.
        """
        excluded, matched = False, []
        for pattern, before in zip(self.patterns, above, strict=True):
            hit = before or (pattern.exception == excluded and bool(pattern.regex.fullmatch(path)))
            matched.append(hit)
            if hit:
                excluded = not pattern.exception
        return excluded and "\n" not in path, tuple(matched)

    def excluded(self, path: str) -> bool:
        """Whether the path is excluded, wherever it lies."""
        matched, parts, result = self.top, path.split("/"), False
        for depth in range(1, len(parts) + 1):
            result, matched = self.match("/".join(parts[:depth]), matched)
        return result

    def closed(self, folder: str) -> bool:
        """Whether nothing below this excluded folder can come back."""
        names = folder.split("/")
        return not any(pattern.exception and pattern.may_match_below(names) for pattern in self.patterns)


def read(text: str) -> Ignore:
    """The patterns of this text; none at all where one of them isn't plain."""
    if _CONTROL.search(text):
        return Ignore()
    lines = text.removeprefix("\ufeff").split("\n")
    patterns = [_pattern(line.strip()) for line in lines if line.strip() and not line.startswith("#")]
    known = tuple(pattern for pattern in patterns if pattern is not None)
    return Ignore(known if len(known) == len(patterns) else ())


def _pattern(line: str) -> Pattern | None:
    exception = line.startswith("!")
    path = posixpath.normpath(line.removeprefix("!").strip() or ".").lstrip("/")
    parts = tuple(path.split("/"))
    if path in ("", ".") or not all(part == "**" or _PLAIN.fullmatch(part) for part in parts):
        return None
    try:
        return Pattern(parts, re.compile(_regex(parts), re.DOTALL), exception)
    except re.error:  # a range that runs backwards
        return None


def _regex(parts: Sequence[str]) -> str:
    *folders, last = parts
    above = "".join("(?:.*/)?" if part == "**" else f"{_part(part)}/" for part in folders)
    return above + (".*" if last == "**" else _part(last))


def _part(part: str) -> str:
    tokens = _TOKENS.findall(part)
    return "".join(_WILDCARDS.get(token) or (token if len(token) > 1 else re.escape(token)) for token in tokens)
