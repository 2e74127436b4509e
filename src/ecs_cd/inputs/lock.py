"""The inputs of the verb lock."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import Located
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers


@dataclass(frozen=True, kw_only=True)
class Lock(Located):
    """Takes the document's lock."""

    reason: str = option(
        "Why, in at most 300 characters: every deployment that the lock refuses shows it.",
        parsers.sentence(300),
        metavar="WHY",
    )
    until: str = option(
        "When the lock ends by itself: a time with its zone, such as `2026-12-20T18:00:00+09:00`, or a duration from "
        "now, such as `90m` or `48h`. Default: it holds until `unlock`.",
        parsers.until,
        metavar="TIME|DURATION",
    )
