"""Findings as lines and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.verify.rules.finding import Finding, State

_WIDEST = max(len(state.value) for state in State)


def of_state(findings: Sequence[Finding], state: State) -> list[Finding]:
    return [finding for finding in findings if finding.state is state]


def lines(findings: Sequence[Finding]) -> list[str]:
    """A line for each finding, and below it the remedy."""
    return [line for finding in findings for line in _lines(finding)]


def _lines(finding: Finding) -> list[str]:
    words = f"{finding.state.value:{_WIDEST}}  {sentence(finding)}"
    return [words, *([f"{'':{_WIDEST}}  -> {finding.remedy}"] if finding.remedy else [])]


def sentence(finding: Finding) -> str:
    """``service web, log-groups: the log group /ecs/web ...``"""
    check = "" if finding.check == finding.subject else f", {finding.check}"
    return f"{finding.subject}{check}: {finding.text}"


def verdict(findings: Sequence[Finding]) -> Verdict:
    """Failed if anything is wrong; what can't be checked fails nothing. The message has the count of each state, and
    the first wrong finding."""
    found, worst_first = of_state(findings, State.WRONG), (State.WRONG, State.NOT_CHECKABLE, State.OK)
    counts = ", ".join(f"{len(of_state(findings, state))} {state.value}" for state in worst_first)
    if not found:
        return Verdict(Outcome.SUCCEEDED, counts)
    first = f"{sentence(found[0])}. {found[0].remedy}".rstrip()
    return Verdict(Outcome.FAILED, f"{counts}; first: {first}")


def as_json(findings: Sequence[Finding], result: str, issue: str | None = None) -> str:
    """One object: the result, the count of each state, the findings in order, and with drift the Markdown for an
    issue."""
    counts = {state.value: len(of_state(findings, state)) for state in State}
    content: dict[str, Any] = {
        "result": result,
        "counts": counts,
        "findings": [_entry(finding) for finding in findings],
    }
    content |= {} if issue is None else {"issue": issue}
    return json.dumps(content, ensure_ascii=False)


def findings_json(findings: Sequence[Finding]) -> str:
    """The findings alone, as the output has them."""
    return json.dumps([_entry(finding) for finding in findings], ensure_ascii=False)


def _entry(finding: Finding) -> dict[str, str]:
    return {
        "subject": finding.subject,
        "check": finding.check,
        "state": finding.state.value,
        "text": finding.text,
        "remedy": finding.remedy,
    }
