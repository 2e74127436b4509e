"""ecs_cd.local.codepipeline.rules.changes: log lines and events between two states."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ecs_cd.local.codepipeline.rules import changes
from tests.rules.local.codepipeline.course import APPROVE, DEPLOY, FAILS, SOURCE, Course, course, id_of

WHO = f"my-app-deploy {id_of(1)[:8]}  "


def begun(*stages: dict[str, object]) -> Course:
    there = course(*stages)
    there.start()
    return there


@pytest.mark.parametrize(
    ("there", "change", "lines", "events"),
    [
        (course(DEPLOY), lambda it: it.start(), ["started by StartPipelineExecution", "Deploy/Deploy InProgress"], ["STARTED"]),
        (begun(DEPLOY), lambda it: it.ends("Deploy/Deploy"), ["Deploy/Deploy Succeeded 1.0 s", "Succeeded 1.0 s"], ["SUCCEEDED"]),
        (
            begun(DEPLOY),
            lambda it: it.ends("Deploy/Deploy", FAILS),
            ["Deploy/Deploy Failed 1.0 s: Build terminated with state: FAILED", "Failed 1.0 s"],
            ["FAILED"],
        ),
        (begun(DEPLOY), lambda it: it.stop(1), ["Stopping 1.0 s"], ["STOPPING"]),
        (course(APPROVE), lambda it: it.start(), ["started by StartPipelineExecution", "Approve/Approve InProgress: waits for an approval"], ["STARTED"]),
        (begun(SOURCE, DEPLOY), lambda it: it.disable("Deploy"), [], []),
    ],
)  # fmt: skip
def test_a_change_is_told(there: Course, change: Callable[[Course], None], lines: list[str], events: list[str]) -> None:
    """Actions and executions, with their seconds; EventBridge gets the state of the execution."""
    old = there.state
    change(there)
    assert list(changes.lines(old, there.state, there.now)) == [WHO + line for line in lines]
    assert changes.events(old, there.state) == [(id_of(1), event) for event in events]


def test_what_waits_is_told() -> None:
    """Once, with its reason."""
    there = course(SOURCE, DEPLOY)
    there.disable("Deploy")
    there.start()
    old = there.state
    there.passes("Source")
    assert list(changes.lines(old, there.state, there.now))[-1] == (
        f"{WHO}waits before stage Deploy: its transition is disabled"
    )
    assert list(changes.lines(there.state, there.state, there.now)) == []


def test_a_retry_resumes() -> None:
    """It is another state of the same execution."""
    there = begun(DEPLOY)
    there.ends("Deploy/Deploy", FAILS)
    old = there.state
    there.retry(1, "Deploy")
    assert changes.events(old, there.state) == [(id_of(1), "RESUMED")]
