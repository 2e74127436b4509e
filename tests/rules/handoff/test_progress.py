"""From a snapshot of an execution to its verdict, or to what it is doing."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.handoff.rules import progress
from ecs_cd.handoff.rules.actions import Action
from ecs_cd.handoff.rules.progress import Snapshot, Wanted
from ecs_cd.model.verdict import InProgress, Outcome, Verdict

MINE: dict[str, Any] = {"pipelineExecutionId": "mine", "status": "InProgress"}
ANYTHING = Wanted()
SOURCE = Action("Source", "Source", "Succeeded", "Source", "S3")
BUILD = Action("Migrate", "Migrate", "InProgress", "Build", "CodeBuild", external_id="migrate:1")
APPROVAL = Action("Approve", "Approve", "InProgress", "Approval", "Manual")
FAILED = Action("Migrate", "Migrate", "Failed", error="exit status 1\nmore")


def snapshot(status: str, *actions: Action, executions: tuple[str, ...] = ("mine",), **more: Any) -> Snapshot:
    listed = tuple({"pipelineExecutionId": each, **more.get(each, {})} for each in executions)
    summary = {"statusSummary": more["summary"]} if "summary" in more else {}
    return Snapshot({**MINE, "status": status, **summary}, actions, more.get("stages", ()), listed)


def judged(look: Snapshot, wanted: Wanted = ANYTHING) -> tuple[Outcome, str]:
    found = progress.judge(look, wanted)
    assert isinstance(found, Verdict), found
    return found.outcome, found.message


def doing(look: Snapshot, wanted: Wanted = ANYTHING) -> dict[str, str]:
    found = progress.judge(look, wanted)
    assert not isinstance(found, Verdict), found
    return {path: state.message for path, state in found.items()}


STOPPED = {"stopTrigger": {"reason": "wrong release\nsecond line"}}
ABANDONED = Action("Migrate", "Migrate", "Abandoned")
REJECTED = Action("Approve", "Approve", "Failed", "Approval", summary="not on a Friday", updated_by="bob")
EXPIRED = Action("Approve", "Approve", "Failed", "Approval", error="it has expired")
ENDS: list[tuple[Snapshot, Outcome, str]] = [
    (snapshot("Succeeded", SOURCE, BUILD), Outcome.SUCCEEDED, "stages Source, Migrate"),
    (snapshot("Succeeded"), Outcome.SUCCEEDED, ""),
    (snapshot("Failed", SOURCE, FAILED), Outcome.FAILED, "Migrate/Migrate failed: exit status 1"),
    (snapshot("Failed", summary="a condition"), Outcome.FAILED, "a condition"),
    (snapshot("Failed"), Outcome.FAILED, "the execution failed; CodePipeline names no action"),
    (snapshot("Failed", REJECTED), Outcome.FAILED, "Approve/Approve was rejected by bob: not on a Friday"),
    (snapshot("Failed", EXPIRED), Outcome.FAILED, "Approve/Approve was not approved: it has expired"),
    (
        snapshot("Failed", FAILED, Action("Migrate", "Seed", "Failed")),
        Outcome.FAILED,
        "Migrate/Migrate failed: exit status 1; Migrate/Seed failed, too",
    ),
    (
        snapshot("Superseded", executions=("newest", "newer", "mine", "older")),
        Outcome.SUPERSEDED,
        "execution newer is newer and superseded it",
    ),
    (snapshot("Superseded", executions=()), Outcome.SUPERSEDED, "a newer execution superseded it"),
    (snapshot("Stopped", mine=STOPPED), Outcome.FAILED, "the execution was stopped: wrong release"),
    (
        snapshot("Stopped", ABANDONED),
        Outcome.FAILED,
        "the execution was stopped; abandoned, and may still be running: Migrate/Migrate",
    ),
    (snapshot("Cancelled"), Outcome.FAILED, "the execution was cancelled because somebody changed the pipeline"),
]


@pytest.mark.parametrize(("look", "outcome", "words"), ENDS, ids=[words or "-" for *_, words in ENDS])
def test_an_end_has_its_outcome_and_its_words(look: Snapshot, outcome: Outcome, words: str) -> None:
    """Of other people's texts the first line."""
    assert judged(look) == (outcome, words)


STAGE = Wanted("Migrate", ("Migrate", "Seed"))
DONE = [Action("Migrate", name, "Succeeded") for name in ("Migrate", "Seed")]


def test_a_stage_is_reached_when_all_its_actions_have_succeeded() -> None:
    """Those of the declaration: one that has not begun is in no list."""
    assert "" not in doing(snapshot("InProgress", DONE[0]), STAGE)
    assert judged(snapshot("InProgress", *DONE), STAGE)[0] is Outcome.IN_PROGRESS
    assert judged(snapshot("Failed", *DONE, FAILED), STAGE)[0] is Outcome.FAILED


@pytest.mark.parametrize("status", ["Failed", "Stopped", "Superseded", "Cancelled"])
def test_what_comes_after_the_awaited_stage_does_not_count(status: str) -> None:
    """Else the outcome would depend on the moment of the poll."""
    later = Action("Deploy", "Deploy", "Failed")
    assert judged(snapshot(status, *DONE, later), STAGE) == (
        Outcome.IN_PROGRESS,
        f"stage Migrate has succeeded; the execution is {status}",
    )


def stage(name: str, **more: Any) -> dict[str, Any]:
    return {"stageName": name, **more}


