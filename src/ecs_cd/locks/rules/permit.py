"""Whether a deployment may start: decided by the lock and the freeze windows alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.locks.rules import freeze, lock
from ecs_cd.model.errors import Refused, checked

_OVERRIDE = "To deploy anyway, set the input override to the reason, such as `hotfix INC-123`."


@dataclass(frozen=True)
class Parameters:
    """The SSM parameters that the document names; an empty text if it does not."""

    lock: str = ""
    freeze: str = ""

    @property
    def names(self) -> list[str]:
        """The names without empty ones."""
        return list(filter(None, (self.lock, self.freeze)))


def check(parameters: Parameters, found: Mapping[str, Mapping[str, Any]], now: float) -> None:
    """Raises ``Refused`` with every reason why no deployment may start ``now``, in seconds since 1970: a lock that
    holds, an open freeze window, or a parameter that can't be understood. ``found``: the parameters that exist."""
    try:
        checked(
            lambda: _lock(parameters.lock, found.get(parameters.lock), now),
            lambda: _freeze(parameters.freeze, found.get(parameters.freeze), now) if parameters.freeze else None,
        )
    except Refused as refused:
        raise with_override(refused) from None


def with_override(refused: Refused) -> Refused:
    """The same; the remedy names the input."""
    return Refused(refused.problems, " ".join(filter(None, [refused.remedy, _OVERRIDE])))


def taken(held: lock.Lock, name: str) -> str:
    """Who holds the lock, in one line."""
    return f"deployments are locked {held.words} (SSM parameter {name})"


def _lock(name: str, parameter: Mapping[str, Any] | None, now: float) -> None:
    if parameter is None:
        return
    held = lock.load(parameter, name)
    if not held.expired(now):
        raise Refused(taken(held, name), "`ecs-cd unlock` ends the lock.")


def _freeze(name: str, parameter: Mapping[str, Any] | None, now: float) -> None:
    opened = [window for window in freeze.load(parameter, name) if window.holds(now)]
    if opened:
        raise Refused([f"deployments are frozen {window.words} (SSM parameter {name})" for window in opened])
