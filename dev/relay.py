"""The output of `ecs-cd local` in the log of the demo: one clock, and the output of a build as one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

Say = Callable[[str], None]

_CLOCK = re.compile(r" *\d+\.\d s  ")
_PREFIX = re.compile(r"[\s|]*")
# A line of docker build: of a step, with its time, or with what it does.
_BUILDKIT = re.compile(
    r"#\d+ (\[|DONE|CACHED|ERROR|CANCELED|\.\.\.|\d+\.\d+ |sha256:|resolve |extracting |[a-z]+ing\b)"
)
_ENDED = re.compile(r"(?P<step>[A-Z][^:]*) (?:succeeded|skipped)\b.*\([\d.]+ \w+[^()]*\)$")


@dataclass
class Relay:
    """Passes lines on to ``say``. ``ended`` are the lines with which steps ended, for the end of the demo."""

    say: Say
    ended: list[str] = field(default_factory=list)
    _folded: list[str] = field(default_factory=list)

    def line(self, text: str) -> None:
        text = _CLOCK.sub("", text.rstrip("\n"), count=1) if _CLOCK.match(text) else text.rstrip("\n")
        words = text[_end_of(_PREFIX, text) :]
        if _BUILDKIT.match(words) or (self._folded and not words):
            self._folded.append(text)
            return
        self._unfold()
        if _ENDED.match(words):
            self.ended.append(words)
        self.say(text)

    def end(self, *, failed: bool) -> None:
        """The command has ended. If it ended in a build that ``failed``, its whole output is shown."""
        if failed:
            for line in self._folded:
                self.say(line)
            self._folded = []
        self._unfold()

    def _unfold(self) -> None:
        if self._folded:
            prefix = self._folded[0][: _end_of(_PREFIX, self._folded[0])]
            self.say(f"{prefix}docker build: {len(self._folded)} lines")
        self._folded = []


def _end_of(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.match(text)
    return found.end() if found else 0
