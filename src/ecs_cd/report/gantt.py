"""A timeline as a Mermaid diagram: https://mermaid.js.org/syntax/gantt.html"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ecs_cd.report.timeline import Span

_LAST = 24 * 60 * 60 - 1  # seconds: the times are within one day
_LONGEST = 40  # characters of a name
_ROWS = 8  # per section: a deployment that goes back and forth has many
# These include all that end a name, a line or the diagram (`:`, `;`, `,`, `#`, `%%`), or are markup.
_OTHERS = re.compile(r"[^\w .()/-]+")


Section = tuple[str, Sequence[Span]]  # with its name, which need not be unique


def lines(sections: Sequence[Section], zero: float) -> list[str]:
    """The lines of the diagram; times count from ``zero``."""
    drawn = ["gantt", "    dateFormat HH:mm:ss", "    axisFormat %H:%M:%S", "    todayMarker off"]
    for name, spans in sections:
        drawn.append(f"    section {plain(name)}")
        drawn += [f"    {_task(span, zero)}" for span in _some(spans)]
    return drawn


def plain(name: str) -> str:
    """A name without characters that end its line or have a meaning in it."""
    text = " ".join(_OTHERS.sub(" ", name).split())
    return (text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}...") or "unnamed"


def _some(spans: Sequence[Span]) -> Sequence[Span]:
    half = _ROWS // 2
    return spans if len(spans) <= _ROWS else [*spans[:half], *spans[-half:]]


def _task(span: Span, zero: float) -> str:
    begin, end = (min(max(0, round(at - zero)), _LAST) for at in (span.begin, span.end))
    clock = f"{begin // 3600:02}:{begin // 60 % 60:02}:{begin % 60:02}"
    moment = span.begin == span.end
    tags = ["crit"] * span.bad + ["milestone"] * moment
    seconds = 0 if moment else max(1, end - begin)  # readers take an invisible span for one that never happened
    return f"{plain(span.words)} :{', '.join([*tags, clock, f'{seconds}s'])}"
