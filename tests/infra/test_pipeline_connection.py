"""infra/terraform/pipeline: a pipeline that builds the images itself, from the app's repository."""

from __future__ import annotations

import json

import pytest

from dev.terraform.terraform import Shown
from ecs_cd.document.rules import document
from tests.infra import pipelines
from tests.infra.pipelines import CASES, CONNECTED, Applied

connected = pytest.mark.parametrize("case", CONNECTED)


def _document(shown: Shown) -> document.Document:
    return document.load(shown.one("aws_ssm_parameter")["insecure_value"], where="the parameter")


@connected
def test_a_push_to_the_branch_starts_an_execution_with_its_commit(applied: Applied, case: str) -> None:
    """A trigger with a filter takes the pushed commit; without one, an execution takes the branch's newest."""
    declared, given = pipelines.declaration(applied(case)), CASES[case]["connection"]
    branch = given.get("branch", "main")
    push = {"branches": {"includes": [branch]}}
    assert declared["triggers"] == [
        {
            "providerType": "CodeStarSourceConnection",
            "gitConfiguration": {"sourceActionName": "Source", "push": [push]},
        }
    ]
    (source,) = declared["stages"][0]["actions"]
    assert source["configuration"] == {
        "ConnectionArn": given["arn"],
        "FullRepositoryId": given["repository"],
        "BranchName": branch,
        "OutputArtifactFormat": "CODEBUILD_CLONE_REF",
        "DetectChanges": "false",
    }


@connected
def test_only_builds_of_images_get_the_repository(applied: Applied, case: str) -> None:
    """Each image has an action, and all run at once; what comes after them gets their images by digest, nothing else."""
    shown = applied(case)
    declared, images = pipelines.declaration(shown), _document(shown).images
    build = declared["stages"][1]
    assert [each["name"] for each in build["actions"]] == [f"Build_{name}" for name in images]
    assert {each["runOrder"] for each in build["actions"]} == {1}
    for action, name in zip(build["actions"], images, strict=True):
        assert action["inputArtifacts"] == [{"name": "source"}]
        assert action["outputArtifacts"] == [{"name": f"Image_{name}"}]
        assert pipelines.build_variables(action)["ECS_CD_IMAGE"] == name
    for stage in declared["stages"][2:]:
        inputs = {each["name"] for action in stage["actions"] for each in action.get("inputArtifacts", [])}
        assert "source" not in inputs


def test_an_execution_that_changes_its_state_starts_the_status(applied: Applied) -> None:
    """With its id; the rule has this pipeline's events only, and each state that an app engineer waits for."""
    shown = applied("connection, two images")
    rule, target = shown.one("aws_cloudwatch_event_rule"), shown.one("aws_cloudwatch_event_target")
    assert json.loads(rule["event_pattern"]) == {
        "source": ["aws.codepipeline"],
        "detail-type": ["CodePipeline Pipeline Execution State Change"],
        "detail": {
            "pipeline": ["my-app-deploy"],
            "state": ["STARTED", "RESUMED", "SUCCEEDED", "FAILED", "STOPPED", "SUPERSEDED", "CANCELED"],
        },
    }
    (project,) = (each for each in shown.of("aws_codebuild_project").values() if each["name"].endswith("-status"))
    assert (target["rule"], target["arn"]) == (rule["name"], project["arn"])
    (transformer,) = target["input_transformer"]
    assert transformer["input_paths"] == {"execution": "$.detail.execution-id"}
    sent = json.loads(transformer["input_template"].replace("<execution>", '"1"'))
    assert sent == {"environmentVariablesOverride": [{"name": "EXECUTION_ID", "value": "1", "type": "PLAINTEXT"}]}
    pipelines.held_to_the_model("codebuild", "StartBuild", sent | {"projectName": project["name"]})


def test_no_status_without_a_token(applied: Applied) -> None:
    """Neither a rule nor a project that could not tell GitHub anything."""
    shown = applied("connection")
    assert not shown.of("aws_cloudwatch_event_rule")
    names = {each["name"].rpartition("-")[2] for each in shown.of("aws_codebuild_project").values()}
    assert names == {"build", "migrate", "deploy"}


@connected
def test_with_a_connection_nothing_is_handed_over(applied: Applied, case: str) -> None:
    """The document has no `pipeline`, so a workflow would not hand images to it, nor a build wait for any."""
    assert _document(applied(case)).pipeline is None
