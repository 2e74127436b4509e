"""What a test scripts: answers by virtual time or by call number, and faults as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from .wire import Params


@dataclass(frozen=True)
class Error:
    """AWS refuses the request. An empty code is a load balancer's empty answer."""

    code: str
    message: str
    status: int | None = None
    members: Params = field(default_factory=dict)


@dataclass(frozen=True)
class Reset:
    """The connection is reset (RST) before AWS reads the request."""


@dataclass(frozen=True)
class Lost:
    """AWS carries out the request, and the connection is reset (RST) instead of an answer."""

    answer: Answer


@dataclass(frozen=True)
class Garbled:
    """AWS does what was asked, and 200 with this body arrives in the place of the answer."""

    body: bytes
    answer: Answer


@dataclass(frozen=True)
class Cut:
    """AWS does what was asked, and the connection ends in the middle of the answer."""

    answer: Answer


@dataclass(frozen=True)
class At:
    """The answer from this many virtual seconds on."""

    seconds: float
    answer: Answer


# A function gets the call's parameters and is AWS's state: it may return a fault too.
Answer: TypeAlias = Params | Error | Reset | Lost | Garbled | Cut | Callable[[Params], "Answer"]


@dataclass(frozen=True)
class Call:
    """A request that arrived. Outcomes: answered, lost, garbled, reset, violation, or the error's code or status."""

    operation: str
    params: Params
    time: float
    outcome: str
    region: str = ""  # that the request is signed for

    @property
    def processed(self) -> bool:
        """Whether AWS carried out the request, even if the answer was lost."""
        return self.outcome in ("answered", "lost", "garbled")


def at(seconds: float, answer: Answer) -> At:
    return At(seconds, answer)


def lost(answer: Answer) -> Lost:
    return Lost(answer)


def garbled(body: bytes, answer: Answer) -> Garbled:
    return Garbled(body, answer)


def cut(answer: Answer) -> Cut:
    return Cut(answer)


def reset() -> Reset:
    return Reset()


def error(code: str, message: str = "", status: int | None = None, **members: object) -> Error:
    """An error of the service's model, or one that every service has; the status is the model's, or 400."""
    return Error(code, message or f"The scripted {code}.", status, members)


def throttled() -> Error:
    return error("ThrottlingException", "Rate exceeded")


def server_error(status: int = 503) -> Error:
    return Error("", "", status)


def denied(action: str = "the action") -> Error:
    user = "arn:aws:sts::123456789012:assumed-role/cd/cd"
    return error("AccessDeniedException", f"User: {user} is not authorized to perform: {action}")


def expired() -> Error:
    return error("ExpiredTokenException", "The security token included in the request is expired")