INBOUND = {"inboundExecutions": [{"pipelineExecutionId": "mine"}]}
AHEAD = {"latestExecution": {"pipelineExecutionId": "ahead", "status": "InProgress"}}
OVER = {"latestExecution": {"pipelineExecutionId": "ahead", "status": "Failed"}}
FREEZE = {"inboundTransitionState": {"enabled": False, "lastChangedBy": "alice", "disabledReason": "freeze"}}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (stage("Deploy", **INBOUND), "waits at stage Deploy"),
        (stage("Deploy", **INBOUND, **AHEAD), "waits at stage Deploy: execution ahead is in it"),
        (stage("Deploy", **INBOUND, **OVER), "waits at stage Deploy"),
        (stage("Deploy", inboundExecution={"pipelineExecutionId": "mine"}, **AHEAD), "execution ahead is in it"),
        (
            stage("Deploy", **INBOUND, **FREEZE, **AHEAD),
            "waits at stage Deploy: its transition is disabled by alice: freeze",
        ),
        (stage("Deploy", **AHEAD), ""),
    ],
)
def test_an_execution_between_two_stages_says_what_it_waits_for(found: dict[str, Any], words: str) -> None:
    """If it is this execution that waits, and nothing of it runs."""
    waits = doing(snapshot("InProgress", SOURCE, stages=(found,))).get("", "")
    assert words in waits
    assert bool(waits) is bool(words)
    assert "" not in doing(snapshot("InProgress", BUILD, stages=(found,)))


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (SOURCE, "succeeded"),
        (BUILD, "in progress (migrate:1)"),
        (FAILED, "failed: exit status 1"),
        (ABANDONED, "abandoned; it may still be running"),
        (APPROVAL, "waits for an approval: https://page"),
        (Action("Migrate", "Migrate", "InProgress", tries=2), "in progress, try 2"),
        (Action("Migrate", "Migrate", "Postponed"), "Postponed"),
    ],
)
def test_an_action_has_its_words(action: Action, words: str) -> None:
    """With the id of its build, the number of its try, or where to approve."""
    assert doing(snapshot("InProgress", action), Wanted(page="https://page")) == {action.path: words}


def test_only_a_failed_action_is_alarming() -> None:
    """While the execution goes on, others beside it run."""
    assert progress.judge(snapshot("InProgress", FAILED, APPROVAL), ANYTHING) == {
        "Migrate/Migrate": InProgress("failed: exit status 1", alarming=True),
        "Approve/Approve": InProgress("waits for an approval"),
    }


@pytest.mark.parametrize(
    ("status", "words"),
    [("Stopping", "the execution is being stopped"), ("Postponed", "the execution's status is Postponed")],
)
def test_a_status_that_is_not_final_is_said(status: str, words: str) -> None:
    """One that nobody knows yet, too."""
    assert doing(snapshot(status)) == {"": words}


GIVEN = Wanted(variables={"IMAGE": "app@a"}, revisions=("a",))


@pytest.mark.parametrize(
    ("used", "outcome"),
    [
        ({}, Outcome.SUCCEEDED),
        ({"variables": [{"name": "IMAGE", "resolvedValue": "app@a"}]}, Outcome.SUCCEEDED),
        ({"variables": [{"name": "IMAGE", "resolvedValue": "app@b"}]}, Outcome.FAILED),
        ({"artifactRevisions": [{"name": "App", "revisionId": "a"}, {"revisionId": "z"}]}, Outcome.SUCCEEDED),
        ({"artifactRevisions": [{"name": "App", "revisionId": "b"}]}, Outcome.FAILED),
        ({"artifactRevisions": [{"name": "App"}]}, Outcome.SUCCEEDED),
    ],
)
def test_a_success_with_other_images_is_none(used: dict[str, Any], outcome: Outcome) -> None:
    """What CodePipeline does not list proves nothing."""
    look = Snapshot({**MINE, "status": "Succeeded", **used})
    assert judged(look, GIVEN)[0] is outcome


@pytest.mark.parametrize(
    ("look", "outcome", "words"),
    [
        (snapshot("InProgress", BUILD), Outcome.TIMED_OUT, "last seen: Migrate/Migrate in progress"),
        (snapshot("InProgress", APPROVAL), Outcome.PAUSED, "Approve/Approve waits for an approval"),
        (snapshot("InProgress", APPROVAL, BUILD), Outcome.TIMED_OUT, "Approve/Approve, Migrate/Migrate in progress"),
        (
            snapshot("InProgress", SOURCE, stages=(stage("Deploy", **INBOUND, **FREEZE),)),
            Outcome.TIMED_OUT,
            "last seen: waits at stage Deploy: its transition is disabled by alice: freeze",
        ),
        (snapshot("InProgress"), Outcome.TIMED_OUT, "no verdict after 1 h; CodePipeline continues the execution"),
    ],
)
def test_at_the_time_limit_an_approval_is_a_pause(look: Snapshot, outcome: Outcome, words: str) -> None:
    """Everything else is undecided, with what was seen last."""
    found = progress.undecided(look, "1 h")
    assert found.outcome is outcome
    assert words in found.message


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ({"version": 3}, {"pipelineVersion": 3}, ""),
        ({"version": 3}, {"pipelineVersion": 4}, "the execution runs version 4 of the pipeline, not 3"),
        ({"pipelineVersion": 4, "version": 3}, {"pipelineVersion": 4}, ""),
        ({}, {"pipelineVersion": 4}, ""),
        ({"version": 3}, {}, ""),
    ],
)
def test_another_version_than_was_checked_is_said(before: dict[str, Any], now: dict[str, Any], words: str) -> None:
    """Once: the next poll compares with this one."""
    assert progress.changed_words(before, now) == words
