"""A table of functions of ecs_cd.aws: the request that each of them makes, and its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Answer, Params


class Row(NamedTuple):
    name: str
    call: Callable[[Aws], Any]
    operation: str
    answer: Answer  # AWS's
    params: Params  # that were sent
    result: Any


def each(rows: Sequence[Row]) -> pytest.MarkDecorator:
    """Runs a test with each row as its `row`."""
    return pytest.mark.parametrize("row", rows, ids=[row.name for row in rows])


def check(row: Row, aws: SignedAws, ours: Aws) -> None:
    """The function makes exactly this request, with parameters that botocore's model knows."""
    aws.on(row.operation, row.answer)
    result = row.call(ours)
    assert [(made.operation, made.params) for made in aws.calls] == [(row.operation, row.params)]
    assert result == row.result
