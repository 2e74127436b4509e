"""Results as Markdown, for the job summary."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ecs_cd.core.diagnosis import Finding
from ecs_cd.core.duration import words
from ecs_cd.core.verdict import Outcome

_LONGEST = 1000  # characters of a log line
_SIGNS = {Outcome.SKIPPED: "⏭️", Outcome.IN_PROGRESS: "⏳", Outcome.PAUSED: "⏸️"}


def verb(
    title: str,
    outcome: Outcome,
    message: str,
    *,
    elapsed: float,
    facts: Mapping[str, str],
    findings: Sequence[Finding] = (),
    texts: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """A section of the summary: verdict first, then the facts, then the causes, then texts by their titles."""
    sign = _SIGNS.get(outcome, "✅" if outcome.green else "❌")
    lines = [f"### {sign} {title}: {outcome.words}", ""]
    lines += [_escape(message), ""] if message else []
    lines += ["| | |", "|---|---|"]
    lines += [f"| {_escape(name)} | {_code(value)} |" for name, value in facts.items() if value]
    lines += [f"| duration | {words(elapsed)} |", ""]
    for finding in findings:
        lines += [f"**{_escape(finding.cause)}**", "", *_fenced(finding.evidence), ""]
        lines += [_escape(finding.next_step), ""] if finding.next_step else []
    for name, text in (texts or {}).items():
        lines += [f"**{_escape(name)}**", "", *_fenced(text), ""]
    return "\n".join(lines)


def without_verdict(title: str, state: str, sentences: Sequence[str], remedy: str) -> str:
    """A section for what never began, or whose end is not known."""
    lines = [f"### ❌ {title}: {state}", "", *_fenced(sentences), ""]
    return "\n".join([*lines, *([_escape(remedy), ""] if remedy else [])])


def _escape(text: str) -> str:
    """Text of others as plain text: no HTML, no Markdown, no table borders."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def _code(value: str) -> str:
    parts = (part.replace("`", "'").replace("|", "\\|") for part in value.splitlines())
    return "<br>".join(f"`{part}`" for part in parts)


def _fenced(lines: Sequence[str]) -> list[str]:
    """Log lines in a fence that is longer than any inside, so that none can end it."""
    if not lines:
        return []
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…" for line in lines), fence]
