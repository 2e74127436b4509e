"""The job summary in Markdown: the verdict first, then its cause, then everything that happened."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecs_cd.model.duration import words
from ecs_cd.model.text import plain
from ecs_cd.model.verdict import Outcome
from ecs_cd.report import gantt, timeline
from ecs_cd.report.gantt import Section
from ecs_cd.report.timeline import Deployed, Span

if TYPE_CHECKING:
    from ecs_cd.diagnosis.evidence import Finding

LARGEST = 1024 * 1024  # bytes per step; GitHub drops a larger summary completely
_CUT = b"\n\n(cut: a summary ends at 1 MiB)\n"
_LONGEST = 1000  # characters of a log line
_ROWS = 20  # services shown directly; the others are folded
_DRAWN = 10  # services in the timeline
_CHANGES = 20  # services whose changes are listed
_CHANGED = 100  # lines per service
_SIGNS = {Outcome.SKIPPED: "⏭️", Outcome.IN_PROGRESS: "⏳", Outcome.PAUSED: "⏸️"}

UNDER_WAY = "under way"
NOT_STARTED = "not started"
_UNTIL_NOW = "If this is the last message, the process was killed before it could report more; see the job log."


@dataclass(frozen=True)
class Part:
    """A part of a step, as the summary reports it.

    ``state`` is its outcome, or ``UNDER_WAY``, or ``NOT_STARTED``. ``begin`` is in seconds of the job clock. ``phase``
    is its label in the timeline, if the ``services`` don't have one. ``links`` are pages by the words to show. The
    summary shows ``texts`` verbatim, under their titles.
    """

    title: str
    state: Outcome | str
    message: str = ""
    begin: float = 0.0
    elapsed: float = 0.0
    phase: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    services: Sequence[Deployed] = ()
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        return self.state.words if isinstance(self.state, Outcome) else self.state

    @property
    def sign(self) -> str:
        if isinstance(self.state, Outcome):
            return _sign(self.state)
        return "⏳" if self.state == UNDER_WAY else "❌"

    @property
    def ended(self) -> bool:
        return isinstance(self.state, Outcome)

    @property
    def bad(self) -> bool:
        return not self.state.green if isinstance(self.state, Outcome) else self.state == NOT_STARTED


class Summary:
    """The parts that a process has reported so far, one per title; if a step ends early, also the state of its services
    at that time."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}
        self._unfinished: list[Deployed] = []

    @property
    def parts(self) -> list[Part]:
        return list(self._parts.values())

    @property
    def unfinished(self) -> tuple[Deployed, ...]:
        return tuple(self._unfinished)

    def part(self, title: str) -> Part | None:
        """The most recently reported part with this title."""
        return self._parts.get(title)

    def put(self, part: Part) -> None:
        """Adds the part, or replaces the one with the same title."""
        self._parts[part.title] = part

    def put_last(self, part: Part) -> None:
        """Moves the part to the end: the parts inside it, such as a scan, have been reported before."""
        self._parts.pop(part.title, None)
        self.put(part)

    def leave(self, services: Iterable[Deployed]) -> None:
        """Records the known state of services whose step ends early."""
        self._unfinished.extend(services)


def markdown(parts: Sequence[Part], room: int = LARGEST) -> str:
    """The whole summary of a step, in at most ``room`` bytes. It drops the changes first, and never the verdict."""
    text = _written(parts, changes=True)
    if len(_bytes(text)) > room:
        text = _written(parts, changes=False)
    cut = _bytes(text)
    if len(cut) > room:
        cut = cut[: max(0, room - len(_CUT))] + _CUT[: max(0, room)]
    return cut.decode(errors="ignore")


def _sign(outcome: Outcome) -> str:
    return _SIGNS.get(outcome, "✅" if outcome.green else "❌")


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")


def _written(parts: Sequence[Part], *, changes: bool) -> str:
    head = _decisive(parts)
    services = [service for part in parts for service in part.services]
    lines = [f"### {head.sign} {head.title}: {head.words}", ""]
    message = _UNTIL_NOW if head.state == UNDER_WAY else head.message
    lines += [_escape(message), ""] if message else []
    for finding in [finding for part in parts for finding in part.findings]:
        lines += _finding(finding)
    lines += _services(services)
    lines += _timeline(parts)
    lines += _facts(parts)
    for name, text in ((name, text) for part in parts for name, text in part.texts.items()):
        lines += [f"**{_escape(name)}**", "", *fenced(text), ""]
    lines += _changes(services) if changes else []
    return plain("\n".join(lines))


def _decisive(parts: Sequence[Part]) -> Part:
    """The part that sets the state of the step: the last bad one, else the last one under way, else the last one."""
    last_first = parts[::-1]
    bad = next((part for part in last_first if part.bad), None)
    return bad or next((part for part in last_first if part.state == UNDER_WAY), parts[-1])


def _finding(finding: Finding) -> list[str]:
    """The cause if known, the evidence, and what to do next."""
    lines = [f"**{_escape(finding.words)}**", ""] if finding.cause else []
    lines += [*fenced(finding.evidence), ""] if finding.evidence else []
    return lines + ([_escape(finding.remedy), ""] if finding.remedy else [])


# ---- services ----


