"""The job summary in Markdown: the verdict first, then its cause, then everything that happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ecs_cd.model.duration import words
from ecs_cd.model.text import plain
from ecs_cd.model.verdict import Outcome
from ecs_cd.report import gantt, markup, timeline
from ecs_cd.report.gantt import Section
from ecs_cd.report.timeline import Deployed, Span

if TYPE_CHECKING:
    from ecs_cd.diagnosis.evidence import Finding

LARGEST = 1024 * 1024  # bytes per step; GitHub drops a larger summary completely
_LIMIT = "a summary ends at 1 MiB"
_ROWS = 20  # services shown directly; the others are folded
_DRAWN = 10  # services in the timeline
_CHANGES = 20  # services whose changes are listed
_SHORT_COMMIT = 7  # characters of a commit that is a link
_CHANGED = 100  # lines per service
_SIGNS = {Outcome.SKIPPED: "⏭️", Outcome.IN_PROGRESS: "⏳", Outcome.PAUSED: "⏸️"}

COMMIT = "commit"  # the name of this fact
UNDER_WAY = "under way"
NOT_STARTED = "not started"
_UNTIL_NOW = "If this is the last message, the process was killed before it could report more; see the job log."


@dataclass(frozen=True)
class Part:
    """A part of a step, as the summary reports it.

    ``state`` is its outcome, or ``UNDER_WAY``, or ``NOT_STARTED``. ``begin`` is in seconds of the job clock. ``phase``
    is its label in the timeline, if the ``services`` don't have one. ``links`` are pages: of the fact with the same
    name, else by the words to show. The summary shows ``texts`` verbatim, under their titles.
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

    def add_facts(self, facts: Mapping[str, str]) -> None:
        """Adds facts to the part that is under way, if there is one."""
        part = next((part for part in reversed(self.parts) if part.state == UNDER_WAY), None)
        if part:
            self.put(replace(part, facts={**part.facts, **facts}))

    def leave(self, services: Iterable[Deployed]) -> None:
        """Records the known state of services whose step ends early."""
        self._unfinished.extend(services)


def markdown(parts: Sequence[Part], room: int = LARGEST, limit: str = _LIMIT) -> str:
    """The whole summary of a step, in at most ``room`` bytes; one that is cut ends with the ``limit``. It drops the
    changes first, and never the verdict."""
    text = _written(parts, changes=True)
    if len(_bytes(text)) > room:
        text = _written(parts, changes=False)
    cut = _bytes(text)
    if len(cut) > room:
        end = _bytes(f"\n\n(cut: {limit})\n")
        cut = cut[: max(0, room - len(end))] + end[: max(0, room)]
    return cut.decode(errors="ignore")


def _sign(outcome: Outcome) -> str:
    return _SIGNS.get(outcome, "✅" if outcome.green else "❌")


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")


def _written(parts: Sequence[Part], *, changes: bool) -> str:
    head = _decisive(parts)
    services = [service for part in parts for service in part.services]
    lines = [f"### {head.sign} {head.title}: {head.words}", ""]
    for finding in [finding for part in parts for finding in part.findings]:
        lines += _finding(finding)
    message = _UNTIL_NOW if head.state == UNDER_WAY else head.message
    lines += [markup.sentence(message), ""] if message else []
    lines += _context(parts)
    lines += _services(services)
    lines += _timeline(parts)
    lines += _steps(parts)
    for name, text in ((name, text) for part in parts for name, text in part.texts.items()):
        lines += [f"**{markup.sentence(name)}**", "", *markup.fenced(text), ""]
    lines += _changes(services) if changes else []
    return plain("\n".join(lines))


def _decisive(parts: Sequence[Part]) -> Part:
    """The part that sets the state of the step: the last bad one, else the last one under way, else the last one."""
    last_first = parts[::-1]
    bad = next((part for part in last_first if part.bad), None)
    return bad or next((part for part in last_first if part.state == UNDER_WAY), parts[-1])


