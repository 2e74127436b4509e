"""The scripted CodePipeline, CodeBuild and S3: what boto3 sees of an execution while the clock runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.scripted_aws import Clock, Params, ScriptedAws, lost
from tests.scripted_aws.codebuild import EXIT_1, Build, Builds
from tests.scripted_aws.codepipeline import APPROVE, DEPLOY, NAME, SOURCE, Pipeline, declaration
from tests.scripted_aws.course import (
    MIGRATION,
    SUCCEEDS,
    Execution,
    ends,
    execution_id,
    fails,
    happens,
    rolled_back,
    runs,
    waits,
)
from tests.scripted_aws.s3 import Bucket

MINE = {"pipelineName": NAME, "pipelineExecutionId": execution_id(1)}
Client = Callable[[str], Any]


@pytest.fixture
def client(aws: ScriptedAws) -> Client:
    session: Any = boto3.Session()
    return lambda service: session.client(service, config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def pipeline(aws: ScriptedAws, clock: Clock) -> Pipeline:
    return Pipeline(clock).script(aws)


def status(client: Client) -> str:
    return str(client("codepipeline").get_pipeline_execution(**MINE)["pipelineExecution"]["status"])


def statuses(client: Client, **chosen: Any) -> list[str]:
    found = client("codepipeline").list_action_executions(pipelineName=NAME, filter=chosen)["actionExecutionDetails"]
    return [f"{each['stageName']} {each['status']}" for each in found]


def stages(client: Client) -> dict[str, Params]:
    return {each["stageName"]: each for each in client("codepipeline").get_pipeline_state(name=NAME)["stageStates"]}


def test_an_execution_follows_its_course(client: Client, clock: Clock, pipeline: Pipeline) -> None:
    """All reads agree at each moment."""
    client("codepipeline").start_pipeline_execution(name=NAME)
    assert (status(client), statuses(client)) == ("InProgress", [])
    clock.sleep(10)
    assert statuses(client) == ["Migrate InProgress", "Source Succeeded"]
    assert stages(client)["Migrate"]["latestExecution"] == {
        "pipelineExecutionId": execution_id(1),
        "status": "InProgress",
        "type": "STANDARD",
    }
    clock.sleep(100)
    assert (status(client), statuses(client)[0]) == ("Succeeded", "Deploy Succeeded")
    listed = client("codepipeline").list_pipeline_executions(pipelineName=NAME)["pipelineExecutionSummaries"]
    assert [(each["status"], each["sourceRevisions"][0]["revisionId"]) for each in listed] == [("Succeeded", "newest")]


def test_the_same_token_starts_one_execution(client: Client, pipeline: Pipeline, aws: ScriptedAws) -> None:
    """Also if the first response was lost."""
    aws.on("codepipeline.StartPipelineExecution", lost(pipeline.start), pipeline.start)
    start = client("codepipeline").start_pipeline_execution
    with pytest.raises(Exception, match="Connection"):
        start(name=NAME, clientRequestToken="a")
    ids = [start(name=NAME, clientRequestToken=token)["pipelineExecutionId"] for token in ("a", "a", "b")]
    assert ids == [execution_id(1), execution_id(1), execution_id(2)]


@pytest.mark.parametrize(
    ("declared", "given"),
    [
        ({}, {"variables": [{"name": "IMAGE", "value": "x"}]}),
        ({"pipelineType": "V1"}, {"variables": [{"name": "IMAGE", "value": "x"}]}),
        ({"variables": [{"name": "IMAGE"}]}, {}),
        (
            {},
            {
                "sourceRevisions": [
                    {"actionName": "Migrate", "revisionType": "IMAGE_DIGEST", "revisionValue": "sha256:"}
                ]
            },
        ),
    ],
)
def test_what_the_declaration_does_not_allow_is_refused(
    client: Client, pipeline: Pipeline, declared: Params, given: Params
) -> None:
    """As AWS does, with a ValidationException; nothing starts."""
    pipeline.declared |= declared
    with pytest.raises(ClientError, match="ValidationException"):
        client("codepipeline").start_pipeline_execution(name=NAME, **given)
    assert pipeline.started == []


def test_variables_and_revisions_are_kept(client: Client, pipeline: Pipeline) -> None:
    """Under the names of their reads, which are not those of the start."""
    pipeline.declared = declaration(variables=["IMAGE", "COMMIT"])
    revision = {"actionName": "Source", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": "v1"}
    client("codepipeline").start_pipeline_execution(
        name=NAME, variables=[{"name": "IMAGE", "value": "x"}], sourceRevisions=[revision]
    )
    found = client("codepipeline").get_pipeline_execution(**MINE)["pipelineExecution"]
    assert found["variables"] == [
        {"name": "IMAGE", "resolvedValue": "x"},
        {"name": "COMMIT", "resolvedValue": "none"},
    ]
    assert found["artifactRevisions"] == [{"name": "Source", "revisionId": "v1"}]


def test_a_stop_lets_actions_end(client: Client, clock: Clock, pipeline: Pipeline) -> None:
    """Stopping until then, Stopped afterwards; a second request is refused."""
    codepipeline = client("codepipeline")
    codepipeline.start_pipeline_execution(name=NAME)
    clock.sleep(10)
    codepipeline.stop_pipeline_execution(**MINE, reason="not today")
    assert status(client) == "Stopping"
    with pytest.raises(ClientError, match="DuplicatedStopRequestException"):
        codepipeline.stop_pipeline_execution(**MINE)
    clock.sleep(31)
    assert (status(client), statuses(client)[0]) == ("Stopped", "Migrate Succeeded")
    listed = codepipeline.list_pipeline_executions(pipelineName=NAME)["pipelineExecutionSummaries"]
    assert listed[0]["stopTrigger"] == {"reason": "not today"}
    with pytest.raises(ClientError, match="PipelineExecutionNotStoppableException"):
        codepipeline.stop_pipeline_execution(**MINE)


def test_an_abandoned_action_is_abandoned(client: Client, clock: Clock, pipeline: Pipeline) -> None:
    """At once."""
    client("codepipeline").start_pipeline_execution(name=NAME)
    clock.sleep(10)
    client("codepipeline").stop_pipeline_execution(**MINE, abandon=True)
    assert (status(client), statuses(client)[0]) == ("Stopped", "Migrate Abandoned")


def test_a_second_try_is_a_second_action_execution(client: Client, clock: Clock, pipeline: Pipeline) -> None:
    """The filter for the latest ones leaves the failed one out."""
    pipeline.courses = [(*fails(20), *runs(90, "Migrate/Migrate", 120), ends(90, "InProgress"))]
    client("codepipeline").start_pipeline_execution(name=NAME)
    clock.sleep(30)
    assert status(client) == "Failed"
    clock.sleep(100)
    id = execution_id(1)
    assert statuses(client, pipelineExecutionId=id) == ["Migrate Succeeded", "Migrate Failed", "Source Succeeded"]
    latest = {"pipelineExecutionId": id, "startTimeRange": "Latest"}
    assert statuses(client, latestInPipelineExecution=latest) == ["Migrate Succeeded", "Source Succeeded"]


def test_lists_have_pages_newest_first(client: Client, clock: Clock, pipeline: Pipeline) -> None:
    """boto3's paginators read them all."""
    pipeline.page = 2
    for _ in range(5):
        client("codepipeline").start_pipeline_execution(name=NAME)
        clock.sleep(1)
    pages = list(client("codepipeline").get_paginator("list_pipeline_executions").paginate(pipelineName=NAME))
    ids = [each["pipelineExecutionId"] for page in pages for each in page["pipelineExecutionSummaries"]]
    assert (len(pages), ids) == (3, [execution_id(number) for number in (5, 4, 3, 2, 1)])


