"""How the tests share the machine: those of the engine in one worker, from the start, the others beside them."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

ENGINE = "tests/e2e/"


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist is untyped
    """A file a worker; all that needs the engine is one file."""

    def _split_scope(self, nodeid: str) -> str:
        return ENGINE if nodeid.startswith(ENGINE) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """xdist's hook, called with --numprocesses."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the engine takes longest, and so it comes first."""
    items.sort(key=lambda item: not item.nodeid.startswith(ENGINE))
