"""Text to data."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_cd.model import json_yaml
from ecs_cd.model.errors import Refused


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
        ('{"a": 1, // one\n"b": [1, /* two */ 2], # three\n/* the\nend */}', {"a": 1, "b": [1, 2]}),
        ('// first\n{"a": "http://x/*#"} // last', {"a": "http://x/*#"}),
        ('{"a": "\\\\", "b": "\\"//", /*"*/ "c": ",]"}', {"a": "\\", "b": '"//', "c": ",]"}),
        ('{"a": [1 , // one\n], }', {"a": [1]}),
        ('{"a": 1}# done', {"a": 1}),
        ('\ufeff{"a": 1,}', {"a": 1}),
        ("\ufeffa: 1", {"a": 1}),
        ('{"a": 1,\r\n// one\r\n"b": 2}\r\n', {"a": 1, "b": 2}),
        ("{a: http://x, b: s3://y}", {"a": "http://x", "b": "s3://y"}),
        ("a: x//y\nb: x#y\nc: /*", {"a": "x//y", "b": "x#y", "c": "/*"}),
        ("base: &b {x: 1}\nuse: {<<: *b, y: 2}", {"base": {"x": 1}, "use": {"x": 1, "y": 2}}),
        ("1: a", {"1": "a"}),
    ],
)
def test_scalars_are_those_of_json_and_of_yaml_1_2(text: str, expected: object) -> None:
    """`no` is text, 22:30 is text: no surprise of YAML 1.1 is left; JSON may have comments and a trailing comma."""
    assert json_yaml.parse(text, what="it") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 0256\nb: 1.10\nc: yes\nd: 2024-01-02\ne: true\nf: ~", ["0256", "1.10", "yes", "2024-01-02", "true", None]),
        ('{"a": 256, "b": 1.10, "c": true, "d": null}', ["256", "1.10", True, None]),
    ],
)
def test_numbers_as_written_keep_the_text(text: str, expected: list[object]) -> None:
    """A reader that knows the types from elsewhere gets what was written, not what YAML makes of it."""
    assert list(json_yaml.parse(text, what="it", numbers_as_written=True).values()) == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"x": 1, "x": 2}, "b": 1, "b": 2}',
        "a: {x: 1, x: 2}\nb: 1\nb: 2",
        '{"a": {"x": 1, "x": 2,}, // b\n"b": 1, "b": 2}',
    ],
)
def test_duplicate_keys_are_found_with_their_path(text: str) -> None:
    """PyYAML and json keep the last of two silently; we name both places."""
    assert sorted(json_yaml.duplicate_keys(json_yaml.parse(text, what="it"))) == ["a.x", "b"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"password": "hunter2" "b": 1}', "line 1, column 24"),
        ("password: hunter2\n  b: 1", "line 2"),
        ('{"a": 1, /* one\ntwo */ "password": "hunter2" "b": 1}', "line 2, column 30"),
        ('{"password": "hunter2", /* no end', "line 1, column 25"),
        ('{"password": "hunter2', "line 1, column 14"),
        ('{"password": ["hunter2",,]}', "line 1, column 25"),
        ('// hunter2\n{"a": }', "is not JSON: line 2, column 7"),
        ("[,] hunter2", "line 1, column 2"),
        ("password: 'hunter2", "line 1"),
        ("password: hunter2\n\t- x", "line 2"),
        ("? [hunter2]\n: 1", "line 1"),
        ("!!python/object/apply:os.system [hunter2]", "line 1"),
    ],
)
def test_unreadable_text_is_refused_with_its_place_and_without_its_content(text: str, place: str) -> None:
    """The document can hold anything; the job log must not."""
    with pytest.raises(Refused) as refused:
        json_yaml.parse(text, what="the document")
    assert place in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_what_a_merge_brings_may_be_overridden() -> None:
    """`<<` is for defaults; only a key that is written twice is a duplicate."""
    parsed = json_yaml.parse("w: &w {a: 1, b: 2}\nx: {<<: *w, b: 3}\ny: {<<: *w, a: 1, a: 2}", what="it")
    assert parsed["x"] == {"a": 1, "b": 3}
    assert json_yaml.duplicate_keys(parsed) == ["y.a"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("\"\\\\/*#,[]{}\n\t a'é:", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("/*#,}a:", max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(_JSON, st.sampled_from([None, 2]), st.booleans())
def test_json_is_read_as_it_was_written(value: object, indent: int | None, ascii_only: bool) -> None:
    """Whatever its texts contain: they keep their `//`, `/*` and commas."""
    assert json_yaml.parse(json.dumps(value, indent=indent, ensure_ascii=ascii_only), what="it") == value


@settings(max_examples=100, deadline=None)
@given(_JSON, st.sampled_from(["// a\n", '/* " */', "# ]\n", "/**/"]))
def test_comments_and_trailing_commas_change_nothing(value: object, comment: str) -> None:
    """Put in wherever a line ends."""
    written = json.dumps(value, indent=0)
    commented = written.replace("\n", f"{comment}\n").replace("\n]", ",\n]").replace("\n}", f",{comment}\n}}")
    assert json_yaml.parse(commented, what="it") == value


# ---- the work that a text can make ----

_FULL = 64 * 1024  # characters, as a document can have


def aliases(width: int, levels: int, before: str, after: str) -> str:
    """Each level has the one before many times: its aliases are between these texts."""
    lines = (f"a{n}: &a{n} {before}{','.join([f'*a{n - 1}'] * width)}{after}\n" for n in range(1, levels + 1))
    return f"a0: &a0 {{k: v}}\n{''.join(lines)}"


_WIDE = f"a: &a {{{','.join(f'k{n}: 1' for n in range(3000))}}}\n"
BOMBS = {
    "merges of lists": aliases(30, 8, "{<<: [", "]}"),
    "merges and keys of their own": aliases(10, 6, "{<<: [", "], x: 1}"),
    "a large mapping that is often merged": f"{_WIDE}b:\n" + "  <<: *a\n" * 3800,
    "a list of a large mapping": f"{_WIDE}b: {{<<: [{','.join(['*a'] * 9000)}]}}",
    "aliases": aliases(9, 9, "[", "]"),
    "tokens": f"x: [{'a,' * (_FULL // 2)}]",
    "empty lists": f"x: [{'[],' * (_FULL // 3)}]",
    "depth in JSON": "[" * _FULL,
    "closed depth in JSON": "[" * 500 + "]" * 500,
    "objects in JSON": '{"a":' * 3000 + "1" + "}" * 3000,
    "depth in YAML": "- " * (_FULL // 2),
    "keys in YAML": "? " * (_FULL // 2),
    "flow in YAML": "{a: " * 3000,
    "nodes in JSON": f"[{'[],' * _FULL * 2}[]]",
}
GROWING = {
    "keys": lambda size: "".join(f"k{n}: v\n" for n in range(size)),
    "duplicate keys": lambda size: "a: 1\n" * size,
    "duplicate keys in JSON": lambda size: "{" + '"a": 1,' * size + '"b": 1}',
    "anchors": lambda size: f"[k, {','.join(f'&a{n} x' for n in range(size))}]",
    "aliases": lambda size: f"a: &a x\nb: [{'*a,' * size}]",
    "merges": lambda size: "a: &a {k: v}\n" + "".join(f"b{n}: {{<<: *a}}\n" for n in range(size)),
    "empty lines": lambda size: "a" + "\n" * size + "b",
    "a comment": lambda size: f"#{'x' * size}\na: b",
    "comments that are not closed": lambda size: "a: " + "/*" * size,
    "words": lambda size: "a " * size,
    "quotes": lambda size: "a: " + '"' * 2 * size,
}


def calls(text: str) -> int:
    """How many functions are called to parse the text: its cost, on a machine of any speed."""
    made = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal made
        made += 1

    before = sys.gettrace()
    sys.settrace(count)
    try:
        json_yaml.duplicate_keys(json_yaml.parse(text, what="it"))
    except Refused:
        pass
    finally:
        sys.settrace(before)
    return made


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_a_text_that_makes_more_work_than_it_looks_is_refused(text: str) -> None:
    """By a bound on what is read and copied, before the work is done."""
    with pytest.raises(Refused, match=r"^it is (?:too large|nested too deeply)"):
        json_yaml.parse(text, what="it")


@pytest.mark.parametrize("text", GROWING.values(), ids=GROWING.keys())
def test_the_work_grows_with_the_text_alone(text: Callable[[int], str]) -> None:
    """Twice the text is twice the work."""
    assert calls(text(1000)) < 2.2 * calls(text(500))


def test_the_bounds_leave_room_for_large_documents() -> None:
    """A task definition has at most 64 KiB in ECS; a template with that many variables is read."""
    variables = "".join(f"  - name: VARIABLE_{n}\n    value: value {n}\n" for n in range(1600))
    merges = "a: &a {k: v}\n" + "".join(f"b{n}: {{<<: *a, x: 1}}\n" for n in range(1500))
    assert len(json_yaml.parse(f"environment:\n{variables}", what="it")["environment"]) == 1600
    assert json_yaml.parse(merges, what="it")["b9"] == {"k": "v", "x": 1}
    assert json_yaml.parse("{a: " * 90 + "1" + "}" * 90, what="it")
    assert json_yaml.parse('{"a":' * 90 + "1" + "}" * 90, what="it")


@pytest.mark.parametrize(
    "text", ["a: *hunter2", "a: !hunter2 x", "a: !<%27hunter2%22> x", 'a: "\\hunter2"', "%hunter2 x"]
)
def test_an_error_quotes_nothing_of_the_text(text: str) -> None:
    """PyYAML's own words end where its quote begins."""
    with pytest.raises(Refused) as refused:
        json_yaml.parse(text, what="it")
    assert "hunter2" not in str(refused.value)
