"""A lock's text: written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_cd.locks.rules import lock
from ecs_cd.locks.rules.lock import Lock
from ecs_cd.model.text import one_line

_TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=60).map(lambda text: one_line(text) or "x")


@given(_TEXT, _TEXT)
def test_a_lock_that_is_written_can_be_read(by: str, reason: str) -> None:
    """Whatever its reason is, in a text that SSM takes."""
    written = Lock(by, "2026-01-01T00:00:00Z", reason, "2026-01-01T01:00:00Z", "https://example.test/1", "id")
    text = lock.text(written)
    assert "{{" not in text
    assert "}}" not in text
    assert lock.load({"Type": "String", "Value": text}, "/lock") == written


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (Lock("bob", "S"), "by bob since S until `ecs-cd unlock`, without a reason"),
        (Lock("bob", "S", "why", "U"), "by bob since S until U: why"),
        (Lock("bob", "S", "why", "U", "https://run"), "by bob since S until U: why (https://run)"),
        (Lock("a" * 200, "S", "b\nc"), f"by {'a' * 99}… since S until `ecs-cd unlock`: b c"),
    ],
)
def test_a_lock_says_who_holds_it_in_one_line(held: Lock, words: str) -> None:
    """Of bounded length."""
    assert held.words == words
