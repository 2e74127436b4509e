"""A real terminal (a pty) as stdout, and what a user sees on it."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

_PIECES = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n\x00-\x08]+)", re.S)


@dataclass
class Terminal:
    """``written`` is all the output, ``frames`` the screen each time before a part of it was erased."""

    width: int
    written: str = ""
    frames: list[str] = field(default_factory=list)
    cursor: bool = True
    _lines: list[str] = field(default_factory=lambda: [""])
    _row: int = 0
    _column: int = 0

    @property
    def screen(self) -> str:
        """All lines as they are now, including those that have scrolled away."""
        return "\n".join(line.rstrip() for line in self._lines).rstrip("\n")

    def feed(self, text: str) -> None:
        """Processes more output. An unexpected escape sequence is an error."""
        self.written += text
        place = 0
        while place < len(text):
            found = _PIECES.match(text, place)
            assert found, f"the terminal gets {text[place : place + 20]!r}"
            self._take(*found.groups())
            place = found.end()

    def _take(self, number: str | None, command: str | None, back: str | None, end: str | None, words: str) -> None:
        if back:
            self._column = 0
        elif end:
            self._row += 1
            self._lines += [""] * (self._row + 1 - len(self._lines))
        elif words:
            self._put(words)
        else:
            self._obey(number or "", command or "")

    def _obey(self, number: str, command: str) -> None:
        match command:
            case "m":  # a colour
                pass
            case "A":
                self._row -= int(number)
                assert self._row >= 0, "the cursor leaves the screen"
            case "K":
                assert number == "2"
                if self.screen not in self.frames[-1:]:
                    self.frames.append(self.screen)
                self._lines[self._row] = ""
            case "h" | "l" if number == "?25":
                self.cursor = command == "h"
            case _:
                raise AssertionError(f"the terminal gets ESC[{number}{command}")

    def _put(self, words: str) -> None:
        for character in words:
            if self._column == self.width:
                self._take(None, None, None, "\n", "")
                self._column = 0
            line = self._lines[self._row].ljust(self._column)
            self._lines[self._row] = line[: self._column] + character + line[self._column + 1 :]
            self._column += 1


@contextmanager
def stdout(monkeypatch: pytest.MonkeyPatch, *, width: int = 100, height: int = 30) -> Iterator[Terminal]:
    """Makes sys.stdout a terminal of this size; its output is known when the block ends."""
    before = sys.stdout
    master, slave = os.openpty()
    terminal, heard = Terminal(width), bytearray()

    def listen() -> None:
        while True:
            try:
                heard.extend(os.read(master, 65536))
            except OSError:  # nobody can write any more
                return

    listener = threading.Thread(target=listen)
    listener.start()
    for name, value in {"COLUMNS": width, "LINES": height, "TERM": "xterm-256color"}.items():
        monkeypatch.setenv(name, str(value))
    for name in ("NO_COLOR", "FORCE_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    with open(slave, "w", encoding="utf-8") as file:  # noqa: PTH123 (a descriptor)
        monkeypatch.setattr(sys, "stdout", file)
        yield terminal
        monkeypatch.setattr(sys, "stdout", before)
    listener.join()
    os.close(master)
    terminal.feed(heard.decode())
