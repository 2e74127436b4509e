"""What AWS takes only so many of in a call."""

from __future__ import annotations

import pytest

from ecs_cd.model.batches import batches


@pytest.mark.parametrize(
    ("items", "found"), [("", []), ("a", [["a"]]), ("ab", [["a", "b"]]), ("abc", [["a", "b"], ["c"]])]
)
def test_every_item_is_in_one_batch(items: str, found: list[list[str]]) -> None:
    """Each call gets as many as it may, in their order, and there is no empty call."""
    assert batches(items, 2) == found