def _services(services: Sequence[Deployed]) -> list[str]:
    """A row per service. If there are many, those that are not green come first and the rest are folded."""
    if not services:
        return []
    ordered = timeline.as_seen(services, _ROWS)
    seen, more = ordered[:_ROWS], ordered[_ROWS:]
    return _rows(seen) + (_folded(_more(more), _rows(more)) if more else [])


def _more(services: Sequence[Deployed]) -> str:
    return f"{len(services)} more service{'s' * (len(services) > 1)}"


def _rows(services: Sequence[Deployed]) -> list[str]:
    lines = ["| service | result | from | to | digest | duration |", "|---|---|---|---|---|---|"]
    for service in services:
        result = f"{_sign(service.outcome)} {service.outcome.words}"
        cells = [_code(service.service), result, _code(service.before), _code(service.after), _code(digests(service))]
        lines.append(f"| {' | '.join([*cells, words(service.elapsed) if service.elapsed else ''])} |")
    return [*lines, ""]


def digests(service: Deployed) -> str:
    """The requested digests, shortened, one container per line."""
    return "\n".join(f"{name}: {_short(image)}" for name, image in (service.images or {}).items())


def _short(image: str) -> str:
    """``sha256:0123456789ab``; an image without a digest stays unchanged."""
    digest = image.rpartition("@")[2]
    return digest[: len("sha256:") + 12] if digest.startswith("sha256:") else digest


# ---- timeline ----


def _timeline(parts: Sequence[Part]) -> list[str]:
    """All parts on one axis. A single bar would show nothing more than the duration."""
    sections, left_out = _sections(parts)
    begins = [span.begin for _, spans in sections for span in spans]
    if len(begins) < 2:
        return []
    more = [f"The timeline leaves {_more(left_out)} out.", ""] if left_out else []
    return ["```mermaid", *gantt.lines(sections, min(begins)), "```", "", *more]


def _sections(parts: Sequence[Part]) -> tuple[list[Section], list[Deployed]]:
    """The sections to draw, and the services left out."""
    sections: list[Section] = []
    left_out: list[Deployed] = []
    for part in parts:
        drawn = timeline.as_seen([service for service in part.services if service.moments], _DRAWN)
        sections += [(service.service, timeline.spans(service.moments)) for service in drawn[:_DRAWN]]
        left_out += drawn[_DRAWN:]
        if part.phase:
            sections.append((part.title, [Span(part.phase, part.begin, part.begin + part.elapsed, part.bad)]))
    return sections, left_out


# ---- facts and differences ----


def _facts(parts: Sequence[Part]) -> list[str]:
    """One table. If there are several parts, each begins with its outcome."""
    rows = []
    for part in (part for part in parts if part.ended):
        if len(parts) > 1:
            rows.append(f"| **{_escape(part.title)}** | {part.words}, {words(part.elapsed)} |")
        rows += [f"| {_escape(name)} | {_code(value)} |" for name, value in part.facts.items() if value]
        rows += [f"| {_escape(name)} | {_link(page)} |" for name, page in part.links.items() if page]
        if len(parts) == 1:
            rows.append(f"| duration | {words(part.elapsed)} |")
    return ["| | |", "|---|---|", *rows, ""] if rows else []


def _changes(services: Sequence[Deployed]) -> list[str]:
    """The differences between the task definitions, folded."""
    changed = timeline.as_seen([service for service in services if service.change], _CHANGES)
    if not changed:
        return []
    lines: list[str] = []
    for service in changed[:_CHANGES]:
        change = service.change or ()
        lines += [f"**{_escape(f'{service.service}: {service.before} -> {service.after}')}**", ""]
        more = [f"({len(change) - _CHANGED} more lines)"] if len(change) > _CHANGED else []
        lines += [*fenced([*change[:_CHANGED], *more], "diff"), ""]
    lines += [f"and of {_more(changed[_CHANGES:])}", ""] if len(changed) > _CHANGES else []
    return _folded("What changed in the task definition" + "s" * (len(changed) > 1), lines)


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    """Does not escape ``title``: it comes from ecs-cd."""
    return [f"<details><summary>{title}</summary>", "", *lines, "</details>", ""]


# ---- external text ----


def _escape(text: str) -> str:
    """External text as plain text: no HTML, no Markdown, no table borders."""
    return re.sub(r"([\\`*_~\[\]<>|#&])", r"\\\1", " ".join(text.split()))


def _code(value: str) -> str:
    """External lines in a cell. Code has no escapes, so look-alikes replace characters that would end the code or the
    cell: after a backslash even an escaped pipe is a border."""
    parts = (part.replace("`", "'").replace("|", "\N{BROKEN BAR}") for part in value.splitlines())
    return "<br>".join(f"`{part}`" for part in parts if part.strip())


def _link(page: str) -> str:
    """A page as a link, if nothing in its URL could end the link or the cell."""
    return f"<{page}>" if re.fullmatch(r"https://[\w.~:/?#@!$&'*+,;=%-]+", page) else _code(page)


def fenced(lines: Sequence[str], language: str = "text") -> list[str]:
    """Log lines without colours, in a fence longer than any fence inside, so that no line can end it."""
    if not lines:
        return []
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…" for line in lines), fence]
