"""Where the words go: GitHub's job log and files, or a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ecs_cd.report.summary import Part


class Ci(Protocol):
    """What a CI system offers to whoever reads the job log."""

    def line(self, text: str, *, alarming: bool = False) -> None:
        """Says it in the job log; what is alarming in red, where there are colours."""

    def notice(self, text: str) -> None: ...
    def warning(self, text: str) -> None: ...
    def error(self, text: str, title: str) -> None: ...
    def relay(self, lines: Iterable[str]) -> None:
        """Shows lines of somebody else, which must not be able to command anything."""

    def foreign(self) -> AbstractContextManager[None]:
        """While a child process writes to the log by itself."""
        ...

    def progress(self, states: Mapping[str, str]) -> None:
        """Shows live what is waited for, in the place of what was shown before; nothing ends it."""

    @property
    def keeps_outputs(self) -> bool:
        """Whether outputs go to later steps, and not to the log alone."""
        ...

    def outputs(self, values: Mapping[str, str]) -> None: ...
    def summary(self, parts: Sequence[Part]) -> None:
        """Tells of the whole step, in the place of what was told before."""


def detect(environ: Mapping[str, str]) -> Ci:
    """The CI system that this process runs in."""
    if environ.get("GITHUB_ACTIONS") == "true":
        from ecs_cd.ci.github import GitHub

        return GitHub(environ)
    if sys.stdout.isatty() and environ.get("TERM", "dumb") != "dumb":
        try:
            from ecs_cd.ci.live import Live
        except ModuleNotFoundError:  # rich is not in a release: who installs ecs-cd has it
            pass
        else:
            return Live()
    from ecs_cd.ci.terminal import Terminal

    return Terminal()
