"""The differences as Markdown that can be pasted into a GitHub issue, or posted as one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from ecs_cd.model.text import clean
from ecs_cd.report.markup import code, escape, fenced
from ecs_cd.verify.rules.finding import Finding, State

_LARGEST = 60_000  # bytes: GitHub takes 65,536 characters, and Linux 128 KiB in an environment variable


def markdown(findings: Sequence[Finding], document: str, region: str, page: str) -> str:
    """What is wrong by its subject, then what is not checkable. ``document``: its name; ``page``: of the run, if any.

    Texts of AWS are in fences that no line of them can end, so that nothing in them is markup or mentions anybody.
    """
    wrong = [each for each in findings if each.state is State.WRONG]
    unknown = [each for each in findings if each.state is State.NOT_CHECKABLE]
    number = f"{len(wrong)} {'difference' if len(wrong) == 1 else 'differences'}"
    of = f" with the document {code(_line(document))}" if document else ""
    parts = [f"verify compared what runs in {escape(region)}{of}: {number if wrong else 'no differences'}."]
    parts += [_section(subject, list(group)) for subject, group in groupby(wrong, key=lambda each: each.subject)]
    parts += ["\n".join(["### Not checkable", "", *fenced(_lines(unknown, named=True))])] if unknown else []
    end = f"The log has all lines: {page}" if page else ""
    return _fitted(parts, end)


def _section(subject: str, group: Sequence[Finding]) -> str:
    return "\n".join([f"### {escape(_line(subject))}", "", *fenced(_lines(group))])


def _lines(findings: Sequence[Finding], *, named: bool = False) -> list[str]:
    """A line for each finding; remedies once, after the findings that they are for."""
    lines: list[str] = []
    for remedy, group in groupby(findings, key=lambda each: each.remedy):
        for each in group:
            lines.append(_line(f"{f'{each.subject}, ' if named else ''}{each.check}: {each.text}"))
        lines += [f"  -> {_line(remedy)}"] if remedy else []
    return lines


def _line(text: str) -> str:
    return clean(" ".join(text.split()), " ")


def _fitted(parts: Sequence[str], end: str) -> str:
    """As many parts as fit."""
    kept, room = list[str](), _LARGEST - len(end)
    for part in parts:
        room -= len(part.encode()) + 2
        if room < 0:
            kept.append("More differences are in the log.")
            break
        kept.append(part)
    return "\n\n".join([*kept, end] if end else kept)
