"""How hand-off starts an execution: what it gives it, and once only."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable

import pytest

from tests.scripted_aws import Answer, Params, at, course, ecs, error, lost, reset, server_error, throttled
from tests.scripted_aws.codepipeline import (
    DEPLOY,
    ECR_SOURCE,
    MIGRATE,
    NAME,
    Pipeline,
    declaration,
    stage,
)
from tests.scripted_aws.course import Execution, ends, execution_id, runs
from tests.timelines.conftest import SHA
from tests.timelines.hand_off.conftest import DIGEST, EVENT, IMAGE, OBJECT, START, VARIABLES, Run, World, cancels

ECR_STAGES = (stage("Source", ECR_SOURCE), MIGRATE, DEPLOY)
FROM_ECR = (*runs(1, "Source/Image", 4), *course.SUCCEEDS[2:])
FAULTS = [reset(), server_error(), throttled(), error("ConflictException")]
NAMES = ["reset", "503", "throttled", "conflict"]


def given(request: Params) -> dict[str, str]:
    return {each["name"]: each["value"] for each in request.get("variables", ())}


# ---- what it gives ----


def test_variables_get_the_images_by_digest_and_the_commit(step: Run, world: World) -> None:
    """And a nonce of this process, if the pipeline declares it: the log's verdict is believed by it."""
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"], ended.outputs["status"]) == (0, "succeeded", "Succeeded"), (
        ended.log
    )
    variables = given(world.requests[0])
    assert re.fullmatch("[0-9a-f]{32}", variables.pop("ECS_CD_NONCE"))
    assert variables == {"IMAGE_APP": IMAGE, "COMMIT": SHA}
    assert re.fullmatch("ecs-cd-[0-9a-f]{40}", world.requests[0]["clientRequestToken"])
    assert "sourceRevisions" not in world.requests[0]
    assert ended.outputs["execution-id"] == execution_id(1)
    assert NAME in ended.outputs["url"]
    assert execution_id(1) in ended.outputs["url"]
    assert not ended.outputs.get("failed-stage")


def test_a_variable_that_the_pipeline_does_not_declare_is_not_given(step: Run, world: World) -> None:
    """Of ecs-cd's own ones; without a `commit` in the document, no commit either."""
    world.pipeline.declared = declaration(variables=["IMAGE_APP"])
    world.document({key: value for key, value in VARIABLES.items() if key != "commit"})
    assert step("hand-off").exit_code == 0
    assert given(world.requests[0]) == {"IMAGE_APP": IMAGE}


def test_an_object_starts_with_its_own_version(step: Run, world: World) -> None:
    """Its zip holds the commit, the images, and a file for each as an ECR source writes it."""
    world.document(OBJECT)
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log
    [(key, content)] = world.bucket.puts
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    assert key == "hand-off.zip"
    assert files == {
        "images.json": {"commit": SHA, "images": {"app": IMAGE}},
        "imageDetail-app.json": {"ImageURI": IMAGE},
    }
    assert world.requests[0]["sourceRevisions"] == [
        {"actionName": "Source", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": world.bucket.version(1)}
    ]
    assert set(given(world.requests[0])) <= {"ECS_CD_NONCE"}


def test_an_object_may_start_a_v1_pipeline(step: Run, world: World) -> None:
    """Without variables, which only V2 has."""
    world.pipeline.declared = declaration(pipelineType="V1")
    world.document(OBJECT)
    assert step("hand-off").exit_code == 0
    assert "variables" not in world.requests[0]


def test_a_digest_overrides_the_tag_of_the_ecr_source(step: Run, world: World) -> None:
    """What was built is what is deployed, wherever `latest` is by then."""
    world.pipeline.declared = declaration(*ECR_STAGES)
    world.document(DIGEST)
    world.goes(FROM_ECR)
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log
    assert world.requests[0]["sourceRevisions"] == [
        {"actionName": "Image", "revisionType": "IMAGE_DIGEST", "revisionValue": ecs.DIGEST}
    ]


@pytest.mark.parametrize("document", [DIGEST, OBJECT], ids=["digest", "object"])
def test_an_execution_with_something_else_is_no_success(step: Run, world: World, document: Params) -> None:
    """Its source took another revision than the one that it was given; the log names both."""
    if document is DIGEST:
        world.pipeline.declared = declaration(*ECR_STAGES)
        world.goes(FROM_ECR)
    world.document(document)
    other = "sha256:" + "b" * 64

    def start(params: Params) -> Answer:
        begun = world.pipeline.start(params)
        for each in world.pipeline.started:
            each.revisions = dict.fromkeys(each.revisions, other)
        return begun

    world.aws.on(START, start)
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log
    assert other in ended.log


# ---- event: somebody else starts it ----


def pushed(seconds: float, digest: str = ecs.DIGEST, name: str = "event") -> Execution:
    """An execution that EventBridge starts."""
    trigger = ("CloudWatchEvent", "arn:aws:events:ap-northeast-1:123456789012:rule/push")
    return Execution(execution_id(name), seconds, FROM_ECR, revisions={"Image": digest}, trigger=trigger)


@pytest.fixture
def by_event(world: World) -> Pipeline:
    world.pipeline.declared = declaration(*ECR_STAGES)
    world.document(EVENT)
    return world.pipeline


def test_an_event_starts_it_and_hand_off_finds_it(step: Run, world: World, by_event: Pipeline) -> None:
    """By the digest of its source revision; others that run are not ours."""
    by_event.others = [pushed(15, "sha256:" + "b" * 64, "other"), pushed(20)]
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["execution-id"]) == (0, execution_id("event")), ended.log
    assert world.mutations() == []


