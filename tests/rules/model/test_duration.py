"""Durations, read and written."""

from __future__ import annotations

import pytest

from ecs_cd.model import duration
from ecs_cd.model.errors import Refused


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1s", 1), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("1h1m1s", 3661), ("0h1s", 1)],
)
def test_a_duration_is_read_as_people_write_it(text: str, seconds: float) -> None:
    """Numbers with their units, the units in a row."""
    assert duration.seconds(text, what="x") == seconds


@pytest.mark.parametrize(
    "text", ["", "30", "m", "0s", "0h0m", "-5m", "1.5h", "5 m", "5M", "1d", "5m!", "fivem", "1h-1m"]
)
def test_anything_else_is_refused_by_its_name(text: str) -> None:
    """A number without a unit, zero and less: ecs-cd does not guess."""
    with pytest.raises(Refused, match=r"^deployment-timeout: must be a duration like 90s, 30m or 1h30m$"):
        duration.seconds(text, what="deployment-timeout")


@pytest.mark.parametrize(
    ("elapsed", "words"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.9, "9.9 s"),
        (12.4, "12 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (200.4, "3 min 20 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (7380, "2 h 3 min"),
    ],
)
def test_an_elapsed_time_is_told_in_two_units_at_the_most(elapsed: float, words: str) -> None:
    """As exact as it matters."""
    assert duration.words(elapsed) == words
