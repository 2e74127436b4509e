"""Bad input: each a clear error, and nothing started."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scripted_aws import Params, ScriptedAws, course, denied, ecs, error
from tests.scripted_aws.codepipeline import DEPLOY, ECR_SOURCE, MIGRATE, S3_SOURCE, action, declaration, stage
from tests.scripted_aws.course import Execution, execution_id
from tests.timelines.conftest import REPOSITORY, SHA, Step
from tests.timelines.hand_off.conftest import DIGEST, OBJECT, START, VARIABLES, Run, World


def refused(ended: Step, world: World, *words: str) -> None:
    """Exit code 2, with these words, and nothing was changed."""
    assert ended.exit_code == 2, ended.log
    missing = [word for word in words if word not in ended.log]
    assert not missing, (missing, ended.log)
    assert world.mutations() == []


def polls(value: str | None) -> Params:
    """The S3 source with that PollForSourceChanges."""
    configuration = {"S3Bucket": "bucket", "S3ObjectKey": "hand-off.zip"}
    return {**S3_SOURCE, "configuration": {**configuration, **({"PollForSourceChanges": value} if value else {})}}


# ---- the declaration and the document ----


def test_a_document_without_a_pipeline_is_refused(step: Run, world: World) -> None:
    """The words name the key."""
    world.document(None)
    refused(step("hand-off"), world, "pipeline")


def test_a_pipeline_that_does_not_exist_is_refused(step: Run, world: World) -> None:
    """With its name, and the region in which it was looked for: it may be the wrong one."""
    world.document({**VARIABLES, "name": "my-ap-deploy"})
    refused(step("hand-off"), world, "my-ap-deploy", "ap-northeast-1")


@pytest.mark.parametrize(("token", "words"), [("", "no token"), ("ghs_not-to-be-seen", "does not have the digest")])
def test_an_image_that_can_not_be_verified_is_not_handed_over(step: Run, world: World, token: str, words: str) -> None:
    """The document's `require-attestation` holds before the pipeline starts, too."""
    world.document(VARIABLES, **{"require-attestation": {"repository": "org/my-app"}})
    refused(step("hand-off", github_token=token), world, "require-attestation", words)


BAD: list[tuple[str, Params, Params, tuple[str, ...]]] = [
    ("V1", VARIABLES, declaration(pipelineType="V1"), ("V1", "V2")),
    ("no variables", VARIABLES, declaration(), ("IMAGE_APP", "COMMIT")),
    ("another variable", VARIABLES, declaration(variables=["IMAGE_NGINX", "COMMIT"]), ("IMAGE_APP", "IMAGE_NGINX")),
    ("no commit", VARIABLES, declaration(variables=["IMAGE_APP"]), ("COMMIT",)),
    ("no source", {**OBJECT, "source": "Sauce"}, declaration(), ("Sauce", "Source")),
    ("an action that is no source", {**OBJECT, "source": "Migrate"}, declaration(), ("Migrate",)),
    ("an ECR source", OBJECT, declaration(stage("Source", {**ECR_SOURCE, "name": "Source"}), MIGRATE), ("S3", "ECR")),
    ("no ECR source", DIGEST, declaration(), ("Image", "Source")),
    ("an S3 source", {**DIGEST, "images": {"Source": "app"}}, declaration(), ("ECR", "S3")),
    ("polling", OBJECT, declaration(stage("Source", polls("true")), MIGRATE), ("PollForSourceChanges",)),
    ("polling by default", OBJECT, declaration(stage("Source", polls(None)), MIGRATE), ("PollForSourceChanges",)),
    ("another key", {**OBJECT, "object": "s3://bucket/other.zip"}, declaration(), ("hand-off.zip", "other.zip")),
    ("no stage", {**VARIABLES, "wait-until": "Deplyo"}, declaration(variables=["IMAGE_APP", "COMMIT"]), ("Deplyo",)),
]


@pytest.mark.parametrize(("document", "declared", "words"), [each[1:] for each in BAD], ids=[each[0] for each in BAD])
def test_a_declaration_that_does_not_fit_is_refused(
    step: Run, world: World, document: Params, declared: Params, words: tuple[str, ...]
) -> None:
    """With the names of both sides, before anything starts."""
    world.document(document)
    world.pipeline.declared = declared
    refused(step("hand-off"), world, *words)


def test_all_problems_are_told_at_once(step: Run, world: World) -> None:
    """Of the declaration and of the images."""
    world.document({**VARIABLES, "wait-until": "Deplyo"})
    world.pipeline.declared = declaration(variables=["COMMIT"])
    refused(step("hand-off"), world, "IMAGE_APP", "Deplyo")


def test_a_stage_that_was_mistyped_is_refused(step: Run, world: World) -> None:
    """The input's as well as the document's; the words have the pipeline's stages."""
    refused(step("hand-off", wait_until="Deplyo"), world, "Deplyo", "Migrate", "Deploy")


@pytest.mark.parametrize("versioning", ["", "Suspended"])
def test_a_bucket_without_versions_starts_nothing(step: Run, world: World, versioning: str) -> None:
    """Without a version's id, the execution could take another run's object."""
    world.document(OBJECT)
    world.bucket.versioning = versioning
    ended = step("hand-off")
    assert ended.exit_code == 2, ended.log
    assert "version" in ended.log
    assert "bucket" in ended.log
    assert world.requests == []


def test_a_bucket_that_does_not_exist_starts_nothing(step: Run, world: World) -> None:
    """Its name is said."""
    source = {**S3_SOURCE, "configuration": {**S3_SOURCE["configuration"], "S3Bucket": "gone"}}
    world.pipeline.declared = declaration(stage("Source", source), MIGRATE, DEPLOY)
    world.document({**OBJECT, "object": "s3://gone/hand-off.zip"})
    ended = step("hand-off")
    assert ended.exit_code == 2, ended.log
    assert "gone" in ended.log
    assert world.requests == []


