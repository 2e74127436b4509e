"""The only polling loop: poll, decide, report changes, sleep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TypeVar

from ecs_cd.model.clock import Clock
from ecs_cd.model.duration import words
from ecs_cd.model.errors import Unreadable
from ecs_cd.model.verdict import InProgress, Outcome, Verdict

Seen = TypeVar("Seen")


def watch(
    look: Callable[[], Seen],
    judge: Callable[[Seen], Verdict | Mapping[str, InProgress]],
    say: Callable[[str, InProgress], None],
    *,
    clock: Clock,
    timeout: float,
    interval: Callable[[float], float],
    progress: Callable[[Mapping[str, str]], None] = lambda _: None,
) -> Verdict:
    """Polls until there is a verdict, for at most ``timeout`` seconds.

    ``judge`` returns the verdict, or what is still in progress: the subject (a service, the migration) and its state.
    ``interval`` returns the seconds between two polls, given the seconds since the start. ``say`` gets a subject and
    its new state, never the same twice in a row; ``progress`` gets all states at each poll, and an empty mapping at the
    end. A ``look`` that raises ``Unreadable`` decides nothing.
    """
    with ExitStack() as ending:
        ending.callback(progress, {})
        start = clock.monotonic()
        said: dict[str, InProgress] = {}
        trouble = False
        while True:
            began = clock.monotonic()
            states, lost = _read(look, judge)
            if isinstance(states, Verdict):
                return states
            if bool(lost) != trouble:
                trouble = not trouble
                change = f"AWS can't be read at the moment ({lost}); retrying" if trouble else "AWS answers again"
                say("", InProgress(change))
            for subject, state in states.items():
                if said.get(subject) != state:
                    say(subject, state)
                said[subject] = state
            if states:
                progress({subject: state.message for subject, state in states.items()})
            now = clock.monotonic()
            if now - start >= timeout:
                return _out_of_time(states, timeout, trouble=trouble)
            clock.sleep(max(0.0, min(interval(now - start) - (now - began), start + timeout - now)))


def _read(
    look: Callable[[], Seen], judge: Callable[[Seen], Verdict | Mapping[str, InProgress]]
) -> tuple[Verdict | Mapping[str, InProgress], str]:
    """What ``judge`` returns, and if AWS can't be read, no states and why."""
    try:
        return judge(look()), ""
    except Unreadable as error:
        return {}, str(error)


def _out_of_time(states: Mapping[str, InProgress], timeout: float, *, trouble: bool) -> Verdict:
    if trouble:
        return Verdict(Outcome.UNKNOWN, f"AWS could not be read when the time limit of {words(timeout)} was reached")
    return Verdict(Outcome.TIMED_OUT, f"no verdict after {words(timeout)}; last seen: {_words(states)}")


def _words(states: Mapping[str, InProgress]) -> str:
    """The states as text; a single state does not name its subject."""
    return "; ".join(
        f"{subject}: {state.message}" if len(states) > 1 else state.message for subject, state in states.items()
    )
