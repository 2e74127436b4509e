"""The only loop: look, decide, say what is new, sleep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from ecs_cd.core.duration import words
from ecs_cd.core.errors import Unreadable
from ecs_cd.core.verdict import Outcome, Verdict, Watching

Seen = TypeVar("Seen")


class Clock(Protocol):
    """``time.monotonic`` and ``time.sleep``, in seconds."""

    def monotonic(self) -> float: ...
    def sleep(self, seconds: float, /) -> None: ...


def watch(
    look: Callable[[], Seen],
    judge: Callable[[Seen], Verdict | Watching],
    say: Callable[[Watching], None],
    *,
    clock: Clock,
    timeout: float,
    interval: Callable[[float], float],
) -> Verdict:
    """Looks until there is a verdict; ``timeout`` seconds at the most.

    ``interval`` gives the seconds between two looks from those since the start. ``say`` gets what is
    new, never the same twice in a row. A look that raises ``Unreadable`` decides nothing.
    """
    start = clock.monotonic()
    said = trouble = None
    while True:
        began = clock.monotonic()
        try:
            state = judge(look())
            trouble = None
        except Unreadable as error:
            state = Watching(f"can't look at the moment ({error}); trying on")
            if trouble is None:
                trouble = state
            state = trouble
        if isinstance(state, Verdict):
            return state
        if state != said:
            say(state)
            said = state
        now = clock.monotonic()
        if now - start >= timeout and trouble is not None:
            return Verdict(Outcome.UNKNOWN, f"AWS could not be asked when the time of {words(timeout)} was over")
        if now - start >= timeout:
            return Verdict(Outcome.TIMED_OUT, f"no verdict after {words(timeout)}; last seen: {state.message}")
        clock.sleep(max(0.0, min(interval(now - start) - (now - began), start + timeout - now)))