def test_an_execution_in_progress_is_followed_although_a_newer_one_waits(
    step: Run, world: World, by_event: Pipeline
) -> None:
    """It runs with this commit's image, and the other one comes after it."""
    by_event.others = [pushed(11), pushed(14, "sha256:" + "b" * 64, "other")]
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["execution-id"]) == (0, execution_id("event")), ended.log


def test_a_push_that_another_one_has_replaced_is_superseded(step: Run, world: World, by_event: Pipeline) -> None:
    """It has run, and then the newer one: what runs now is not this commit."""
    by_event.others = [pushed(-900), pushed(-300, "sha256:" + "b" * 64, "other")]
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (5, "superseded"), ended.log
    assert execution_id("other") in ended.log


def test_an_execution_that_no_event_starts_is_red(step: Run, world: World, by_event: Pipeline) -> None:
    """The words name the tag whose push was to start it."""
    ended = step("hand-off", timeout="10m")
    assert ended.exit_code not in (0, 70), ended.log
    assert "latest" in ended.log
    assert "EventBridge" in ended.log
    assert world.mutations() == []


def test_no_event_is_waited_for_longer_than_the_timeout(step: Run, world: World, by_event: Pipeline) -> None:
    """Even if an execution may still come."""
    ended = step("hand-off", timeout="1m")
    assert ended.exit_code == 2, ended.log
    assert "within 1 min" in ended.log
    assert world.clock.monotonic() - world.aws.start < 70


def test_an_execution_that_an_event_started_is_never_stopped(step: Run, world: World, by_event: Pipeline) -> None:
    """Not even by on-cancel: it could be that of another push of the same image."""
    by_event.others = [pushed(0)]
    cancels(world, "codepipeline.GetPipelineExecution", 4)
    ended = step("hand-off", on_cancel="stop")
    assert ended.exit_code == 130, ended.log
    assert world.mutations() == []
    assert f"execution {execution_id('event')} of my-app-deploy continues" in ended.log


# ---- once ----


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_a_start_that_is_not_carried_out_is_repeated(step: Run, world: World, fault: Answer) -> None:
    """With the same token."""
    world.aws.on(START, fault, world.pipeline.start)
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log
    assert len({request["clientRequestToken"] for request in world.requests}) == 1
    assert len(world.pipeline.started) == 1


def test_a_lost_response_starts_nothing_twice(step: Run, world: World) -> None:
    """The same call with the same token gives the same execution."""
    world.aws.on(START, lost(world.pipeline.start), lost(world.pipeline.start), world.pipeline.start)
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["execution-id"]) == (0, execution_id(1)), ended.log
    assert len(world.requests) == 3
    assert len(world.pipeline.started) == 1


@pytest.mark.parametrize(
    "fault", [lost({"pipelineExecutionId": execution_id(1)}), reset(), server_error()], ids=["lost", "reset", "503"]
)
def test_a_start_without_any_answer_is_unknown(step: Run, world: World, fault: Answer) -> None:
    """It may run: never green, never "nothing was started", and not a second one."""
    world.aws.on(START, fault)
    ended = step("hand-off", timeout="5m")
    assert (ended.exit_code, ended.outputs["result"]) == (8, "unknown"), ended.log
    assert len({request["clientRequestToken"] for request in world.requests}) == 1


@pytest.mark.parametrize("code", ["ConcurrentPipelineExecutionsLimitExceededException", "ThrottlingException"])
def test_a_full_queue_is_waited_for(step: Run, world: World, code: str) -> None:
    """Until the timeout, which counts from the beginning; the log says once why it waits."""
    world.aws.on(START, at(0, error(code)), at(300, world.pipeline.start))
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log
    assert code in ended.log
    assert ended.log.count("can't be started now") == 1
    assert len(world.requests) <= 24 * 5
    assert len(world.pipeline.started) == 1