@pytest.mark.parametrize(
    "inputs",
    [{"superseded": "ignore"}, {"on_cancel": "abandon"}, {"timeout": "soon"}, {"sha": "main"}, {"wait-until": "a b"}],
    ids=lambda each: next(iter(each)),
)
def test_an_input_that_means_nothing_is_refused(step: Run, world: World, inputs: dict[str, str]) -> None:
    """Its name is said."""
    refused(step("hand-off", **inputs), world, next(iter(inputs)).replace("_", "-"))


# ---- the images ----


TWO: Params = {
    "images": {name: {"repository": REPOSITORY.replace("my-app", f"my-{name}")} for name in ("app", "nginx", "worker")}
}
ABSENT = {"images": [], "failures": [{"imageId": {"imageTag": SHA}, "failureCode": "ImageNotFound"}]}


def pushed(aws: ScriptedAws, *repositories: str) -> None:
    """Only these repositories have the commit's image."""

    def answer(params: Params) -> Any:
        if params["repositoryName"] not in repositories:
            return ABSENT
        return {"images": [{"imageId": {"imageDigest": ecs.DIGEST, **params["imageIds"][0]}, "imageManifest": "{}"}]}

    aws.on("ecr.BatchGetImage", answer)


def test_images_that_are_missing_are_named_and_nothing_starts(step: Run, world: World) -> None:
    """All of them, and not the one that is there: a part pushed is no hand-off."""
    variables = {"IMAGE_APP": "app", "IMAGE_NGINX": "nginx", "IMAGE_WORKER": "worker"}
    world.pipeline.declared = declaration(variables=[*variables, "COMMIT"])
    world.document({**VARIABLES, "variables": variables}, **TWO)
    pushed(world.aws, "my-app")
    refused(step("hand-off"), world, "my-nginx", "my-worker", SHA[:7])


def test_a_repository_that_does_not_exist_starts_nothing(step: Run, world: World) -> None:
    """As in migrate and deploy."""
    world.aws.on("ecr.BatchGetImage", error("RepositoryNotFoundException"))
    refused(step("hand-off"), world, "my-app")


# ---- permissions ----


CALLS = [
    ("ssm.GetParameter", VARIABLES),
    ("ecr.BatchGetImage", VARIABLES),
    ("codepipeline.GetPipeline", VARIABLES),
    ("codepipeline.GetPipelineState", VARIABLES),
    ("codepipeline.GetPipelineExecution", VARIABLES),
    ("codepipeline.ListPipelineExecutions", VARIABLES),
    ("codepipeline.ListActionExecutions", VARIABLES),
    (START, VARIABLES),
    ("s3.PutObject", OBJECT),
    (START, OBJECT),
]


@pytest.mark.parametrize(
    ("operation", "document"), CALLS, ids=[f"{name}-{document.get('start')}" for name, document in CALLS]
)
def test_a_call_that_is_not_allowed_is_found_before_anything_starts(
    step: Run, world: World, operation: str, document: Params
) -> None:
    """The words name the call that the role needs. A start that could not be followed is no start."""
    world.document(document)
    world.aws.on(operation, denied(operation))
    ended = step("hand-off")
    assert ended.exit_code == 2, ended.log
    assert operation.partition(".")[2] in ended.log
    assert world.pipeline.started == []


@pytest.mark.parametrize("operation", ["codebuild.BatchGetBuilds", "logs.GetLogEvents"])
@pytest.mark.parametrize("goes", [course.SUCCEEDS, course.fails()], ids=["succeeds", "fails"])
def test_evidence_that_may_not_be_read_is_no_verdict(
    step: Run, world: World, operation: str, goes: course.Course
) -> None:
    """A success stays one, and a failure keeps CodePipeline's own words."""
    world.aws.on(operation, denied(operation))
    world.goes(goes)
    ended = step("hand-off")
    assert ended.exit_code == (0 if goes is course.SUCCEEDS else 1), ended.log
    assert ("Build terminated with state: FAILED" in ended.log) is (goes is not course.SUCCEEDS)


# ---- what the pipeline is doing ----


def test_a_disabled_transition_is_told_before_the_start(step: Run, world: World) -> None:
    """The stage, who disabled it, and why; whoever only wants the stage before it may start."""
    world.pipeline.disabled["Deploy"] = ("alice", "release freeze")
    ended = step("hand-off", timeout="5m")
    assert ended.exit_code != 0
    for word in ("Deploy", "alice", "release freeze"):
        assert word in ended.log
    assert step("hand-off", wait_until="Migrate").exit_code == 0


def test_an_execution_with_the_same_images_is_named(step: Run, world: World) -> None:
    """Somebody else has handed them over already; ours starts all the same, and waits its turn."""
    variables = {"IMAGE_APP": f"{REPOSITORY}@{ecs.DIGEST}", "COMMIT": SHA}
    theirs = Execution(execution_id("theirs"), -10, course.SUCCEEDS, variables=variables)
    world.pipeline.others = [theirs]
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log
    assert theirs.id in ended.log
    assert len(world.requests) == 1


def test_an_approval_action_is_no_source(step: Run, world: World) -> None:
    """A name alone does not make it one."""
    source = stage("Source", S3_SOURCE, action("Image", "Manual"))
    world.pipeline.declared = declaration(source, MIGRATE, DEPLOY)
    world.document(DIGEST)
    refused(step("hand-off"), world, "Image")
