"""ecs_cd.local.expressions: which expressions of a workflow have a value on this machine."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.local import expressions

CONTEXT = {
    "env": {"REGION": "eu-west-1", "OPEN": "${{ github.ref }}"},
    "vars": {"CLUSTER": "prod"},
    "matrix": {"app": "web"},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain $REGION", "plain $REGION"),
        ("${{ env.REGION }}", "eu-west-1"),
        ("${{env.REGION}}-${{ matrix.app }}", "eu-west-1-web"),
        ("${{ vars.CLUSTER }}", "prod"),
        ("${{ vars.OTHER || 'it''s' }}", "it's"),
        ("${{ inputs.cluster || vars.CLUSTER }}", "prod"),
        ("${{ vars.CLUSTER || github.ref }}", "prod"),
        ("${{ vars.OTHER }}", "${{ vars.OTHER }}"),
        ("${{ env.OPEN || 'x' }}", "${{ env.OPEN || 'x' }}"),
        ("${{ github.sha || 'x' }}", "${{ github.sha || 'x' }}"),
        ("${{ secrets.CLUSTER }}", "${{ secrets.CLUSTER }}"),
        ("${{ format('{0}', vars.CLUSTER) }}", "${{ format('{0}', vars.CLUSTER) }}"),
        ("${{ vars.CLUSTER", "${{ vars.CLUSTER"),
    ],
)
def test_a_value_takes_the_place_of_its_expression(text: str, value: str) -> None:
    """Values that only GitHub knows stay expressions, and an alternative to them isn't guessed."""
    assert expressions.resolved(text, CONTEXT) == value
    assert expressions.unknown(value) == ("${{" in value)


@pytest.mark.parametrize(
    ("strategy", "runs"),
    [
        (None, [{}]),
        ("${{ fromJSON(x) }}", [{}]),
        ({"matrix": "${{ fromJSON(x) }}"}, [{}]),
        ({"matrix": {"app": ["web", "worker"]}}, [{"app": "web"}, {"app": "worker"}]),
        ({"matrix": {"app": "${{ fromJSON(x) }}"}}, [{}]),
        ({"matrix": {"a": ["1", "2"], "b": ["3"]}}, [{"a": "1", "b": "3"}, {"a": "2", "b": "3"}]),
        ({"matrix": {"include": [{"app": "web", "port": "80"}, {"app": "worker"}]}}, [{"app": "web", "port": "80"}, {"app": "worker"}]),
        ({"matrix": {"app": ["web", "api"], "include": [{"app": "web", "port": "80"}]}}, [{"app": "web", "port": "80"}, {"app": "api"}]),
        ({"matrix": {"app": ["web"], "include": [{"app": "extra"}]}}, [{"app": "web"}, {"app": "extra"}]),
        ({"matrix": {"app": ["web"], "include": "${{ x }}"}}, [{"app": "web"}]),
        ({"matrix": {"include": ["web"]}}, [{}]),
    ],
)  # fmt: skip
def test_a_matrix_is_its_runs(strategy: Any, runs: list[dict[str, str]]) -> None:
    """As GitHub combines axes and `include`; a computed matrix has no known values."""
    assert expressions.combinations(strategy) == runs


@pytest.mark.parametrize(
    ("node", "found"), [(None, {}), ("${{ x }}", {}), (["a"], {}), ({"a": "b", "c": ["d"]}, {"a": "b"})]
)
def test_only_texts_of_a_mapping_count(node: Any, found: dict[str, str]) -> None:
    """A workflow can have anything in the place of `env` and `with`."""
    assert expressions.texts(node) == found
