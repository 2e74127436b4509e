"""The words in which an outcome is told, and the exit code of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(str, Enum):
    """How a migration or a deployment ended. The value is what the output ``result`` holds."""

    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"
    FAILED = "failed"
    ROLLED_BACK = "rolled-back"
    ROLLBACK_FAILED = "rollback-failed"
    SUPERSEDED = "superseded"
    GONE = "gone"
    TIMED_OUT = "timed-out"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        """The outcome as people write it: ``rolled back``."""
        return self.value.replace("-", " ")

    @property
    def green(self) -> bool:
        return EXIT_CODES[self] == 0


REFUSED_EXIT_CODE = 2  # what argparse uses for a misspelt flag, too
DEFECT_EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h

EXIT_CODES = {
    Outcome.SUCCEEDED: 0,
    Outcome.SKIPPED: 0,
    Outcome.FAILED: 1,
    Outcome.ROLLED_BACK: 3,
    Outcome.ROLLBACK_FAILED: 4,
    Outcome.SUPERSEDED: 5,
    Outcome.GONE: 6,
    Outcome.TIMED_OUT: 7,
    Outcome.UNKNOWN: 8,
    Outcome.CANCELLED: 130,  # 128 + SIGINT, as a shell would say
}


@dataclass(frozen=True)
class Verdict:
    """The end of the story, with the sentence that tells it."""

    outcome: Outcome
    message: str


@dataclass(frozen=True)
class Watching:
    """Not over yet. ``message`` is printed when it changes; ``alarming`` says it in red."""

    message: str
    alarming: bool = False
