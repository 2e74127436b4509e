"""Freeze windows: the text of their parameter, and which of them is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecs_cd.document.rules import json_schema
from ecs_cd.locks.rules.lock import string
from ecs_cd.model import moment
from ecs_cd.model.errors import Refused
from ecs_cd.model.text import one_line

_WINDOW: json_schema.Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["from", "until"],
    "properties": {
        "from": {"type": "string", "description": f"when it begins, such as {moment.EXAMPLE}"},
        "until": {"type": "string", "description": f"when it ends, such as {moment.EXAMPLE}"},
        "reason": {"type": "string", "description": "why"},
    },
}
_SCHEMA: json_schema.Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["windows"],
    "properties": {"windows": {"type": "array", "items": _WINDOW, "description": "the freeze windows, or `[]`"}},
}
_REMEDY = "The infra repo owns this parameter; docs/guides/locks.md describes it."


@dataclass(frozen=True)
class Window:
    """No deployment starts from ``begins`` until ``ends``; times are as they are written."""

    begins: str
    ends: str
    reason: str = ""

    def holds(self, now: float) -> bool:
        """Whether ``now``, in seconds since 1970, is in it: its first instant is, its last is not."""
        return moment.seconds(self.begins, what="from") <= now < moment.seconds(self.ends, what="until")

    @property
    def words(self) -> str:
        """From when, until when and why, in one line."""
        why = f": {one_line(self.reason)}" if self.reason else ", without a reason"
        return f"from {one_line(self.begins)} until {one_line(self.ends)}{why}"


def load(parameter: Mapping[str, Any] | None, name: str) -> list[Window]:
    """The windows in a parameter as GetParameters returns it. Raises ``Refused`` with all problems, and if there is no
    such parameter: a misspelt name must not end a freeze."""
    what = f"the freeze windows in the SSM parameter {name}"
    if parameter is None:
        raise Refused(
            f"there is no SSM parameter {name}, which `freeze` in the document names",
            'The infra repo creates it, with {"windows": []} for none, or removes `freeze` from the document.',
        )
    content = json_schema.load(string(parameter, what), _SCHEMA, what=what, remedy=_REMEDY, beyond=_time_problems)
    return [Window(each["from"], each["until"], each.get("reason", "")) for each in content["windows"]]


def _time_problems(content: Mapping[str, Sequence[Mapping[str, str]]]) -> list[str]:
    return [
        f"windows[{number}].{problem}"
        for number, window in enumerate(content["windows"])
        for problem in moment.problems(window, "from")
    ]
