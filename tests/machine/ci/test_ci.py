"""Which CI system the process runs in."""

from __future__ import annotations

import time

from ecs_cd import ci
from ecs_cd.ci.github import GitHub
from ecs_cd.ci.terminal import Terminal


def test_the_ci_system_is_found_by_its_variable() -> None:
    """act sets it, too."""
    assert isinstance(ci.detect({"GITHUB_ACTIONS": "true"}, time), GitHub)
    assert isinstance(ci.detect({"GITHUB_ACTIONS": "false"}, time), Terminal)
    assert isinstance(ci.detect({}, time), Terminal)