def test_a_state_is_that_of_the_stages_newest_executions(client: Client, clock: Clock, pipeline: Pipeline) -> None:
    """With who waits before a stage, who disabled it, and the token of an approval."""
    pipeline.declared = declaration(SOURCE, APPROVE, DEPLOY)
    asks = happens(5, "Approve/Approve", "InProgress", token="t-1")
    pipeline.courses = [(asks,), (*runs(1, "Source/Source", 2), waits(3, "Approve"))]
    pipeline.disabled["Deploy"] = ("alice", "release freeze")
    for _ in range(2):
        client("codepipeline").start_pipeline_execution(name=NAME)
    clock.sleep(10)
    found = stages(client)
    assert found["Approve"]["actionStates"][0]["latestExecution"]["token"] == "t-1"
    assert found["Approve"]["inboundExecutions"][0]["pipelineExecutionId"] == execution_id(2)
    assert found["Deploy"]["inboundTransitionState"]["disabledReason"] == "release freeze"
    assert "latestExecution" not in found["Deploy"]


def test_a_rollback_is_another_execution(client: Client, clock: Clock, pipeline: Pipeline) -> None:
    """Its target is the execution that it goes back to; its trigger names the one that failed."""
    before = Execution(execution_id("before"), -500, SUCCEEDS)
    pipeline.courses, pipeline.others = [fails(20)], [before]
    client("codepipeline").start_pipeline_execution(name=NAME)
    pipeline.others.append(rolled_back(pipeline.started[0], before.id, 25, runs(1, "Deploy/Deploy", 20)))
    clock.sleep(30)
    newest, *rest = client("codepipeline").list_pipeline_executions(pipelineName=NAME)["pipelineExecutionSummaries"]
    assert newest["trigger"]["triggerDetail"] == f'{{"FailedPipelineExecutionId": "{execution_id(1)}"}}'
    assert newest["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": before.id}
    assert [each["status"] for each in rest] == ["Failed", "Succeeded"]


