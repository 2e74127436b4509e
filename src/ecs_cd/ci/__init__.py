"""Where output goes: GitHub's job log and files, CodeBuild's, or a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from ecs_cd.ci import run

if TYPE_CHECKING:
    from ecs_cd.model.clock import Clock
    from ecs_cd.report.summary import Part


class Ci(Protocol):
    """What a CI system offers for output to the job log and later steps."""

    def line(self, text: str, *, alarming: bool = False) -> None:
        """Writes text to the job log; red if it is alarming and colours are available."""

    def notice(self, text: str) -> None: ...
    def warning(self, text: str) -> None: ...
    def error(self, text: str, title: str) -> None: ...
    def relay(self, lines: Iterable[str]) -> None:
        """Shows lines from another source so that they can't act as workflow commands."""

    def foreign(self, title: str) -> AbstractContextManager[None]:
        """Wraps a child process that writes to the log directly; folds its output under the title where that works."""
        ...

    def progress(self, states: Mapping[str, str]) -> None:
        """Shows live what the step waits for, replacing the previous states; empty states end it."""

    @property
    def keeps_outputs(self) -> bool:
        """Whether outputs go to later steps, not only to the log."""
        ...

    def outputs(self, values: Mapping[str, str]) -> None: ...
    def summary(self, parts: Sequence[Part]) -> None:
        """Shows the summary of the whole step, replacing the previous one."""

    def end(self) -> None:
        """Ends the verb's output: it writes nothing more."""


def detect(environ: Mapping[str, str], clock: Clock, verb: str = "") -> Ci:
    """The CI system that this process runs in. A runner of GitHub that CodeBuild hosts is GitHub's."""
    if run.on_github(environ):
        from ecs_cd.ci.github import GitHub

        return GitHub(environ)
    if run.on_codebuild(environ):
        from ecs_cd.ci.codebuild import CodeBuild

        return CodeBuild(environ, verb)
    if sys.stdout.isatty() and environ.get("TERM", "dumb") != "dumb":
        try:
            from ecs_cd.ci.live import Live
        except ModuleNotFoundError:  # a release has no rich; an installed ecs-cd has it
            pass
        else:
            return Live(clock)
    from ecs_cd.ci.terminal import Terminal

    return Terminal()
