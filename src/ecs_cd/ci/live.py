"""An interactive terminal: lines scroll, and a live region below them shows what the step waits for."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO, cast

from rich import box, live
from rich.console import Console
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ecs_cd.ci.terminal import Terminal
from ecs_cd.ci.text import harmless, unbroken
from ecs_cd.model import duration
from ecs_cd.model.clock import Clock
from ecs_cd.model.verdict import Outcome
from ecs_cd.report import timeline
from ecs_cd.report.summary import Part, digests
from ecs_cd.report.timeline import Deployed

_LIVE = 10  # rows at most
_ROWS = 20  # services in the result


class Live(Terminal):
    """A ``Terminal`` with a live region. Text from other sources is never interpreted as markup."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._console = _console(clock)
        self._spinner = Spinner("dots" if self._console.encoding.startswith("utf") else "line")
        self._region: live.Live | None = None
        self._states: dict[str, tuple[str, float]] = {}  # and when the wait for each subject started

    def line(self, text: str, *, alarming: bool = False) -> None:
        self._print(harmless([text]), "red" if alarming else "")

    def error(self, text: str, title: str) -> None:
        self._hide()  # it goes to stderr
        super().error(text, title)

    @contextmanager
    def foreign(self, title: str) -> Iterator[None]:
        self._hide()
        yield

    def progress(self, states: Mapping[str, str]) -> None:
        now = self._clock.monotonic()
        self._states = {name: (text, self._states.get(name, ("", now))[1]) for name, text in states.items()}
        if not states:
            self._hide()
            return
        if self._region is None:
            self._region = live.Live(
                get_renderable=self._waited_for,
                console=self._console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
                refresh_per_second=8,
            )
            self._region.start()
        self._region.refresh()

    def summary(self, parts: Sequence[Part]) -> None:
        """Shows the services of the part that has just ended; its verdict is already in the log."""
        if parts[-1].services:
            self._hide()
            self._console.print(_result(parts[-1].services))

    def _print(self, lines: Iterable[str], style: str = "") -> None:
        """Prints all lines at once: each print redraws the region below."""
        texts = [Text.from_ansi(line) for line in lines]
        for text in texts:
            text.stylize(style)
        if texts:
            self._console.print(*texts, sep="\n", soft_wrap=True)

    def _hide(self) -> None:
        region, self._region = self._region, None
        if region is not None:
            try:
                region.stop()
            except Exception:  # a signal interrupted the drawing: start with a new console
                self._console = _console(self._clock)
            finally:
                self._console.show_cursor(True)

    def _waited_for(self) -> Table:
        states, now = self._states, self._clock.monotonic()
        rows = max(1, min(_LIVE, self._console.height - 3))
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(no_wrap=True, width=1)
        table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column(no_wrap=True, justify="right")
        for name, (text, since) in list(states.items())[:rows]:
            elapsed = int(now - since)
            time = f"{elapsed // 60}:{elapsed % 60:02}"
            table.add_row(self._spinner, _plain(name, "bold"), _plain(text), time)
        if len(states) > rows:
            table.add_row("", f"and {len(states) - rows} more")
        return table


def _console(clock: Clock) -> Console:
    stdout = cast(TextIO, _Stdout())
    return Console(file=stdout, markup=False, highlight=False, emoji=False, get_time=clock.monotonic)


class _Stdout:
    """The current stdout, which may be redirected; ignores a reader that has gone away."""

    encoding = property(lambda self: sys.stdout.encoding)

    def write(self, text: str) -> None:
        with unbroken():
            sys.stdout.write(text)

    def flush(self) -> None:
        with unbroken():
            sys.stdout.flush()

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return sys.stdout.fileno()


def _plain(text: str, style: str = "") -> Text:
    """The text on one line, without its own colours."""
    return Text(Text.from_ansi(" ".join(harmless([text]))).plain, style)


def _result(services: Sequence[Deployed]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    waves = ["wave"] if any(service.wave for service in services) else []
    for name in (*waves, "service", "result", "from", "to", "digest", "duration"):
        table.add_column(name, overflow="fold")
    shown = timeline.as_seen(services, _ROWS)[:_ROWS]
    for service in shown:
        result = Text(service.outcome.words, _colour(service.outcome))
        revisions = _plain(service.before), _plain(service.after)
        time = duration.words(service.elapsed) if service.elapsed else ""
        wave = [str(service.wave)] if waves else []
        table.add_row(*wave, _plain(service.service), result, *revisions, _lines(digests(service)), time)
    if len(services) > len(shown):
        table.add_row(f"and {len(services) - len(shown)} more")
    return table


def _lines(text: str) -> Text:
    return Text("\n").join(_plain(line) for line in text.splitlines())


def _colour(outcome: Outcome) -> str:
    return "green" if outcome is Outcome.SUCCEEDED else "yellow" if outcome.green else "red"
