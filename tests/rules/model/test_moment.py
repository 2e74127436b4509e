"""Moments: what is one, and which."""

from __future__ import annotations

from datetime import datetime

import pytest

from ecs_cd.model import moment
from ecs_cd.model.errors import Refused


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-12-20T18:00:00+09:00", "2026-12-20T18:00:00+09:00"),
        ("2026-12-20T09:00Z", "2026-12-20T09:00:00+00:00"),
        ("2026-12-20 09:00 z", "2026-12-20T09:00:00+00:00"),
        ("2026-12-20T18:00:00+0900", "2026-12-20T18:00:00+09:00"),
        ("2026-12-20T18:00:00-03:30", "2026-12-20T18:00:00-03:30"),
        ("2028-02-29T00:00:00Z", "2028-02-29T00:00:00+00:00"),
        ("2026-01-01T00:00:00+14:00", "2026-01-01T00:00:00+14:00"),
        (" 2026-01-01T00:00:00.999Z ", "2026-01-01T00:00:00+00:00"),
    ],
)
def test_a_moment_has_a_time_zone(text: str, same: str) -> None:
    """And counts seconds since 1970, whatever its zone."""
    assert moment.seconds(text, what="until") == datetime.fromisoformat(same).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-12-20",
        "2026-12-20T18:00:00",
        "2026-12-20T18:00:00 Europe/Berlin",
        "2026-12-20T18Z",
        "20.12.2026 18:00 Z",
        "1766253600",
        "2026-12-20T18:00:00Z\nx",
        "\N{FULLWIDTH DIGIT TWO}026-12-20T18:00:00Z",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """With the name of the place, and an example."""
    with pytest.raises(Refused, match=r"^until: must be a time with a time zone, such as 2026-12-20T18:00:00\+09:00$"):
        moment.seconds(text, what="until")


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00+15:00",
        "2026-01-01T00:00:00+01:60",
        "0000-01-01T00:00:00Z",
    ],
)
def test_a_time_that_does_not_exist_is_refused(text: str) -> None:
    """A calendar has no such day, a clock no such time."""
    with pytest.raises(Refused, match="there is no such time"):
        moment.seconds(text, what="until")
