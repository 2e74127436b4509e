"""Expressions of workflows: as far as their values are known."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.init.rules import values
from ecs_cd.init.rules.expressions import condition, evaluate, interpolate, value_of

KNOWN = {
    "env.A": "a",
    "github.ref": "refs/heads/main",
    "matrix.service": {"name": "api", "tags": ["x", "y"]},
    "steps.one.outputs.image": "repo:1",
    "inputs.empty": "",
    "inputs.no": "false",
}
VALUES: list[tuple[str, Any]] = [
    ("env.A", "a"),
    ("'it''s'", "it's"),
    ("env.A == 'A'", "true"),
    ("env.A != 'a'", "false"),
    ("github.ref == 'refs/heads/main' && 'prod' || 'dev'", "prod"),
    ("github.ref == 'refs/heads/dev' && 'prod' || 'dev'", "dev"),
    ("inputs.empty || 'default'", "default"),
    ("inputs.no && 'x' || 'y'", "y"),
    ("vars.CLUSTER || 'my-cluster'", "my-cluster"),
    ("!inputs.no", "true"),
    ("(env.A == 'a' || env.A == 'b') && 'x'", "x"),
    ("format('{0}-{1}', env.A, 'b')", "a-b"),
    ("join(fromJSON('[\"a\", \"b\"]'), '-')", "a-b"),
    ("fromJSON('{\"a\": 1}')", {"a": "1"}),
    ("contains(github.ref, 'MAIN')", "true"),
    ("startsWith(github.ref, 'refs/tags')", "false"),
    ("endsWith(github.ref, 'main') && always()", "true"),
    ("matrix.service", {"name": "api", "tags": ["x", "y"]}),
    ("steps['one'].outputs.image", "repo:1"),
    ("toJSON('x')", "x"),
]


def lookup(path: str) -> Any:
    """The value of a path; none is unknown."""
    return KNOWN.get(path)


@pytest.mark.parametrize(("source", "value"), VALUES)
def test_known_values(source: str, value: Any) -> None:
    """As GitHub would evaluate them."""
    assert evaluate(source, lookup) == value


@pytest.mark.parametrize(
    "source",
    [
        "secrets.X",
        "github.ref_name == 'x' && 'a' || 'b'",
        "hashFiles('**/lock')",
        "vars.A == 'x'",
        "1 +",
        "(",
        "a.b.*.c",
        "vars.A < 3",
        "fromJSON('nothing')",
        "format(",
        "'",
    ],
)
def test_the_others_stay_expressions(source: str) -> None:
    """They are named in messages, and written again as they were."""
    found = evaluate(source, lookup)
    assert not values.is_known(found)
    assert values.shown(found) == f"${{{{ {source.strip()} }}}}"


def test_texts_hold_expressions() -> None:
    """An expression in quotes may hold braces; one that is the whole text may be a list."""
    assert interpolate("x-${{ env.A }}-${{ format('{0}}}', env.A) }}", lookup) == "x-a-a}}"
    assert value_of(" ${{ fromJSON('[1, 2]') }} ", lookup) == ["1", "2"]
    assert value_of("a${{ env.A }}", lookup) == "aa"


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("github.ref == 'refs/heads/main'", True),
        ("${{ github.ref != 'refs/heads/main' }}", False),
        ("secrets.X", None),
        ("failure()", False),
        ("always() && github.ref == 'refs/heads/dev'", False),
    ],
)
def test_conditions(text: str, holds: bool | None) -> None:
    """With and without braces; unknown is neither true nor false."""
    assert condition(text, lookup) is holds


@pytest.mark.parametrize(
    ("source", "portable"),
    [
        ("github.sha", True),
        ("GITHUB.REF_TYPE != 'tag'", True),
        ("github.ref == 'refs/heads/needs.x' && secrets.A || vars.B", True),
        ("steps.x.outputs.y", False),
        ("needs.x.outputs.y == 'a'", False),
        ("env.A", False),
        ("the output of `date`", False),
    ],
)
def test_what_another_job_can_use(source: str, portable: bool) -> None:
    """Contexts of the run, not those of a job."""
    assert values.portable_expression(source) is portable
