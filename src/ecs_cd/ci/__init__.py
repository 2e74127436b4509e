"""Where the words go: GitHub's job log and files, or a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol


class Ci(Protocol):
    """What a CI system offers to whoever reads the job log."""

    def line(self, text: str) -> None: ...
    def notice(self, text: str) -> None: ...
    def warning(self, text: str) -> None: ...
    def error(self, text: str, title: str) -> None: ...
    def relay(self, lines: Iterable[str]) -> None:
        """Shows lines of somebody else, which must not be able to command anything."""

    def foreign(self) -> AbstractContextManager[None]:
        """While a child process writes to the log by itself."""
        ...

    def outputs(self, values: Mapping[str, str]) -> None: ...
    def summary(self, markdown: str) -> None: ...


def detect(environ: Mapping[str, str]) -> Ci:
    """The CI system that this process runs in."""
    if environ.get("GITHUB_ACTIONS") == "true":
        from ecs_cd.ci.github import GitHub

        return GitHub(environ)
    from ecs_cd.ci.terminal import Terminal

    return Terminal()
