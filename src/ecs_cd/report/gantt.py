"""A timeline as a Mermaid diagram: https://mermaid.js.org/syntax/gantt.html"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ecs_cd.model.duration import words
from ecs_cd.report.timeline import Span

_LAST = 24 * 60 * 60 - 1  # seconds: the times are within one day
_LONGEST = 40  # characters of a name
_ROWS = 8  # per section: a deployment that goes back and forth has many
# These include all that end a name, a line or the diagram (`:`, `;`, `,`, `#`, `%%`), or are markup.
_OTHERS = re.compile(r"[^\w .()/-]+")

# Statements, if a line of a task began with them.
_KEYWORD = re.compile(
    r"(title|acctitle|accdescr|section|click|vert|dateformat|axisformat|tickinterval|todaymarker|includes|excludes|"
    r"weekday|weekend|inclusiveenddates|topaxis|displaymode)\b",
    re.IGNORECASE,
)

# In pixels. The width is fixed and scaled to the page's, so that nothing overlaps on a narrow page either.
_WIDTH = 900
_TICKS = 10  # labels of the axis at most
_LABEL = 8  # of a character of a name, of the widest that are usual
_MARGIN = 24
_INTERVALS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800)  # seconds, the last for a day

Section = tuple[str, Sequence[Span]]  # with its name, which need not be unique


def lines(sections: Sequence[Section], zero: float) -> list[str]:
    """The lines of the diagram; times count from ``zero``."""
    shown = [(plain(name), _some(spans)) for name, spans in sections]
    length = max((_times(span, zero)[1] for _, spans in shown for span in spans), default=0)
    drawn = [*_settings([name for name, _ in shown]), *_axis(length)]
    for name, spans in shown:
        drawn.append(f"    section {name}")
        drawn += [f"    {_task(span, zero)}" for span in spans]
    return drawn


def _settings(names: Sequence[str]) -> list[str]:
    """Room for the longest name at the left."""
    left = max(map(_width, names), default=0) + _MARGIN
    return ["---", "config:", "  gantt:", f"    useWidth: {_WIDTH}", f"    leftPadding: {left}", "---"]


def _width(name: str) -> int:
    """A name's width; a character outside of Latin scripts, as in Japanese, counts as two."""
    return sum(_LABEL if ord(character) < 0x1100 else 2 * _LABEL for character in name)


def _axis(length: int) -> list[str]:
    """The axis, with so few labels that they don't overlap."""
    interval = next((each for each in _INTERVALS if length <= each * _TICKS), _INTERVALS[-1])
    unit = "minute" if interval % 60 == 0 else "second"
    return [
        "gantt",
        "    dateFormat HH:mm:ss",
        f"    axisFormat {'%M:%S' if length < 3600 else '%H:%M'}",
        f"    tickInterval {interval // 60 if unit == 'minute' else interval}{unit}",
        "    todayMarker off",
    ]


def plain(name: str) -> str:
    """A name without characters that end its line or have a meaning in it."""
    text = " ".join(_OTHERS.sub(" ", name).split())
    text = (text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}...") or "unnamed"
    return f"- {text}" if _KEYWORD.match(text) else text


def _some(spans: Sequence[Span]) -> Sequence[Span]:
    half = _ROWS // 2
    return spans if len(spans) <= _ROWS else [*spans[:half], *spans[-half:]]


def _times(span: Span, zero: float) -> tuple[int, int]:
    """Begin and end in seconds, at least one apart: readers take an invisible span for one that never happened."""
    begin, end = (min(max(0, round(at - zero)), _LAST) for at in (span.begin, span.end))
    return begin, max(begin + 1, end)


def _task(span: Span, zero: float) -> str:
    begin, end = _times(span, zero)
    clock = f"{begin // 3600:02}:{begin // 60 % 60:02}:{begin % 60:02}"
    name = f"{plain(span.words)} ({words(span.end - span.begin)})"
    return f"{name} :{', '.join([*['crit'] * span.bad, clock, f'{end - begin}s'])}"
