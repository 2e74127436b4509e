"""The parts of a step as JSON, for programs that read a report: each part's outcome and why."""

from __future__ import annotations

import re
from typing import Any

from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.model.verdict import Outcome
from ecs_cd.report.summary import NOT_STARTED, UNDER_WAY, Part

_LONGEST_TITLE = 100  # characters


def to_json(part: Part) -> dict[str, Any]:
    """The part without what only a summary draws."""
    return {
        "title": part.title,
        "outcome": state(part),
        "message": part.message,
        "facts": dict(part.facts),
        "findings": [
            {"cause": each.cause, "detail": each.detail, "evidence": list(each.evidence), "next_step": each.remedy}
            for each in part.findings
        ],
    }


def state(part: Part) -> str:
    """Its outcome, ``under way`` or ``not started``."""
    return part.state.value if isinstance(part.state, Outcome) else part.state


def from_json(value: object) -> Part | None:
    """The part that another process wrote, perhaps a newer release; ``None`` if it is none.

    Ignores what has another type than expected. An outcome that this release doesn't know is ``unknown``.
    """
    if not isinstance(value, dict) or not (title := _title(value.get("title"))):
        return None
    outcome, message = _text(value.get("outcome")), _text(value.get("message"))
    known = outcome in (NOT_STARTED, UNDER_WAY, *(each.value for each in Outcome))
    return Part(
        title,
        _state(outcome),
        message if known else f"{outcome}: {message}".strip(": "),
        facts={str(name): fact for name, fact in _dict(value.get("facts")).items() if isinstance(fact, str)},
        findings=tuple(_finding(each) for each in _list(value.get("findings")) if isinstance(each, dict)),
    )


def _state(outcome: str) -> Outcome | str:
    if outcome in (NOT_STARTED, UNDER_WAY):
        return outcome
    return next((each for each in Outcome if each.value == outcome), Outcome.UNKNOWN)


def _finding(value: dict[str, Any]) -> Finding:
    evidence = tuple(line for line in _list(value.get("evidence")) if isinstance(line, str))
    detail = _text(value.get("detail"))
    return Finding(_text(value.get("cause")), evidence, _text(value.get("next_step")), detail=detail)


def _title(value: object) -> str:
    """Plain words: a summary shows titles without escapes."""
    words = re.sub(r"[^\w .,:/()-]", " ", _text(value)[:_LONGEST_TITLE])
    return " ".join(words.split()) or ("?" if words else "")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
