"""The only loop, with a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from ecs_cd.job.watch import watch
from ecs_cd.model.errors import Unreadable
from ecs_cd.model.verdict import InProgress, Outcome, Verdict

DONE = Verdict(Outcome.SUCCEEDED, "done")


class Clock:
    """Sleeping advances the time; a poll may take time too."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.monotonic()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Script:
    """States one after the other, the last for ever; a text is an Unreadable."""

    def __init__(self, *states: Verdict | InProgress | str, clock: Clock | None = None, takes: float = 0) -> None:
        self.states, self.clock, self.takes = iter(states), clock, takes
        self.current: Verdict | InProgress | str = ""
        self.looks: list[float] = []

    def __call__(self) -> Verdict | InProgress:
        self.current = next(self.states, self.current)
        if self.clock:
            self.looks.append(self.clock.now - 1000)
            self.clock.now += self.takes
        if isinstance(self.current, str):
            raise Unreadable(self.current)
        return self.current


def run(
    script: Callable[[], Verdict | InProgress],
    clock: Clock,
    *,
    timeout: float = 60,
    interval: Callable[[float], float] = lambda elapsed: 2,
) -> tuple[Verdict, list[str]]:
    said: list[str] = []

    def judge(state: Verdict | InProgress) -> Verdict | dict[str, InProgress]:
        return state if isinstance(state, Verdict) else {"web": state}

    verdict = watch(
        script,
        judge,
        lambda subject, watching: said.append(watching.message),
        clock=clock,
        timeout=timeout,
        interval=interval,
    )
    return verdict, said


A, B = InProgress("a"), InProgress("b")
TROUBLE = "AWS can't be read at the moment (Throttling); retrying"
AGAIN = "AWS answers again"


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([DONE], []),
        ([A, DONE], ["a"]),
        ([A, A, A, DONE], ["a"]),
        ([A, B, A, DONE], ["a", "b", "a"]),
        ([A, InProgress("a", alarming=True), DONE], ["a", "a"]),
        ([A, "Throttling", "Throttling", A, DONE], ["a", TROUBLE, AGAIN]),
        ([A, "Throttling", B, DONE], ["a", TROUBLE, AGAIN, "b"]),
        (["Throttling", "ServerError", "Throttling", DONE], [TROUBLE]),
        (["Throttling", A, "Throttling", DONE], [TROUBLE, AGAIN, "a", TROUBLE]),
    ],
)
def test_what_is_new_is_said_once(states: Sequence[Verdict | InProgress | str], said: list[str]) -> None:
    """Never twice, also after a failed poll, whose first reason counts; the verdict is logged elsewhere."""
    assert run(Script(*states), Clock()) == (DONE, said)


def test_of_several_subjects_each_says_what_is_new_of_it() -> None:
    """A change of one subject does not repeat the others; the timeout lists all of them."""
    looks = iter([{"web": A, "worker": A}, {"web": B, "worker": A}, {"web": B, "worker": A}])
    said: list[tuple[str, str]] = []
    verdict = watch(
        lambda: next(looks),
        lambda states: states,
        lambda subject, state: said.append((subject, state.message)),
        clock=Clock(),
        timeout=4,
        interval=lambda _: 2,
    )
    assert said == [("web", "a"), ("worker", "a"), ("web", "b")]
    assert verdict == Verdict(Outcome.TIMED_OUT, "no verdict after 4.0 s; last seen: web: b; worker: a")


def test_all_that_is_waited_for_is_shown_at_each_look_and_in_the_end_nothing() -> None:
    """Changed or not; a failed poll keeps the previous states."""
    looks: Iterator[Verdict | dict[str, InProgress] | str] = iter(
        [{"web": A, "worker": A}, "Throttling", {"web": A, "worker": B}, DONE]
    )
    shown: list[Mapping[str, str]] = []

    def look() -> Verdict | dict[str, InProgress]:
        found = next(looks)
        if isinstance(found, str):
            raise Unreadable(found)
        return found

    def judge(states: Verdict | dict[str, InProgress]) -> Verdict | dict[str, InProgress]:
        return states

    watch(look, judge, lambda *_: None, clock=Clock(), timeout=60, interval=lambda _: 2, progress=shown.append)
    assert shown == [{"web": "a", "worker": "a"}, {"web": "a", "worker": "b"}, {}]


def test_what_is_shown_ends_whatever_comes() -> None:
    """A cancellation, for one."""
    shown: list[object] = []

    def look() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(
            look, lambda _: DONE, lambda *_: None, clock=Clock(), timeout=9, interval=lambda _: 1, progress=shown.append
        )
    assert shown == [{}]


def test_a_look_that_failed_decides_nothing() -> None:
    """However often it fails: only the timeout ends the wait, and then the outcome is unknown."""
    clock = Clock()
    verdict, said = run(Script("Throttling"), clock, timeout=120)
    assert verdict == Verdict(Outcome.UNKNOWN, "AWS could not be read when the time limit of 2 min was reached")
    assert said == [TROUBLE]
    assert clock.now == 1120


def test_a_judge_that_can_not_read_decides_nothing_either() -> None:
    """Its own AWS calls may fail temporarily in the same way."""
    states: Iterator[str] = iter(["Throttling", ""])

    def judge(_: None) -> Verdict:
        if trouble := next(states):
            raise Unreadable(trouble)
        return DONE

    assert watch(lambda: None, judge, lambda *_: None, clock=Clock(), timeout=9, interval=lambda _: 1) is DONE


def test_any_other_error_ends_it() -> None:
    """Waiting does not fix a defect or a missing permission."""

    def look() -> InProgress:
        raise PermissionError("ecs:DescribeServices")

    with pytest.raises(PermissionError):
        run(look, Clock())


@pytest.mark.parametrize(("timeout", "looks"), [(0, 1), (1, 2), (4, 3), (5, 4)])
def test_the_timeout_ends_it_to_the_second_after_a_last_look(timeout: float, looks: int) -> None:
    """A state that came at the last moment is still seen."""
    clock = Clock()
    script = Script(A, clock=clock)
    verdict, _ = run(script, clock, timeout=timeout)
    assert verdict.outcome is Outcome.TIMED_OUT
    assert verdict.message.endswith("last seen: a")
    assert clock.now == 1000 + timeout
    assert len(script.looks) == looks


def test_a_verdict_of_the_last_look_beats_the_timeout() -> None:
    """COMPLETED is COMPLETED."""
    assert run(Script(A, A, A, DONE), Clock(), timeout=6)[0] is DONE


def test_the_interval_is_between_the_beginnings_of_two_looks() -> None:
    """A slow answer does not delay the next poll; if it takes longer than the interval, the next poll follows at once."""
    for takes, gap in ((0.0, 2.0), (0.5, 2.0), (3.0, 3.0)):
        clock = Clock()
        script = Script(*[A] * 5, DONE, clock=clock, takes=takes)
        run(script, clock)
        assert script.looks == [pytest.approx(index * gap) for index in range(6)]
        assert all(seconds >= 0 for seconds in clock.slept)


def test_the_interval_follows_the_time_since_the_start() -> None:
    """Often at first, seldom later."""
    clock = Clock()
    script = Script(*[A] * 6, DONE, clock=clock)
    run(script, clock, interval=lambda elapsed: 1 if elapsed < 3 else 5)
    assert script.looks == [0, 1, 2, 3, 8, 13, 18]
