"""The table of strategies."""

from __future__ import annotations

from ecs_cd.deploy.strategies import STRATEGIES
from ecs_cd.model.lifecycle import Strategy


def test_every_strategy_has_a_row() -> None:
    """A strategy that ECS reports and the document allows is one that ecs-cd can deploy."""
    assert set(STRATEGIES) == set(Strategy)
