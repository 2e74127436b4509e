"""ecs_cd.local.codepipeline.rules.requests: what a request changes, and what CodePipeline refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ecs_cd.local.codepipeline.rules.service_error import ServiceError
from ecs_cd.local.codepipeline.rules.state import APPROVAL, Disabled
from tests.rules.local.codepipeline.course import (
    APPROVE,
    BUILD,
    DEPLOY,
    FAILS,
    SOURCE,
    USER,
    Course,
    course,
    id_of,
    read,
)
from tests.scripted_aws.codepipeline import S3_SOURCE, action, stage


def refused(code: str, call: Callable[[], Any]) -> str:
    """The message of a request that is refused with this code."""
    with pytest.raises(ServiceError) as error:
        call()
    assert error.value.code == code
    return str(error.value)


def passed(there: Course) -> Course:
    """An execution has gone through source and deployment."""
    there.start()
    there.ends("Source/Image", read("sha256:1"))
    there.passes("Deploy", 1)
    return there


# --- start ---


def test_a_token_is_an_execution() -> None:
    """A second request with the same token starts nothing."""
    there = course()
    first = there.start(clientRequestToken="a-1")
    assert there.start(clientRequestToken="a-1") == first
    assert there.start(clientRequestToken="a-2") != first
    assert len(there.statuses()) == 2


def test_a_queue_has_an_end() -> None:
    """At most 50 executions wait."""
    there = course()
    for _ in range(51):
        there.start()
    assert "50" in refused("ConcurrentPipelineExecutionsLimitExceededException", there.start)
    there.stop(51)
    there.start()


S3 = stage("Source", S3_SOURCE)
CONNECTION = stage("Source", action("Source", "CodeStarSourceConnection"))


@pytest.mark.parametrize(
    ("source", "name", "kind", "words"),
    [
        (SOURCE, "Image", "IMAGE_DIGEST", ""),
        (SOURCE, "Other", "IMAGE_DIGEST", "does not have a source action named 'Other'"),
        (SOURCE, "Image", "COMMIT_ID", "does not support revision type COMMIT_ID"),
        (S3, "Source", "S3_OBJECT_VERSION_ID", ""),
        (S3, "Source", "S3_OBJECT_KEY", "does not support revision type S3_OBJECT_KEY"),
        (CONNECTION, "Source", "COMMIT_ID", ""),
        (CONNECTION, "Source", "IMAGE_DIGEST", "does not support revision type"),
    ],
)
def test_source_revisions(source: dict[str, Any], name: str, kind: str, words: str) -> None:
    """They name a source action, and are of its kind."""
    there = course(source, DEPLOY)
    revisions = [{"actionName": name, "revisionType": kind, "revisionValue": "v"}]
    if words:
        assert words in refused("ValidationException", lambda: there.start(sourceRevisions=revisions))
    else:
        there.start(sourceRevisions=revisions)


# --- stop ---


def test_stop_and_wait() -> None:
    """Running actions finish, then the execution is stopped and its stage is free."""
    there = course(BUILD)
    there.start()
    there.start()
    there.stop(1, reason="wrong commit")
    assert there.where() == ["Build", "(Build)"]
    assert there.statuses() == ["Stopping", "InProgress"]
    there.ends("Build/Lint", number=1)
    there.ends("Build/Unit", number=1)
    assert there.where() == ["Stopped", "Build"]
    assert there.execution(1).stop_reason == "wrong commit"


def test_stop_and_abandon() -> None:
    """It stops at once, as a waiting one does. A stop that waits can become one that abandons."""
    there = course(BUILD)
    there.start()
    there.start()
    there.stop(2)
    assert there.statuses() == ["InProgress", "Stopped"]
    there.stop(1, reason="first")
    there.stop(1, abandon=True)
    assert there.statuses() == ["Stopped", "Stopped"]
    assert {each.status for each in there.state.attempts.values()} == {"Abandoned"}
    assert there.execution(1).stop_reason == "first"


def test_what_cannot_be_stopped() -> None:
    """What has ended, what does not exist, and the same stop again."""
    there = course(BUILD)
    there.start()
    there.stop(1)
    refused("DuplicatedStopRequestException", lambda: there.stop(1))
    there.stop(1, abandon=True)
    assert "is Stopped" in refused("PipelineExecutionNotStoppableException", lambda: there.stop(1))
    assert "does not exist" in refused("PipelineExecutionNotStoppableException", lambda: there.stop(9))


# --- retry ---


@pytest.mark.parametrize(
    ("mode", "running"), [("FAILED_ACTIONS", ["Build/Unit"]), ("ALL_ACTIONS", ["Build/Lint", "Build/Unit"])]
)
def test_retry(mode: str, running: list[str]) -> None:
    """Of the failed actions, or of the whole stage; then the execution continues."""
    there = course()
    there.start()
    there.passes("Source")
    there.ends("Build/Lint")
    there.ends("Build/Unit", FAILS)
    there.retry(1, "Build", mode)
    assert there.running() == running
    there.passes("Build")
    assert there.where() == ["Deploy"]


def test_a_stopped_stage_can_be_retried() -> None:
    """Its abandoned actions run again."""
    there = course(BUILD)
    there.start()
    there.stop(1, abandon=True)
    there.retry(1, "Build")
    assert (there.statuses(), there.running()) == (["InProgress"], ["Build/Lint", "Build/Unit"])


def test_what_cannot_be_retried() -> None:
    """What runs or has succeeded, another stage, and what a newer execution has followed."""
    there = course(SOURCE, DEPLOY)
    there.start()
    refused("StageNotRetryableException", lambda: there.retry(1, "Source"))
    refused("NotLatestPipelineExecutionException", lambda: there.retry(1, "Deploy"))
    refused("NotLatestPipelineExecutionException", lambda: there.retry(9, "Source"))
    refused("StageNotFoundException", lambda: there.retry(1, "Other"))
    there.passes("Source")
    there.ends("Deploy/Deploy", FAILS)
    refused("StageNotRetryableException", lambda: there.retry(1, "Source"))
    there.start()
    there.passes("Source", 2)
    refused("NotLatestPipelineExecutionException", lambda: there.retry(1, "Deploy"))


def test_what_has_not_entered_a_stage_cannot_be_retried_in_it() -> None:
    """Not in PARALLEL either, where each execution is the latest."""
    there = course(SOURCE, DEPLOY, mode="PARALLEL")
    there.disable("Deploy")
    there.start()
    there.passes("Source")
    there.stop(1)
    refused("StageNotRetryableException", lambda: there.retry(1, "Deploy"))


# --- rollback ---


def test_rollback() -> None:
    """A new execution runs the stage with the target's variables and artifacts."""
    deploy = {**action("Deploy", "CodeBuild"), "inputArtifacts": [{"name": "Image"}]}
    deploy["configuration"] = {"EnvironmentVariables": "#{Image.ImageDigest} #{variables.V}"}
    there = course(SOURCE, stage("Deploy", deploy), variables=["V"])
    for number in (1, 2):
        there.start(variables=[{"name": "V", "value": f"v{number}"}])
        there.ends("Source/Image", read(f"sha256:{number}"))
        there.passes("Deploy")
    there.roll_back("Deploy", 1)
    assert there.running() == ["Deploy/Deploy"]
    *_, attempt = there.state.attempts.values()
    assert attempt.configuration == {"EnvironmentVariables": "sha256:1 v1"}
    assert attempt.inputs == next(iter(there.state.attempts.values())).outputs
    there.passes("Deploy")
    assert there.execution(3).trigger == ("ManualRollback", USER)
    assert there.statuses() == ["Succeeded"] * 3


