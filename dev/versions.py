"""What follows from a version: its order, the tags that move with it, its section of the changelog.

https://semver.org/spec/v2.0.0.html and https://keepachangelog.com/en/1.1.0/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

NUMBER = r"(?:0|[1-9][0-9]*)"
IDENTIFIER = rf"(?:{NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
VERSION = re.compile(rf"({NUMBER})\.({NUMBER})\.({NUMBER})(?:-({IDENTIFIER}(?:\.{IDENTIFIER})*))?")


class Refusal(Exception):
    """Nothing is released; the message says why, and what to do."""


@dataclass(frozen=True)
class Version:
    """A version by SemVer 2.0.0; `pre` is the part after the hyphen."""

    major: int
    minor: int
    patch: int
    pre: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + (f"-{'.'.join(self.pre)}" if self.pre else "")

    def __lt__(self, other: Version) -> bool:
        return self._rank < other._rank

    @property
    def tag(self) -> str:
        """The tag that never moves."""
        return f"v{self}"

    @property
    def _rank(self) -> tuple[int, int, int, bool, tuple[tuple[int, int, str], ...]]:
        """SemVer, 11: a pre-release is before its version; numbers are compared as such and are before words."""
        words = tuple((0, int(word), "") if word.isdigit() else (1, 0, word) for word in self.pre)
        return self.major, self.minor, self.patch, not self.pre, words


def parse(text: str) -> Version:
    """The version, or a refusal. Build metadata has no order, so that no tag could follow from it."""
    found = VERSION.fullmatch(text)
    if found is None:
        raise Refusal(
            f"'{text}' is not a version that can be released: use X.Y.Z or X.Y.Z-rc.N, as in 1.2.0, without a v."
        )
    major, minor, patch, pre = found.groups()
    return Version(int(major), int(minor), int(patch), tuple(pre.split(".")) if pre else ())


def released(tags: Iterable[str]) -> tuple[Version, ...]:
    """The versions among these tags, without v1, v1.2 and other tags."""
    found = (VERSION.fullmatch(tag[1:]) for tag in tags if tag.startswith("v"))
    return tuple(parse(match.group()) for match in found if match)


def moving_tags(version: Version, others: Iterable[Version]) -> tuple[str, ...]:
    """v1 and v1.2, each only if the version is the newest that it may name; a pre-release moves none."""
    if version.pre:
        return ()
    stable = [known for known in others if not known.pre]
    newer = [known for known in stable if version < known and known.major == version.major]
    tags = []
    if not newer:
        tags.append(f"v{version.major}")
    if not any(known.minor == version.minor for known in newer):
        tags.append(f"v{version.major}.{version.minor}")
    return tuple(tags)


def is_latest(version: Version, others: Iterable[Version]) -> bool:
    """Whether it is what the repository's page should show first."""
    return not version.pre and not any(version < known for known in others if not known.pre)


def section(changelog: str, version: Version) -> str:
    """The version's section of the changelog, without its heading."""
    # Up to the next version's heading, ignoring fenced code. The links at the end of the file don't belong to it.
    body = r"((?:^```.*?^```\n|^(?!## )[^\n]*\n)*)"
    found = re.search(rf"^## \[{re.escape(str(version))}\](?: - [^\n]*)?\n{body}", f"{changelog}\n", re.M | re.S)
    if found is None:
        raise Refusal(f"CHANGELOG.md has no section '## [{version}]': move the entries under Unreleased there.")
    text = re.sub(r"(?:^\[[^]\n]+\]: [^\n]*\n+)+\Z", "", found.group(1), flags=re.M).strip()
    if not re.search(r"^(?!#)\S", text, re.M):
        raise Refusal(f"CHANGELOG.md has no entry under '## [{version}]': describe what has changed.")
    return f"{text}\n"
