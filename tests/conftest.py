"""How the tests share the machine: those with an engine in one worker, from the start, the others in parallel."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

ENGINE = "tests/e2e/"


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist is untyped
    """One worker per file; all tests with an engine count as one file."""

    def _split_scope(self, nodeid: str) -> str:
        return ENGINE if nodeid.startswith(ENGINE) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """xdist's hook, called with --numprocesses."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with an engine take longest, so they come first."""
    items.sort(key=lambda item: not item.nodeid.startswith(ENGINE))
