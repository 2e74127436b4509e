"""A pipeline's declaration against the document."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ecs_cd.document.rules.pipeline import Pipeline, Start
from ecs_cd.handoff.rules import declaration as rules
from ecs_cd.model.references import S3Object, repository
from tests.scripted_aws.codepipeline import DEPLOY, ECR_SOURCE, MIGRATE, S3_SOURCE, declaration, stage

HOST = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
REPOSITORIES = {"app": repository(f"{HOST}/my-app")}
VARIABLES = Pipeline("my-app-deploy", variables={"IMAGE_APP": "app"}, commit="COMMIT")
OBJECT = Pipeline("my-app-deploy", Start.OBJECT, object=S3Object("bucket", "hand-off.zip"), source="Source")
DIGEST = Pipeline("my-app-deploy", Start.DIGEST, images={"Image": "app"})
EVENT = replace(DIGEST, start=Start.EVENT)
WITH_VARIABLES = declaration(variables=["IMAGE_APP", "COMMIT"])


def source(action: dict[str, Any], **configuration: str) -> dict[str, Any]:
    """The declaration with this source action."""
    return declaration(
        stage("Source", {**action, "configuration": {**action["configuration"], **configuration}}), MIGRATE, DEPLOY
    )


FITS = [
    (WITH_VARIABLES, VARIABLES),
    (declaration(variables=["IMAGE_APP", "COMMIT", "ECS_CD_NONCE"]), VARIABLES),
    (declaration(pipelineType="V1"), OBJECT),
    (source(ECR_SOURCE), DIGEST),
    (source(ECR_SOURCE, ImageTag="latest"), EVENT),
    (source(ECR_SOURCE, ImageTag="v1"), DIGEST),
]


@pytest.mark.parametrize(("declared", "pipeline"), FITS)
def test_what_fits_has_no_problems(declared: dict[str, Any], pipeline: Pipeline) -> None:
    """Each start."""
    assert rules.problems(declared, pipeline, REPOSITORIES, "Deploy") == []


BAD = [
    (declaration(pipelineType="V1"), VARIABLES, ["type V1"]),
    (declaration(variables=["IMAGE_APP"]), VARIABLES, ["pipeline.commit: the pipeline my-app-deploy has no variable"]),
    (declaration(variables=["COMMIT", "IMAGE_AP"]), VARIABLES, ["`IMAGE_APP`", "did you mean `IMAGE_AP`"]),
    (declaration(), VARIABLES, ["`IMAGE_APP`", "`COMMIT`", "it has none"]),
    ({**WITH_VARIABLES, "variables": [*WITH_VARIABLES["variables"], {"name": "WHO"}]}, VARIABLES, ["`WHO` has no"]),
    (declaration(), replace(OBJECT, source="Sauce"), ["no source action `Sauce`", "it has Source"]),
    (source({**ECR_SOURCE, "name": "Source"}), OBJECT, ["reads from ECR, not from S3"]),
    (source(S3_SOURCE, S3Bucket="other"), OBJECT, ["s3://other/hand-off.zip, not s3://bucket/hand-off.zip"]),
    (source(S3_SOURCE, PollForSourceChanges="true"), OBJECT, ["PollForSourceChanges"]),
    (declaration(), DIGEST, ["pipeline.images.Image", "no source action `Image`"]),
    (source(ECR_SOURCE, RepositoryName="other"), DIGEST, ["reads other, not my-app"]),
    (source(ECR_SOURCE, ImageTag="v1"), EVENT, ["waits for the tag v1, not for latest"]),
]


@pytest.mark.parametrize(("declared", "pipeline", "words"), BAD, ids=[words[0] for *_, words in BAD])
def test_what_does_not_fit_is_said(declared: dict[str, Any], pipeline: Pipeline, words: list[str]) -> None:
    """With the names of both sides."""
    found = " ".join(rules.problems(declared, pipeline, REPOSITORIES, ""))
    assert [word for word in words if word not in found] == []


def test_all_problems_are_found() -> None:
    """Of the variables, the sources, and the stage to wait for."""
    assert len(rules.problems(declaration(), VARIABLES, REPOSITORIES, "Deplyo")) == 3


def test_a_stage_has_its_actions_in_the_order_of_the_declaration() -> None:
    """And says what a failure of it does."""
    declared = declaration(stage("Source", S3_SOURCE), {**DEPLOY, "onFailure": {"result": "ROLLBACK"}})
    assert rules.places(declared) == [("Source", "Source"), ("Deploy", "Deploy")]
    assert rules.stage_actions(declared, "Deploy") == ["Deploy"]
    assert rules.stage_actions(declared, "Test") == []
    assert [rules.on_failure(declared, name) for name in ("Source", "Deploy", "Test")] == ["", "ROLLBACK", ""]


def test_a_condition_can_decide_what_follows_a_stage() -> None:
    """After its failure, and after its success; a condition without a result fails the stage."""
    conditions = {"conditions": [{"result": "ROLLBACK"}]}
    declared = {"stages": [{"name": "Deploy", "onFailure": conditions, "onSuccess": {"conditions": [{}]}}]}
    assert rules.on_failure(declared, "Deploy") == "ROLLBACK"
    assert rules.on_failed_condition(declared, "Deploy") == "FAIL"
    assert rules.on_failed_condition({"stages": [{"name": "Deploy"}]}, "Deploy") == ""
