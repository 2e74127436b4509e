"""Exceptions that end a verb without a verdict, or only end one poll."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


class Refused(Exception):
    """The user has to fix something first; ecs-cd did not start what it was asked to do.

    ``problems`` holds sentences, one per line, each with its place; ``remedy`` says what to do next.
    """

    def __init__(self, problems: str | Iterable[str], remedy: str = "") -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        self.remedy = remedy
        super().__init__("\n".join(self.problems))

    @property
    def sentence(self) -> str:
        """The problems and the remedy in one line, to embed in other text."""
        return ". ".join(filter(None, [self.line, self.remedy]))

    @property
    def line(self) -> str:
        """The problems in one line; one that ends with a colon is the heading of the next."""
        return "; ".join(self.problems).replace(":; ", ": ")


def combined(refused: Iterable[Refused]) -> Refused:
    """One error with the problems and remedies of all, each once."""
    refused = list(refused)
    problems = dict.fromkeys(problem for error in refused for problem in error.problems)
    remedies = dict.fromkeys(error.remedy for error in refused if error.remedy)
    return Refused(problems, " ".join(remedies))


def checked(*checks: Callable[[], Any]) -> list[Any]:
    """Makes all checks and returns their results. Raises one ``Refused`` with the problems of all."""
    results: list[Any] = []
    refused: list[Refused] = []
    for check in checks:
        try:
            results.append(check())
        except Refused as error:
            refused.append(error)
    if refused:
        raise combined(refused)
    return results


class Overtaken(Refused):
    """A mutation without a response can't be repeated, because AWS has carried out another caller's since."""


class NotCarriedOut(Refused):
    """AWS refuses a mutation for a reason that shows that no earlier call was carried out, either."""


class OutcomeUnknown(Exception):
    """A mutation may have happened: its response is lost, and ecs-cd can't find out the result."""


class Unreadable(Exception):
    """A poll failed with a transient error: throttling, a server error, the network."""


class Cancelled(BaseException):
    """SIGINT or SIGTERM arrived. Not an ``Exception``, so that no retry swallows it."""
