"""How the tests share the machine: those with an engine in two workers, from the start, the others in parallel."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.timelines import permissions

ENGINE = "tests/e2e/"
LAPTOPS = tuple(f"{ENGINE}test_{name}.py" for name in ("codepipeline", "patterns"))  # half of the time
GENERATED = "tests/timelines/generated/"


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist is untyped
    """One worker per file; tests with an engine count as two files, and each chunk of generated timelines as one."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(GENERATED):
            return nodeid
        if nodeid.startswith(LAPTOPS):
            return "laptops"
        return ENGINE if nodeid.startswith(ENGINE) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """xdist's hook, called with --numprocesses."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with an engine take longest, so they come first."""
    items.sort(key=lambda item: not item.nodeid.startswith(ENGINE))


# ---- the AWS actions that all timelines together have called ----


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands over what its tests called; the whole run fails if the table has more."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["called"] = sorted(permissions.called)
    elif session.exitstatus == 0 and permissions.all_timelines(session.config) and permissions.uncalled():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """xdist's hook, called with a worker that has ended."""
    permissions.called.update(map(tuple, getattr(node, "workeroutput", {}).get("called", ())))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Names the rows that no test has called."""
    found = permissions.uncalled() if permissions.all_timelines(config) else []
    for row in found:
        terminalreporter.write_line(f"no timeline calls what docs/reference/permissions.md has: {row}")
