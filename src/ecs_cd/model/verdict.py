"""The outcomes, with the words to report them and their exit codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Outcome(str, Enum):
    """How a migration or a deployment ended. The value is the output ``result``."""

    SUCCEEDED = "succeeded"
    IN_PROGRESS = "in-progress"  # it has reached `wait-until` and is still running
    SKIPPED = "skipped"
    FAILED = "failed"
    ROLLED_BACK = "rolled-back"
    ROLLBACK_FAILED = "rollback-failed"
    SUPERSEDED = "superseded"
    PAUSED = "paused"
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


REFUSED_EXIT_CODE = 2  # argparse uses it for a misspelt flag, too
DEFECT_EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h

EXIT_CODES = {
    Outcome.SUCCEEDED: 0,
    Outcome.IN_PROGRESS: 0,
    Outcome.SKIPPED: 0,
    Outcome.FAILED: 1,
    Outcome.ROLLED_BACK: 3,
    Outcome.ROLLBACK_FAILED: 4,
    Outcome.SUPERSEDED: 5,
    Outcome.GONE: 6,
    Outcome.TIMED_OUT: 7,
    Outcome.UNKNOWN: 8,
    Outcome.PAUSED: 9,
    Outcome.CANCELLED: 130,  # 128 + SIGINT, as in a shell
}


@dataclass(frozen=True)
class Verdict:
    """The final outcome, with the sentence that explains it."""

    outcome: Outcome
    message: str


@dataclass(frozen=True)
class InProgress:
    """Still running. ``message`` is printed when it changes; ``alarming`` prints it red."""

    message: str
    alarming: bool = False


_WORST_FIRST = (
    Outcome.ROLLBACK_FAILED,
    Outcome.FAILED,
    Outcome.GONE,
    Outcome.UNKNOWN,
    Outcome.CANCELLED,
    Outcome.TIMED_OUT,
    Outcome.ROLLED_BACK,
    Outcome.SUPERSEDED,
    Outcome.PAUSED,
    Outcome.IN_PROGRESS,
    Outcome.SKIPPED,
    Outcome.SUCCEEDED,
)


def combined(verdicts: Mapping[str, Verdict]) -> Verdict:
    """One verdict for several services: the worst outcome, and the message of each service."""
    if len(verdicts) == 1:
        return next(iter(verdicts.values()))
    outcome = min((verdict.outcome for verdict in verdicts.values()), key=_WORST_FIRST.index)
    alike = all(verdict.outcome is outcome for verdict in verdicts.values())
    words = [
        f"{key}: {verdict.message}" if alike else f"{key} {verdict.outcome.words}: {verdict.message}"
        for key, verdict in verdicts.items()
    ]
    return Verdict(outcome, "; ".join(words))
