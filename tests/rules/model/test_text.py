"""Characters that act on what shows a text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_cd.model import text

ACTING = [
    "\x00", "\x07", "\x08", "\x0b", "\x0c", "\r", "\x1b[2J", "\x1b]0;t\x07", "\x7f", "\x85", "\x9b2J", "\u061c", "\u200e",
    "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069", "\ufff9", "\ud800", "\udfff", "\U000e0041",
]  # fmt: skip
BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
CONTROL = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{BIDI}]")


@pytest.mark.parametrize("acting", ACTING)
def test_a_character_that_acts_is_replaced(acting: str) -> None:
    """Control characters, those of text direction, what is invisible, and what can't be written."""
    for cleaned in (text.clean(f"a{acting}b"), text.plain(f"a{acting}b")):
        assert acting not in cleaned
        assert (cleaned[0], cleaned[-1]) == ("a", "b")
        assert cleaned.encode()


def test_what_people_write_stays() -> None:
    """Tabs, lines, colours in the log, other scripts, emoji and their joiners."""
    written = "a\tb\nनमस्ते 日本語 👩\u200d🚀 \x1b[31mred\x1b[0m"
    assert text.clean(written) == written
    assert text.plain("a\tb\r\nc") == "a\tb\nc"
    assert "\x1b" not in text.plain(written)


@given(st.text(st.characters(codec=None), max_size=20))
def test_plain_text_can_be_written_and_acts_on_nothing(given: str) -> None:
    """And has as many characters: none is removed, which could join two others."""
    found = text.plain(given)
    assert not CONTROL.search(found)
    assert found.encode(errors="strict") or not given
    assert len(found) == len(given.replace("\r\n", "\n"))


@pytest.mark.parametrize(("given", "unusable"), [("a\0b", True), ("\ud800", True), ("", False), ("ü 日本 \t", False)])
def test_some_text_no_path_can_hold(given: str, unusable: bool) -> None:
    """Python raises a ValueError where one is used."""
    assert text.unusable(given) is unusable