def test_a_rollback_is_about_one_stage() -> None:
    """It ends after it; the stages that follow are left as they are."""
    there = course()
    there.start()
    for stage_ in there.state.stages:
        there.passes(stage_)
    there.roll_back("Build", 1)
    there.passes("Build")
    assert (there.statuses(), there.running()) == (["Succeeded", "Succeeded"], [])


def test_what_cannot_be_rolled_back() -> None:
    """The source stage, a stage that runs, to a rollback, to what has not succeeded, in PARALLEL."""
    there = passed(course(SOURCE, DEPLOY))
    assert "source stage" in refused("UnableToRollbackStageException", lambda: there.roll_back("Source", 1))
    refused("PipelineExecutionNotFoundException", lambda: there.roll_back("Deploy", 9))
    there.started = 1
    there.roll_back("Deploy", 1)
    assert "is running" in refused("UnableToRollbackStageException", lambda: there.roll_back("Deploy", 1))
    there.ends("Deploy/Deploy", FAILS)
    assert "a rollback itself" in refused("UnableToRollbackStageException", lambda: there.roll_back("Deploy", 2))
    there.started = 2
    there.start()
    assert "not succeeded" in refused("UnableToRollbackStageException", lambda: there.roll_back("Deploy", 3))
    parallel = passed(course(SOURCE, DEPLOY, mode="PARALLEL"))
    assert "PARALLEL" in refused("UnableToRollbackStageException", lambda: parallel.roll_back("Deploy", 1))


# --- approval ---


def test_an_approval_waits() -> None:
    """Until it is approved; then the next run order begins."""
    there = course(APPROVE)
    there.start()
    assert there.running() == ["Approve/Approve"]
    there.approve(summary="looks good")
    assert there.running() == ["Approve/Tell"]
    approval = next(iter(there.state.attempts.values()))
    assert (approval.status, approval.outcome.summary, approval.updated_by) == ("Succeeded", "looks good", USER)


def test_a_rejection_fails_the_stage() -> None:
    """It can be retried, with another token."""
    there = course(APPROVE)
    there.start()
    (first,) = there.state.attempts.values()
    there.approve(status="Rejected", summary="not today")
    assert there.statuses() == ["Failed"]
    there.retry(1, "Approve")
    *_, second = there.state.attempts.values()
    assert second.token != first.token
    refused("ApprovalAlreadyCompletedException", lambda: there.approve(first.token))
    refused("InvalidApprovalTokenException", lambda: there.approve(id_of(5)))
    there.approve()
    assert there.running() == ["Approve/Tell"]


def test_an_approval_locks_its_stage() -> None:
    """Newer executions wait; a stop waits for the answer, unless it abandons."""
    there = course(APPROVE)
    there.start()
    there.start()
    assert there.where() == ["Approve", "(Approve)"]
    there.stop(1)
    assert there.statuses() == ["Stopping", "InProgress"]
    there.stop(1, abandon=True)
    assert there.where() == ["Stopped", "Approve"]
    assert APPROVAL == "Approval"


# --- transitions ---


def test_a_transition_is_between_two_stages() -> None:
    """The first stage has no inbound, the last one no outbound transition."""
    there = course()
    there.disable("Build", "Outbound")
    assert there.state.disabled == {"Deploy": Disabled(USER, there.now, "not now")}
    refused("ValidationException", lambda: there.disable("Source"))
    refused("ValidationException", lambda: there.enable("Deploy", "Outbound"))
    refused("StageNotFoundException", lambda: there.disable("Other"))


def test_a_disabled_transition_keeps_nobody_who_is_inside() -> None:
    """What has entered runs to its end."""
    there = course(SOURCE, DEPLOY)
    there.start()
    there.passes("Source")
    there.disable("Deploy")
    there.passes("Deploy")
    assert there.statuses() == ["Succeeded"]
