"""The verbs meet generated timelines: no false green, no false red, no hang, no mutation of what isn't ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .oracle import complaints
from .run import play
from .scenario import STRATEGIES, scenario

_CHUNK = 20
_SHARES = dict(zip(STRATEGIES, (0.4, 0.3, 0.3), strict=True))
# `make soak` sets another number.
_ALL = int(os.environ.get("GENERATED_TIMELINES", "2000"))
_CHUNKS = [(strategy, first) for strategy, share in _SHARES.items() for first in range(0, round(_ALL * share), _CHUNK)]


@pytest.mark.parametrize(("strategy", "first"), _CHUNKS)
def test_what_is_said_is_what_was_true(strategy: str, first: int, tmp_path: Path) -> None:
    """The oracle, which is written from AWS's documents, complains of no timeline."""
    found = [
        f"python -m tests.timelines.generated {seed} {strategy}: {complaint}"
        for seed in range(first, first + _CHUNK)
        for complaint in complaints(play(scenario(seed, strategy), tmp_path))
    ]
    assert not found, "\n".join(found)
