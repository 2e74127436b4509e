"""What a .dockerignore file certainly excludes from a build.

Follows BuildKit's rules: https://docs.docker.com/build/concepts/context/#dockerignore-files, and for open questions
github.com/moby/patternmatcher. If versions of BuildKit read any part of a file differently, we treat the file as
excluding nothing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

# Which patterns match a folder; its content depends on them.
Matched = tuple[bool, ...]

_CLASS = r"\[(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_.])+\]"
_PLAIN = re.compile(rf"(?:{_CLASS}|\*(?!\*)|[^*\[\]\\^+(){{}}|])+")
_TOKENS = re.compile(rf"{_CLASS}|.", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Pattern:
    """A line: what it matches, and whether it is an exception (``!``) that includes the match again."""

    parts: tuple[str, ...]
    regex: re.Pattern[str]
    exception: bool

    def may_match_below(self, folder: Sequence[str]) -> bool:
        """Whether anything in this folder may match; a wildcard may match any name."""
        for part, name in zip(self.parts, folder, strict=False):
            if part == "**":
                return True
            if part != name and not set(part) & set("*?["):
                return False
        return True


@dataclass(frozen=True)
class Ignore:
    """The patterns of a file in order: the last one that matches a path, or a folder above it, wins."""

    patterns: tuple[Pattern, ...] = ()

    @property
    def top(self) -> Matched:
        """The matches of the context itself: none."""
        return (False,) * len(self.patterns)

    def match(self, path: str, above: Matched) -> tuple[bool, Matched]:
        """Whether the path is excluded, and which patterns match it; ``above`` holds the matches of its parent folder.

        Like BuildKit, skips patterns that would change nothing, so they don't count for the paths below either.
        """
        excluded, matched = False, []
        for pattern, before in zip(self.patterns, above, strict=True):
            hit = before or (pattern.exception == excluded and bool(pattern.regex.fullmatch(path)))
            matched.append(hit)
            if hit:
                excluded = not pattern.exception
        return excluded and "\n" not in path, tuple(matched)

    def excluded(self, path: str) -> bool:
        """Whether the path is excluded, at any depth."""
        matched, parts, result = self.top, path.split("/"), False
        for depth in range(1, len(parts) + 1):
            result, matched = self.match("/".join(parts[:depth]), matched)
        return result

    def closed(self, folder: str) -> bool:
        """Whether no exception can include anything below this excluded folder."""
        names = folder.split("/")
        return not any(pattern.exception and pattern.may_match_below(names) for pattern in self.patterns)


def read(text: str) -> Ignore:
    """The patterns in this text; an empty ``Ignore`` if any of them isn't plain."""
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
    except re.error:  # a reversed range
        return None


def _regex(parts: Sequence[str]) -> str:
    """The pattern as a regular expression that costs no more than a pass per wildcard.

    A wildcard with another one behind it takes the shortest text with which what is between them fits. A longer text
    never fits better, so it doesn't give it back.
    """
    numbers = count(1)
    first, *others = _runs([part if part == "**" else _part(part, numbers) for part in parts])
    if not others:
        return "/".join(first)
    *between, last = others
    begin = "".join(f"{part}/" for part in first)
    middle = "".join(_once("(?:.*?/)??" + "".join(f"{part}/" for part in run), numbers) for run in between if run)
    return begin + middle + ("(?:.*/)?" + "/".join(last) if last else ".*")


def _runs(parts: Iterable[str]) -> list[list[str]]:
    """The parts between the ``**``."""
    runs: list[list[str]] = [[]]
    for part in parts:
        if part == "**":
            runs.append([])
        else:
            runs[-1].append(part)
    return runs


def _part(part: str, numbers: Iterator[int]) -> str:
    first, *others = _chunks(part)
    if not others:
        return first
    *between, last = others
    return first + "".join(_once(f"[^/]*?{chunk}", numbers) for chunk in between) + f"[^/]*{last}"


def _chunks(part: str) -> list[str]:
    """The texts between the ``*``, as regular expressions."""
    chunks = [""]
    for token in _TOKENS.findall(part):
        if token == "*":
            chunks.append("")
        else:
            chunks[-1] += "[^/]" if token == "?" else token if len(token) > 1 else re.escape(token)
    return chunks


def _once(regex: str, numbers: Iterator[int]) -> str:
    """An atomic group, which Python has since 3.11: what it has matched stays as it is."""
    name = f"w{next(numbers)}"
    return f"(?=(?P<{name}>{regex}))(?P={name})"