def test_a_build_has_phases_and_a_log(client: Client, clock: Clock, pipeline: Pipeline, aws: ScriptedAws) -> None:
    """The log grows; the first failed phase has the context."""
    pipeline.courses = [fails(20)]
    log = [(6.5, "first"), (7, "second"), (15, "third")]
    Builds(pipeline, {MIGRATION: Build(6, 19, EXIT_1, log=log)}).script(aws)
    client("codepipeline").start_pipeline_execution(name=NAME)
    missing = client("codebuild").batch_get_builds(ids=[MIGRATION])
    assert (missing["builds"], missing["buildsNotFound"]) == ([], [MIGRATION])
    clock.sleep(10)
    build = client("codebuild").batch_get_builds(ids=[MIGRATION])["builds"][0]
    assert (build["buildStatus"], build["currentPhase"]) == ("IN_PROGRESS", "BUILD")
    stream = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
    page = client("logs").get_log_events(**stream, startFromHead=True)
    assert [each["message"] for each in page["events"]] == ["first", "second"]
    clock.sleep(10)
    page = client("logs").get_log_events(**stream, startFromHead=True, nextToken=page["nextForwardToken"])
    assert [each["message"] for each in page["events"]] == ["third"]
    assert client("logs").get_log_events(**stream, limit=2)["events"][0]["message"] == "second"
    build = client("codebuild").batch_get_builds(ids=[MIGRATION])["builds"][0]
    failed = [each for each in build["phases"] if each.get("phaseStatus") == "FAILED"]
    assert (build["buildStatus"], failed[0]["phaseType"]) == ("FAILED", "BUILD")
    assert "Reason: exit status 1" in failed[0]["contexts"][0]["message"]


@pytest.mark.parametrize(("versioning", "version"), [("Enabled", "version-1"), ("Suspended", "null"), ("", None)])
def test_a_bucket_keeps_what_is_put(client: Client, aws: ScriptedAws, versioning: str, version: str | None) -> None:
    """With a version's id, if it has versions."""
    bucket = Bucket(versioning=versioning).script(aws)
    put = client("s3").put_object(Bucket="bucket", Key="hand-off.zip", Body=b"PK")
    assert (put.get("VersionId"), bucket.puts) == (version, [("hand-off.zip", b"PK")])
    assert client("s3").get_bucket_versioning(Bucket="bucket").get("Status", "") == versioning


def test_a_course_runs_in_real_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """For processes that have their own clock."""
    with ScriptedAws(time) as aws:
        aws.use(monkeypatch)
        Pipeline(time, [(ends(0, "Succeeded"),)]).script(aws)
        codepipeline = boto3.client("codepipeline")
        codepipeline.start_pipeline_execution(name=NAME)
        assert codepipeline.get_pipeline_execution(**MINE)["pipelineExecution"]["status"] == "Succeeded"
