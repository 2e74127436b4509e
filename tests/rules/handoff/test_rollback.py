"""What a pipeline does by itself after a failed stage."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecs_cd.handoff.rules import rollback
from ecs_cd.handoff.rules.actions import Action
from ecs_cd.handoff.rules.progress import Snapshot
from ecs_cd.model.verdict import Outcome, Verdict

FAILED = Action("Deploy", "Deploy", "Failed")
MINE: dict[str, Any] = {"pipelineExecutionId": "mine"}


def back(name: str, failed: str = "mine", trigger: str = "AutomatedRollback") -> dict[str, Any]:
    """As ListPipelineExecutions lists a rollback."""
    detail = json.dumps({"FailedPipelineExecutionId": failed})
    return {
        "pipelineExecutionId": name,
        "executionType": "ROLLBACK",
        "trigger": {"triggerType": trigger, "triggerDetail": detail},
        "rollbackMetadata": {"rollbackTargetPipelineExecutionId": "before"},
    }


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ([back("b"), MINE], "b"),
        ([back("c"), back("b"), MINE], "b"),
        ([back("b", failed="theirs"), MINE], ""),
        ([back("b", trigger="ManualRollback"), MINE], ""),
        ([{"pipelineExecutionId": "newer"}, MINE], ""),
        ([MINE, back("b")], ""),
        ([], ""),
    ],
)
def test_the_rollback_of_an_execution_names_it(listed: list[dict[str, Any]], found: str) -> None:
    """In its trigger, and it is newer; another's rollback is not ours."""
    assert rollback.execution(Snapshot(MINE, executions=tuple(listed))) == found


def test_a_rollback_has_a_target() -> None:
    """The execution to which the stage goes back."""
    assert rollback.target([back("b"), MINE], "b") == "before"
    assert rollback.target([MINE], "b") == ""


def declared(result: str) -> dict[str, Any]:
    return {"stages": [{"name": "Deploy", "onFailure": {"result": result}, "actions": [{"name": "Deploy"}]}]}


ROLLED = (back("b"), MINE)


@pytest.mark.parametrize(
    ("result", "action", "elapsed", "listed", "waits"),
    [
        ("FAIL", FAILED, 0.0, (), False),
        ("ROLLBACK", FAILED, 59.0, (MINE,), True),
        ("ROLLBACK", FAILED, 60.0, (MINE,), False),
        ("ROLLBACK", FAILED, 1.0, ROLLED, False),
        ("RETRY", FAILED, 29.0, (), True),
        ("RETRY", FAILED, 30.0, (), False),
        ("RETRY", Action("Deploy", "Deploy", "Failed", tries=2), 1.0, (), False),
        ("ROLLBACK", None, 9.0, (), True),
        ("ROLLBACK", None, 10.0, (), False),
    ],
)
def test_a_failed_is_final_once_nothing_more_can_happen(
    result: str, action: Action | None, elapsed: float, listed: tuple[dict[str, Any], ...], waits: bool
) -> None:
    """As the stage declares it, and for so long only."""
    look = Snapshot(MINE, (action,) if action else (), (), listed)
    assert bool(rollback.waits(look, declared(result), elapsed)) is waits


def test_a_failure_with_a_statement_names_no_action() -> None:
    """A condition of a stage: there is nothing to wait for."""
    assert rollback.waits(Snapshot({**MINE, "statusSummary": "BeforeEntry"}), declared("FAIL"), 0.0) == ""


@pytest.mark.parametrize(
    ("status", "outcome"), [("Succeeded", Outcome.ROLLED_BACK), ("Failed", Outcome.ROLLBACK_FAILED)]
)
def test_a_rollback_is_the_verdict(status: str, outcome: Outcome) -> None:
    """With the failure that caused it."""
    found = rollback.verdict(Verdict(Outcome.FAILED, "Deploy/Deploy failed"), status, "b", "before")
    assert found.outcome is outcome
    assert found.message.startswith("Deploy/Deploy failed; ")
    assert "execution b" in found.message
