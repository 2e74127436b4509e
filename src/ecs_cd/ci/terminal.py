"""A terminal, or an unknown CI system."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecs_cd.ci.text import harmless, unbroken

if TYPE_CHECKING:
    from ecs_cd.report.summary import Part


class Terminal:
    """Lines on stdout; outputs as ``name=value`` at the end, for a person without those that only programs read; no
    summary."""

    def line(self, text: str, *, alarming: bool = False) -> None:
        self._print(harmless([text]))

    def notice(self, text: str) -> None:
        self.line(f"note: {text}")

    def warning(self, text: str) -> None:
        self.line(f"warning: {text}")

    def error(self, text: str, title: str) -> None:
        with unbroken(sys.stderr):
            for line in harmless([f"error: {title}: {text}"]):
                print(line, file=sys.stderr, flush=True)

    def relay(self, lines: Iterable[str]) -> None:
        self._print(f"  | {line}" for line in harmless(lines))

    @contextmanager
    def foreign(self, title: str) -> Iterator[None]:
        yield

    @property
    def keeps_outputs(self) -> bool:
        return False

    def outputs(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            if not sys.stdout.isatty() or (value and not value.startswith(("{", "["))):
                self.line(f"{name}={value}")

    def progress(self, states: Mapping[str, str]) -> None:
        pass

    def summary(self, parts: Sequence[Part]) -> None:
        pass

    def end(self) -> None:
        pass

    def _print(self, lines: Iterable[str]) -> None:
        with unbroken():
            for line in lines:
                print(line, flush=True)
