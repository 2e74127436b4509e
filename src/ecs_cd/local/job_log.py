"""The log of a local run, as a terminal shows it: annotations in plain text, a build's output only if it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ecs_cd.local import act
from ecs_cd.local.act import Event
from ecs_cd.local.machine import Say

_ANNOTATIONS = ("error", "warning", "notice")
_SHOWN = (*_ANNOTATIONS, "group")


@dataclass
class _Group:
    """A folded group of ecs-cd. A terminal can't unfold it."""

    lines: list[str] = field(default_factory=list)
    ended: bool = False


@dataclass
class JobLog:
    """Shows the events of a run. ``plain``: it has a single job, which need not be named."""

    say: Say
    plain: bool
    _groups: dict[str, _Group] = field(default_factory=dict)  # by job

    def show(self, event: Event) -> None:
        """Shows an event, or keeps it until it is known whether its group fails."""
        job = str(event.data.get("job", ""))
        command, group = event.data.get("command"), self._groups.get(job)
        if command == "group" and event.of_ecs_cd:
            self._groups[job] = _Group()
            self._say(job, f"{event.workflow_command[1]} (its output is shown if it fails)")
        elif group and command == "endgroup":
            group.ended = True
        elif act.worth_showing(event):
            if group and event.is_output and not group.ended:
                group.lines += _lines(event)
                return
            self._close(job, failed=command == "error" or event.failed)
            for line in _lines(event):
                self._say(job, line)

    def end(self) -> None:
        """The run has ended. What it was doing then is shown."""
        for job in list(self._groups):
            self._close(job, failed=False)

    def _close(self, job: str, *, failed: bool) -> None:
        group = self._groups.pop(job, None)
        for line in group.lines if group and (failed or not group.ended) else ():
            self._say(job, line)

    def _say(self, job: str, line: str) -> None:
        self.say(f"  {'' if self.plain else f'{job} '}| {line}".rstrip())


def _lines(event: Event) -> Iterator[str]:
    """The lines of an event; of an annotation, its title and text instead of the workflow command."""
    text = event.text
    if event.data.get("command") in _SHOWN:
        symbol = text.split("::")[0] if event.data["command"] in _ANNOTATIONS else ""
        text = symbol + ": ".join(filter(None, event.workflow_command))
    yield from text.splitlines() or [""]
