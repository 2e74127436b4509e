"""Parts as JSON: what one process writes, another reads, whatever else it finds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.model.verdict import Outcome
from ecs_cd.report import part_json
from ecs_cd.report.summary import NOT_STARTED, UNDER_WAY, Part

FINDING = Finding("container `app` exited with 3", ("one", "two"), "See its log.")
STATES = [*Outcome, UNDER_WAY, NOT_STARTED]


@pytest.mark.parametrize("state", STATES)
def test_a_part_comes_back(state: Outcome | str) -> None:
    """With every outcome, its facts and findings; through JSON."""
    part = Part("Task import", state, "why", facts={"cluster": "c"}, findings=(FINDING,))
    assert part_json.from_json(json.loads(json.dumps(part_json.to_json(part)))) == part


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (None, None),
        ([], None),
        ({}, None),
        ({"title": ""}, None),
        ({"title": 7}, None),
        ({"title": "\x00\n", "outcome": "failed"}, Part("?", Outcome.FAILED)),
        ({"title": "x"}, Part("x", Outcome.UNKNOWN)),
        (
            {"title": "x", "outcome": "half-done", "message": "m", "newer": 1},
            Part("x", Outcome.UNKNOWN, "half-done: m"),
        ),
        ({"title": "x", "outcome": "failed", "message": 7, "facts": [], "findings": {}}, Part("x", Outcome.FAILED)),
        (
            {"title": "x", "outcome": "failed", "facts": {"a": 1, "b": "2"}},
            Part("x", Outcome.FAILED, facts={"b": "2"}),
        ),
        (
            {"title": "x", "outcome": "failed", "findings": [7, {"evidence": [1, "e"], "cause": []}]},
            Part("x", Outcome.FAILED, findings=(Finding("", ("e",)),)),
        ),
    ],
)
def test_what_is_not_as_expected_is_left_out(value: Any, part: Part | None) -> None:
    """A newer release may write more; an outcome that this one doesn't know is never green."""
    found = part_json.from_json(value)
    assert (found and part_json.to_json(found)) == (part and part_json.to_json(part))


@pytest.mark.parametrize("title", ["<script>x</script>", "a\n### b", "[x](https://y)", "`x`", "a\x1b[31mb", "x" * 1000])
def test_a_title_is_plain_words(title: str) -> None:
    """A summary shows titles without escapes."""
    found = part_json.from_json({"title": title, "outcome": "failed"})
    assert found is not None
    assert not set(found.title) & set("<>[]`#\n\x1b*|")
    assert len(found.title) <= 100


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["title", "facts", "findings", "cause"]), inner),
)


@given(JSON)
def test_nothing_breaks_the_reader(value: Any) -> None:
    """It returns a part that can be shown, or none."""
    found = part_json.from_json(value)
    assert found is None or found.words
