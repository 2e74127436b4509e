"""Text to data."""

from __future__ import annotations

import pytest

from ecs_cd.core import data
from ecs_cd.core.errors import Refused


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "b": [true, null]}', {"a": 1, "b": [True, None]}),
        ("a: 1\nb: [true, ~]", {"a": 1, "b": [True, None]}),
        ("a: no\nb: yes\nc: on", {"a": "no", "b": "yes", "c": "on"}),
        ("a: 22:30\nb: 2024-01-02", {"a": "22:30", "b": "2024-01-02"}),
        ("a: 0256", {"a": 256}),
        ("a: 1.5", {"a": 1.5}),
        ('{"a": [1,],}', {"a": [1]}),
        ("base: &b {x: 1}\nuse: {<<: *b, y: 2}", {"base": {"x": 1}, "use": {"x": 1, "y": 2}}),
        ("1: a", {"1": "a"}),
    ],
)
def test_scalars_are_those_of_json_and_of_yaml_1_2(text: str, expected: object) -> None:
    """`no` is text, 22:30 is text, a trailing comma is YAML: no surprise of YAML 1.1 is left."""
    assert data.parse(text, what="it") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 0256\nb: 1.10\nc: yes\nd: 2024-01-02\ne: true\nf: ~", ["0256", "1.10", "yes", "2024-01-02", "true", None]),
        ('{"a": 256, "b": 1.10, "c": true, "d": null}', ["256", "1.10", True, None]),
    ],
)
def test_numbers_as_written_keep_the_text(text: str, expected: list[object]) -> None:
    """A reader that knows the types from elsewhere gets what was written, not what YAML makes of it."""
    assert list(data.parse(text, what="it", numbers_as_written=True).values()) == expected


@pytest.mark.parametrize("text", ['{"a": {"x": 1, "x": 2}, "b": 1, "b": 2}', "a: {x: 1, x: 2}\nb: 1\nb: 2"])
def test_duplicate_keys_are_found_with_their_path(text: str) -> None:
    """PyYAML and json keep the last of two silently; we name both places."""
    assert sorted(data.duplicate_keys(data.parse(text, what="it"))) == ["a.x", "b"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"password": "hunter2" "b": 1}', "line 1, column 24"),
        ("password: hunter2\n  b: 1", "line 2"),
        ("password: 'hunter2", "line 1"),
        ("password: hunter2\n\t- x", "line 2"),
        ("? [hunter2]\n: 1", "line 1"),
        ("!!python/object/apply:os.system [hunter2]", "line 1"),
    ],
)
def test_unreadable_text_is_refused_with_its_place_and_without_its_content(text: str, place: str) -> None:
    """The document can hold anything; the job log must not."""
    with pytest.raises(Refused) as refused:
        data.parse(text, what="the document")
    assert place in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_what_a_merge_brings_may_be_overridden() -> None:
    """`<<` is there for defaults; only what is written twice stands there twice."""
    parsed = data.parse("w: &w {a: 1, b: 2}\nx: {<<: *w, b: 3}\ny: {<<: *w, a: 1, a: 2}", what="it")
    assert parsed["x"] == {"a": 1, "b": 3}
    assert data.duplicate_keys(parsed) == ["y.a"]
