"""One line of `verify`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

_HEADING = re.compile(r"(.*?)(?: has \d+ problems?)?:")


class State(Enum):
    """The value is printed, and is in the JSON."""

    OK = "ok"
    WRONG = "wrong"
    NOT_CHECKABLE = "not checkable"


@dataclass(frozen=True)
class Finding:
    """What a check has found.

    ``subject``: what is checked, such as "document", "image app", "service web" or "migration"; ``check``: the check's
    name in kebab-case, such as "execution-role"; ``text``: what was found; ``remedy``: what to do, empty if ok.
    """

    subject: str
    check: str
    state: State
    text: str
    remedy: str = ""


def sentences(problems: Iterable[str]) -> Iterator[str]:
    """The problems of a ``Refused``, each for itself: one that ends with a colon is the heading of those after it."""
    heading = ""
    for problem in problems:
        if found := _HEADING.fullmatch(problem):
            heading = f"{found[1]}: "
        else:
            yield f"{heading}{problem}"


def ok(subject: str, check: str, text: str) -> Finding:
    return Finding(subject, check, State.OK, text)


def wrong(subject: str, check: str, text: str, remedy: str = "") -> Finding:
    return Finding(subject, check, State.WRONG, text, remedy)


def not_checkable(subject: str, check: str, text: str, remedy: str = "") -> Finding:
    return Finding(subject, check, State.NOT_CHECKABLE, text, remedy)