def _finding(finding: Finding) -> list[str]:
    """The cause if known, the evidence, what to do next, and where the whole log is: its page, else the command."""
    lines = [f"**{markup.sentence(finding.words)}**", ""] if finding.cause else []
    lines += [*markup.fenced(finding.evidence), ""] if finding.evidence else []
    after = [markup.sentence(finding.next_step if finding.page else finding.remedy)]
    after += [markup.link("The whole log", finding.page)] if finding.page else []
    return lines + ([" · ".join(filter(None, after)), ""] if any(after) else [])


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
    rows = [
        [
            str(service.wave or ""),
            markup.value(service.service, service.links.get("service", "")),
            f"{_sign(service.outcome)} {markup.link(service.outcome.words, service.links.get('deployment', ''))}",
            _cell(service.before),
            _cell(service.after, service.links.get("task definition", "")),
            "<br>".join(_image(service, container) for container in service.images or {}),
            words(service.elapsed) if service.elapsed else "",
        ]
        for service in services
    ]
    return markup.table(("wave", "service", "result", "from", "to", "digest", "duration"), rows)


def _cell(text: str, page: str = "") -> str:
    return markup.value(text, page) if text else ""


def _image(service: Deployed, container: str) -> str:
    shown = markup.code(_short((service.images or {})[container]))
    return f"{markup.escape(container)} {markup.link(shown, service.links.get(container, ''))}"


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
        if part.phase and part.elapsed:
            sections.append((part.title, [Span(part.phase, part.begin, part.begin + part.elapsed, part.bad)]))
    return sections, left_out


# ---- facts and differences ----


def _context(parts: Sequence[Part]) -> list[str]:
    """The commit, and all other facts if there is only one part."""
    shown = [_commit(commit, page) for commit, page in _commits(parts)]
    if len(parts) == 1 and parts[0].ended:
        took = [f"took {words(parts[0].elapsed)}"] if parts[0].elapsed and not parts[0].services else []
        shown += [*(fact for facts in _details(parts[0], set()) for fact in facts), *took]
    return [" · ".join(shown), ""] if shown else []


def _commits(parts: Sequence[Part]) -> Iterable[tuple[str, str]]:
    found: dict[str, str] = {}
    for part in (part for part in parts if part.ended and part.facts.get(COMMIT)):
        commit = part.facts[COMMIT]
        found[commit] = found.get(commit) or part.links.get(COMMIT, "")
    return found.items()


def _commit(commit: str, page: str) -> str:
    shown = commit[:_SHORT_COMMIT] if page else commit
    return f"commit {markup.link(markup.code(shown), page)}"


def _steps(parts: Sequence[Part]) -> list[str]:
    """A row per part, if there are several; no fact twice."""
    if len(parts) < 2:
        return []
    seen: set[str] = set()
    rows = [
        [
            markup.escape(part.title),
            f"{part.sign} {part.words}".replace(" ", "\N{NO-BREAK SPACE}"),  # the details may be long
            words(part.elapsed),
            "<br>".join(" · ".join(facts) for facts in _details(part, seen) if facts),
        ]
        for part in parts
        if part.ended
    ]
    return markup.table(("step", "result", "duration", "details"), rows) if rows else []


def _details(part: Part, seen: set[str]) -> tuple[list[str], list[str]]:
    """The facts without the names that are ``seen`` already: names and pages, then sentences."""
    names: list[str] = []
    lines: list[str] = []
    for name, text in part.facts.items():
        new = [line for line in text.splitlines() if line.strip() and line not in seen]
        seen.update(filter(markup.is_name, new))
        if new and name != COMMIT:
            shown = markup.fact(name, new, part.links.get(name, ""))
            (names if all(map(markup.is_name, new)) else lines).append(shown)
    names += [markup.link(name, page) for name, page in part.links.items() if page and name not in part.facts]
    return names, lines


def _changes(services: Sequence[Deployed]) -> list[str]:
    """The differences between the task definitions, folded."""
    changed = timeline.as_seen([service for service in services if service.change], _CHANGES)
    if not changed:
        return []
    lines: list[str] = []
    for service in changed[:_CHANGES]:
        change = service.change or ()
        lines += [f"**{markup.escape(f'{service.service}: {service.before} → {service.after}')}**", ""]
        more = [f"({len(change) - _CHANGED} more lines)"] if len(change) > _CHANGED else []
        lines += [*markup.fenced([*change[:_CHANGED], *more], "diff"), ""]
    lines += [f"and of {_more(changed[_CHANGES:])}", ""] if len(changed) > _CHANGES else []
    return _folded("What changed in the task definition" + "s" * (len(changed) > 1), lines)


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    """Does not escape ``title``: it comes from ecs-cd."""
    return [f"<details><summary>{title}</summary>", "", *lines, "</details>", ""]
