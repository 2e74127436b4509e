"""The last line of a verb in CodeBuild's log, by which `hand-off` shows in GitHub what ended there and why.

``ecs-cd-verdict: {"version": 1, "build": ..., "nonce": ..., "verb": ..., "parts": [...]}``, in ASCII, at the start of a
line. Nothing else may begin a line like this: see ``inert``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.report import part_json
from ecs_cd.report.summary import Part

PREFIX = "ecs-cd-verdict:"
LARGEST = 8192  # bytes that ecs-cd writes
_LARGEST_READ = 65536  # characters; a newer release may write more
_VERSION = 1


@dataclass(frozen=True)
class VerdictLine:
    """How a verb ended in a build."""

    verb: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class _Room:
    """How much of each part a line shows: characters of a text, facts, findings, and of the evidence of each."""

    lines: int
    width: int
    text: int = 2000
    facts: int = 100
    findings: int = 20
    parts: int = 100


# The first that fits is taken: long evidence goes first, then facts, then words, then the parts that went well.
_ROOMS = (
    _Room(200, 1000, text=4000, findings=100),
    _Room(40, 500),
    _Room(20, 300),
    _Room(8, 200),
    _Room(3, 160, text=1000, facts=20),
    _Room(0, 160, text=500, facts=10, findings=10),
    _Room(0, 0, text=300, facts=0, findings=3, parts=20),
    _Room(0, 0, text=100, facts=0, findings=2, parts=5),
    _Room(0, 0, text=60, facts=0, findings=1, parts=1),
)


def compose(verb: str, parts: Sequence[Part], build: str, nonce: str) -> str:
    """The line, in at most ``LARGEST`` bytes."""
    line = ""
    for room in _ROOMS:
        kept = [part_json.to_json(_shortened(part, room)) for part in _important(parts, room.parts)]
        content = {"version": _VERSION, "build": build, "nonce": nonce_in(nonce), "verb": verb, "parts": kept}
        line = f"{PREFIX} {json.dumps(content)}"
        if len(line) <= LARGEST:
            break
    return line


def nonce_in(text: str) -> str:
    """The nonce that `hand-off` gave; empty for ``none`` and for everything else that is none."""
    return text if re.fullmatch(r"[0-9a-f]{32}", text) else ""


def inert(line: str) -> str:
    """A line of the log that nothing can mistake for a verdict."""
    return f"| {line}" if line.startswith(PREFIX) else line


def find(lines: Iterable[str], build: str, nonce: str = "") -> VerdictLine | None:
    """The last verdict of this build in its log; ``None`` without one.

    With a ``nonce``, only a verdict with it counts. Everything that can't be read is skipped.
    """
    found = None
    for line in (line for text in lines for line in text.split("\n") if line.startswith(PREFIX)):
        found = _read(line, build, nonce) or found
    return found


def _read(line: str, build: str, nonce: str) -> VerdictLine | None:
    if len(line) > _LARGEST_READ:
        return None
    try:
        content = json.loads(line.removeprefix(PREFIX))
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("build") != build or not _is_version(content.get("version")):
        return None
    if nonce and content.get("nonce") != nonce:
        return None
    verb, parts = content.get("verb"), content.get("parts")
    if not isinstance(verb, str) or not isinstance(parts, list):
        return None
    return VerdictLine(verb, tuple(part for each in parts if (part := part_json.from_json(each)) is not None))


def _is_version(value: object) -> bool:
    """Newer versions add members, which are ignored."""
    return type(value) is int and value >= _VERSION


# ---- cut to size ----


def _important(parts: Sequence[Part], number: int) -> list[Part]:
    """At most so many, in their order: those that did not go well, then the last."""
    ranked = sorted(range(len(parts)), key=lambda index: (parts[index].bad, index), reverse=True)
    return [parts[index] for index in sorted(ranked[:number])]


def _shortened(part: Part, room: _Room) -> Part:
    facts = list(part.facts.items())[: room.facts]
    return replace(
        part,
        title=_cut(part.title, 100),
        message=_cut(part.message, room.text),
        facts={_cut(name, 100): _cut(value, room.text) for name, value in facts},
        findings=[_shorter(finding, room) for finding in part.findings[: room.findings]],
    )


def _shorter(finding: Finding, room: _Room) -> Finding:
    evidence = tuple(_cut(line, room.width) for line in _ends(finding.evidence, room.lines))
    return replace(
        finding,
        cause=_cut(finding.cause, room.text),
        evidence=evidence,
        detail=_cut(finding.detail, room.text),
        next_step=_cut(finding.remedy, room.text),
        log="",
    )


def _ends(lines: Sequence[str], number: int) -> Sequence[str]:
    """The first line, which names what stopped, and the last lines of its log."""
    if len(lines) <= number or not number:
        return lines[:number]
    return [lines[0], "…", *lines[len(lines) - number + 2 :]]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: max(0, length - 1)]}…"
