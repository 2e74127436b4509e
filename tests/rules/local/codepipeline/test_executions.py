"""ecs_cd.local.codepipeline.rules.executions: what is due, and what follows from an action's end."""

from __future__ import annotations

import pytest

from ecs_cd.local.codepipeline.rules import executions
from ecs_cd.local.codepipeline.rules.state import Outcome
from tests.rules.local.codepipeline.course import BUILD, DEPLOY, FAILS, SOURCE, course, id_of


def test_run_orders_follow_each_other() -> None:
    """Actions of one run order run at the same time, the next ones after all of them."""
    there = course(BUILD)
    there.start()
    assert there.running() == ["Build/Lint", "Build/Unit"]
    there.ends("Build/Lint")
    assert there.running() == ["Build/Unit"]
    there.ends("Build/Unit")
    assert there.running() == ["Build/Pack"]
    there.ends("Build/Pack")
    assert there.statuses() == ["Succeeded"]


def test_after_a_failure_the_others_finish() -> None:
    """Then stage and execution have failed; nothing else begins."""
    there = course()
    there.start()
    there.passes("Source")
    there.ends("Build/Lint", FAILS)
    assert (there.statuses(), there.running()) == (["InProgress"], ["Build/Unit"])
    there.ends("Build/Unit")
    assert (there.statuses(), there.running()) == (["Failed"], [])


@pytest.mark.parametrize(
    ("mode", "where"),
    [
        ("QUEUED", ["Build", "Source", "(Source)", "(Source)"]),
        ("SUPERSEDED", ["Build", "Source", "Superseded", "(Source)"]),
        ("PARALLEL", ["Build", "Source", "Source", "Source"]),
    ],
)
def test_modes(mode: str, where: list[str]) -> None:
    """QUEUED keeps all that wait, SUPERSEDED the newest; in PARALLEL nothing waits."""
    there = course(mode=mode)
    there.start()
    there.passes("Source", 1)
    for _ in range(3):
        there.start()
    assert there.where() == where


def test_a_failure_releases_the_stage() -> None:
    """The next execution enters it."""
    there = course(DEPLOY)
    there.start()
    there.start()
    assert there.where() == ["Deploy", "(Deploy)"]
    there.ends("Deploy/Deploy", FAILS)
    assert there.where() == ["Failed", "Deploy"]


def test_the_newest_enters_when_the_transition_is_enabled() -> None:
    """In a SUPERSEDED pipeline, those that waited before it are superseded."""
    there = course(SOURCE, DEPLOY, mode="SUPERSEDED")
    there.disable("Deploy")
    for number in (1, 2, 3):
        there.start()
        there.passes("Source", number)
    assert there.where() == ["Superseded", "Superseded", "(Deploy)"]
    there.enable("Deploy")
    assert there.where() == ["Superseded", "Superseded", "Deploy"]


def test_a_queue_waits_at_a_disabled_transition() -> None:
    """And passes it in order, one after the other."""
    there = course(SOURCE, DEPLOY)
    there.disable("Source", "Outbound")
    for number in (1, 2):
        there.start()
        there.passes("Source", number)
    assert there.where() == ["(Deploy)", "(Deploy)"]
    there.enable("Source", "Outbound")
    assert there.where() == ["Deploy", "(Deploy)"]


@pytest.mark.parametrize(
    ("result", "where"),
    [("FAIL", ["Failed"]), ("RETRY", ["Build"]), ("ROLLBACK", ["Failed"])],
)
def test_on_failure(result: str, where: list[str]) -> None:
    """A stage fails or is retried; without an earlier success there is nothing to roll back to."""
    there = course(SOURCE, {**BUILD, "onFailure": {"result": result}}, DEPLOY)
    there.start()
    there.passes("Source")
    there.ends("Build/Lint", FAILS)
    there.ends("Build/Unit")
    assert there.where() == where


def test_a_stage_is_retried_once() -> None:
    """By itself; only what failed runs again, or all of it."""
    for mode, running in (("FAILED_ACTIONS", ["Build/Lint"]), ("ALL_ACTIONS", ["Build/Lint", "Build/Unit"])):
        failure = {"result": "RETRY", "retryConfiguration": {"retryMode": mode}}
        there = course({**BUILD, "onFailure": failure})
        there.start()
        there.ends("Build/Unit")
        there.ends("Build/Lint", FAILS)
        assert there.running() == running
        there.ends("Build/Lint", FAILS)
        if mode == "ALL_ACTIONS":
            there.ends("Build/Unit")
        assert there.statuses() == ["Failed"]


def test_a_stage_rolls_back_by_itself() -> None:
    """To its last success: a new execution runs this stage alone, before those that wait."""
    there = course(SOURCE, {**DEPLOY, "onFailure": {"result": "ROLLBACK"}})
    there.start()
    there.passes("Source", 1)
    there.passes("Deploy", 1)
    for number in (2, 3):
        there.start()
        there.passes("Source", number)
    there.ends("Deploy/Deploy", FAILS, 2)
    assert there.where() == ["Succeeded", "Failed", "(Deploy)", "Deploy"]
    *_, rollback = there.state.executions.values()
    assert (rollback.type, rollback.target) == ("ROLLBACK", id_of(1))
    assert rollback.trigger == ("AutomatedRollback", id_of(2))


def test_a_rollback_that_fails_is_not_rolled_back() -> None:
    """It has failed, and the next execution enters."""
    there = course(SOURCE, {**DEPLOY, "onFailure": {"result": "ROLLBACK"}})
    there.start()
    there.passes("Source", 1)
    there.passes("Deploy", 1)
    there.start()
    there.passes("Source", 2)
    there.ends("Deploy/Deploy", FAILS, 2)
    there.ends("Deploy/Deploy", FAILS)
    assert there.statuses() == ["Succeeded", "Failed", "Failed"]


def test_what_ends_too_late_changes_nothing() -> None:
    """An abandoned action stays abandoned, whatever becomes of it."""
    there = course(DEPLOY)
    there.start()
    (attempt,) = there.state.attempts.values()
    there.stop(1, abandon=True)
    before = there.state
    there.change(lambda state, now: executions.end(state, attempt.id, Outcome(), now))
    there.change(lambda state, now: executions.report(state, attempt.id, "build:1", "https://build", now))
    assert there.state == before


def test_long_texts_are_cut() -> None:
    """To what the API allows."""
    there = course(DEPLOY)
    there.start()
    there.ends("Deploy/Deploy", Outcome("JobFailed", "x" * 6000, "y" * 3000))
    (attempt,) = there.state.attempts.values()
    assert (len(attempt.outcome.error_message), len(attempt.outcome.summary)) == (5000, 2048)
