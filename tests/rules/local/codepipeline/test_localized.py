"""What differs in the local AWS."""

from __future__ import annotations

import json

import pytest

from ecs_cd.local.codepipeline import localized
from ecs_cd.local.codepipeline.rules.infra import DeploymentGroup, Infra, Parameter, Rule, Target
from tests.rules.local.codepipeline.declared import action, infra, pipeline, project, stage

HERE = ("localhost:4566", "123456789012", "us-east-1")
OURS = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
THEIRS = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
ARN = "arn:aws:codepipeline:eu-west-1:210987654321:my-app"
SERVICE = {
    "service": "arn:aws:ecs:us-east-1:123456789012:service/c/web",
    "task-definition": "s3://b/web.json",
    "containers": {"app": "app"},
    "codedeploy": {"application": "app-of-web"},
}
DOCUMENT = {"cluster": "c", "images": {"app": {"repository": f"{OURS}/my-app"}}, "services": {"web": SERVICE}}


def test_the_document_is_the_local_one() -> None:
    """The registry, names instead of ARNs, and no CodeDeploy; another parameter stays."""
    other = Parameter("/other", "x")
    given = infra(pipeline(), parameters=(Parameter("/ecs-cd", json.dumps(DOCUMENT)), other), deployment_groups=())
    local = localized.for_here(given, *HERE)
    document, rest = local.parameters
    assert json.loads(document.value) == {
        "cluster": "c",
        "images": {"app": {"repository": "localhost:4566/my-app"}},
        "services": {"web": {"service": "web", "task-definition": "s3://b/web.json", "containers": {"app": "app"}}},
    }
    assert rest == other
    assert local.deployment_groups == (DeploymentGroup("app-of-web", "DgpECS-c-web", "c", "web"),)


def test_images_of_the_account_are_in_the_local_registry() -> None:
    """Wherever a build gets them from; those of another account or region stay."""
    variables = [{"name": "A", "value": f"{OURS}/a:1"}, {"name": "B", "value": f"{THEIRS}/b"}]
    listed = json.dumps([{"name": "C", "value": f"{OURS}/c"}])
    build = action("Build", "CodeBuild", given={"EnvironmentVariables": listed})
    given = infra(
        pipeline(stage("Build", build)), projects={"build": project(environment={"environmentVariables": variables})}
    )
    local = localized.for_here(given, *HERE)
    values = [each["value"] for each in local.projects["build"]["environment"]["environmentVariables"]]
    assert values == ["localhost:4566/a:1", f"{THEIRS}/b"]
    settings = local.pipelines["my-app"]["stages"][0]["actions"][0]["configuration"]
    assert json.loads(settings["EnvironmentVariables"]) == [{"name": "C", "value": "localhost:4566/c"}]


def test_buckets_of_artifacts_and_sources_are_there() -> None:
    """With versions, unless the file declares them otherwise."""
    source = action("Source", "S3", given={"S3Bucket": "sources"})
    given = infra(pipeline(stage("Source", source), artifactStore={"location": "store"}), buckets={"store": False})
    assert localized.for_here(given, *HERE).buckets == {"store": False, "sources": True}


def test_foreign_targets_are_left_out() -> None:
    """A rule may also start what is no part of a pipeline."""
    rule = Rule("r", {}, (Target(ARN), Target("arn:aws:sns:eu-west-1:210987654321:my-app")))
    assert localized.for_here(infra(pipeline(), rules=(rule,)), *HERE).rules == (Rule("r", {}, (Target(ARN),)),)


def _with_image(**more: object) -> Infra:
    return infra(
        pipeline(), parameters=(Parameter("/ecs-cd", f"{THEIRS.replace('us-east-1', 'eu-west-3')}/a"),), **more
    )


@pytest.mark.parametrize(
    ("given", "where"),
    [
        (infra(pipeline(roleArn=""), projects={}), ("000000000000", "us-east-1")),
        (infra(pipeline()), ("123456789012", "us-east-1")),
        (_with_image(), ("123456789012", "eu-west-3")),
        (_with_image(rules=(Rule("r", {}, (Target(ARN),)),)), ("210987654321", "eu-west-1")),
    ],
)
def test_the_account_and_region_are_those_of_the_pipeline(given: Infra, where: tuple[str, str]) -> None:
    """Its own ARN says both; its role the account, and the images the region."""
    assert localized.account_and_region(given) == where
