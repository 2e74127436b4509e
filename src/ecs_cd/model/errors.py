"""What ends a verb without a verdict, and what only ends a look."""

from __future__ import annotations

from collections.abc import Iterable


class Refused(Exception):
    """Something has to be put right first; what was asked for was not begun.

    ``problems`` are sentences, one a line, each naming its place; ``remedy`` is what to do next.
    """

    def __init__(self, problems: str | Iterable[str], remedy: str = "") -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        self.remedy = remedy
        super().__init__("\n".join(self.problems))

    @property
    def sentence(self) -> str:
        """All of it in one line, for a place where it is a part of something else."""
        return ". ".join(filter(None, ["; ".join(self.problems), self.remedy]))


class OutcomeUnknown(Exception):
    """A mutation may have been carried out: its answer is lost, and what became of it can't be found out."""


class Unreadable(Exception):
    """A look that failed for a reason that passes: throttling, a server error, the network."""


class Cancelled(BaseException):
    """SIGINT or SIGTERM arrived. Not an ``Exception``, so that no retry swallows it."""