@pytest.mark.parametrize("code", ["ConcurrentPipelineExecutionsLimitExceededException", "ConflictException"])
def test_a_queue_that_stays_full_is_said(step: Run, world: World, code: str) -> None:
    """Nothing was started, so it is no unknown outcome."""
    world.aws.on(START, error(code))
    ended = step("hand-off", timeout="10m")
    assert ended.exit_code in (2, 7), ended.log
    assert code in ended.log
    assert world.clock.monotonic() <= 610


def test_a_lost_start_of_a_full_queue_is_found_out(step: Run, world: World) -> None:
    """The same token is sent until CodePipeline answers with the execution; a refusal alone proves nothing then."""
    begun = lost(world.pipeline.start)
    world.aws.on(START, begun, *[error("ConflictException")] * 4, world.pipeline.start)
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["execution-id"]) == (0, execution_id(1)), ended.log
    assert len(world.pipeline.started) == 1


def test_a_lost_start_and_then_refusals_are_unknown(step: Run, world: World) -> None:
    """Never "nothing was started"."""
    world.aws.on(START, lost(world.pipeline.start), error("ConflictException"))
    ended = step("hand-off", timeout="5m")
    assert (ended.exit_code, ended.outputs["result"]) == (8, "unknown"), ended.log


@pytest.mark.usefixtures("on_github")
def test_the_same_attempt_starts_once(step: Run, world: World) -> None:
    """A second hand-off of the same attempt gets the same execution, which has ended by then."""
    first, second = step("hand-off"), step("hand-off")
    assert (first.exit_code, second.exit_code) == (0, 0), second.log
    assert len(world.pipeline.started) == 1


def test_a_new_attempt_starts_anew(step: Run, world: World, on_github: Callable[[int], None]) -> None:
    """And names the execution of the same images that is still in progress."""
    assert step("hand-off", wait_until="started").exit_code == 0
    on_github(2)
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log
    assert len(world.pipeline.started) == 2
    assert execution_id(1) in ended.log


@pytest.mark.usefixtures("on_github")
def test_another_commit_is_another_start(step: Run, world: World) -> None:
    """In the same attempt too: what differs is in the token."""
    step("hand-off", wait_until="started")
    step("hand-off", wait_until="started", sha="d" * 40)
    assert len(world.pipeline.started) == 2


# ---- how far ----


@pytest.mark.parametrize("start", [VARIABLES, OBJECT], ids=["variables", "object"])
def test_a_dry_run_changes_nothing(step: Run, world: World, start: Params) -> None:
    """It makes all checks, and says what it would start with."""
    world.document(start)
    ended = step("hand-off", dry_run="true")
    assert ended.exit_code == 0, ended.log
    assert world.mutations() == []
    assert ecs.DIGEST in ended.log
    assert NAME in ended.log


def test_started_is_enough_if_it_is_asked_for(step: Run, world: World) -> None:
    """Green, with the execution's id and link."""
    ended = step("hand-off", wait_until="started")
    assert (ended.exit_code, ended.outputs["result"]) == (0, "in-progress"), ended.log
    assert (ended.outputs["execution-id"], ended.outputs["status"]) == (execution_id(1), "InProgress")
    assert world.clock.monotonic() <= 5


@pytest.mark.parametrize(("key", "given"), [("Migrate", ""), ("", "Migrate"), ("Deploy", "Migrate")])
def test_a_stage_is_enough_if_it_is_asked_for(step: Run, world: World, key: str, given: str) -> None:
    """By the document's wait-until, or the input's, which comes first; what follows may wait for ever."""
    world.document({**VARIABLES, **({"wait-until": key} if key else {})})
    world.goes((*course.SUCCEEDS[:4],))
    ended = step("hand-off", **({"wait_until": given} if given else {}))
    assert (ended.exit_code, ended.outputs["result"]) == (0, "in-progress"), ended.log
    assert world.clock.monotonic() <= 46


def test_the_end_is_the_end_whatever_the_document_says(step: Run, world: World) -> None:
    """The input comes first."""
    world.document({**VARIABLES, "wait-until": "Migrate"})
    ended = step("hand-off", wait_until="end")
    assert (ended.exit_code, ended.outputs["result"]) == (0, "succeeded"), ended.log


def test_a_failure_before_the_stage_is_red(step: Run, world: World) -> None:
    """However near the asked stage is."""
    world.goes((*runs(1, "Source/Source", 4), *course.fails(20)[2:], ends(21, "Failed")))
    ended = step("hand-off", wait_until="Deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log
