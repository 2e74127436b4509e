"""infra/terraform/pipeline: what it refuses, before anything is made, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dev.terraform.terraform import Terraform, TerraformError
from tests.infra import pipelines
from tests.infra.pipelines import DOCUMENT, MODULE, TWO, VPC, Values


def _document(**keys: Any) -> Values:
    return {"document": DOCUMENT | keys}


def _without(key: str) -> Values:
    return {"document": {name: value for name, value in DOCUMENT.items() if name != key}}


IMAGES = {"app": {"repository": f"{pipelines.REGISTRY}/my-app"}}
CONNECTED: Values = {"connection": pipelines.CONNECTION, "github": None}
CODEDEPLOY = {"web": DOCUMENT["services"]["web"] | {"codedeploy": {}}}

# What is given, and a part of the message.
REFUSED: dict[str, tuple[Values, str]] = {
    "a name that a bucket can't have": ({"name": "My_App"}, "name: 2 to 30 lower case letters, digits and dashes"),
    "a document that is a list": ({"document": "[]"}, "document: must be an object, or YAML or JSON text, with the key `cluster`"),
    "a document with pipeline": (_document(pipeline={"name": "x"}), "document: leave `pipeline` out; the module writes it"),
    "no services": (_without("services"), "document: `services` is missing"),
    "no migration": (_without("migration"), 'document: `migration` is missing; migrate_with = "ecs-cd" runs it'),
    "several services with codedeploy": (
        {"document": pipelines.two_services(), "deploy_with": "codedeploy"},
        'document: deploy_with = "codedeploy" deploys one service; for several, deploy_with is "ecs-cd"',
    ),
    "several services with ecs": ({"document": pipelines.two_services(), "deploy_with": "ecs"}, 'deploy_with = "ecs" deploys one service'),
    "CodeDeploy's service with the ECS action": (_document(services=CODEDEPLOY) | {"deploy_with": "ecs"}, "document: CodeDeploy deploys the service"),
    "images twice": (_document(images=IMAGES), "images: the document has `images` too; keep one of them"),
    "no images": ({"images": {}}, "images: is missing, and the document has none"),
    "an image's name with a space": ({"images": {"my app": "my-app"}}, "images: a name has letters, digits, dots, dashes and underscores"),
    "two images with one variable": ({"images": {"my-app": "a", "my.app": "b"}}, "images: two names differ only in case, dots, dashes or underscores"),
    "a repository with a tag": ({"images": {"app": "my-app:latest"}}, "images: a repository is a name or a URI, without a tag or digest"),
    "a repository with a digest": ({"images": {"app": "my-app@sha256:0"}}, "images: a repository is a name or a URI, without a tag or digest"),
    "a public repository": ({"images": {"app": "public.ecr.aws/my-org/my-app"}}, "images: a repository is in ECR's private registry"),
    "an event of several images": (
        {"start": "event", "images": TWO, "document": pipelines.two_images()},
        'images: start = "event" takes one image, because every push would start an execution; for several, start is "variables"',
    ),
    "an ECR source in another account": (
        {"start": "digest", "images": {"app": "210987654321.dkr.ecr.us-east-1.amazonaws.com/my-app"}},
        "images: an ECR source reads repositories of the pipeline's account and region",
    ),
    "an ECR source in another region": (
        {"start": "event", "images": {"app": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/my-app"}},
        "images: an ECR source reads repositories of the pipeline's account and region",
    ),
    "templates in S3 without families": ({"families": []}, "families: is missing; the templates s3://my-bucket/task_definition_migration.json"),
    "no role to pass": ({"pass_roles": []}, "pass_roles: name each role by its ARN"),
    "every role": ({"pass_roles": ["arn:aws:iam::123456789012:role/*"]}, "pass_roles: name each role by its ARN, without wildcards"),
    "an unknown start": ({"start": "push"}, "start: must be variables, object, digest or event"),
    "a start with a connection": (CONNECTED | {"start": "variables"}, "start: leave it out with `connection`; a push to the branch starts an execution"),
    "hand-off's stage with a connection": (CONNECTED | {"wait_until": "Deploy"}, "wait_until: is for hand-off; with `connection` no job hands over images"),
    "hand-off's role with a connection": (CONNECTED | {"github": pipelines.GITHUB}, "github: is for hand-off; with `connection` no job hands over images"),
    "a connection by name": ({"connection": pipelines.CONNECTION | {"arn": "my-connection"}}, "connection: arn must be the ARN of a connection"),
    "a repository by its address": (
        {"connection": pipelines.CONNECTION | {"repository": "https://github.com/my-org/my-app"}},
        "connection: repository must be such as my-org/my-app",
    ),
    "branches of a connection": ({"connection": pipelines.CONNECTION | {"branch": "release/*"}}, "connection: name the branch in full, without wildcards"),
    "builds without a connection": ({"build": {}}, "build: is only for `connection`; otherwise GitHub Actions builds the images"),
    "a build's variable twice": (
        CONNECTED | {"build": {"environment": {"A": "1"}, "secrets_manager": {"A": "a"}}},
        "build: a variable is in only one of environment, parameter_store and secrets_manager",
    ),
    "a build's secret that is no variable": (
        CONNECTED | {"build": {"secrets_manager": {"A-B": "a"}}},
        "build: environment, parameter_store and secrets_manager name environment variables",
    ),
    "six images with a connection": (
        CONNECTED | {"images": {f"image{number}": f"my-{number}" for number in range(6)}},
        "images: there are more than 5, but a CodeBuild action reads the images from at most 5 artifacts",
    ),
    "a tag with a slash": ({"tag": "a/b"}, "tag: must be a tag of an image"),
    "an unknown stage": ({"wait_until": "Test"}, "wait_until: must name a stage of this pipeline: Source, Migrate, Deploy"),
    "an unknown migrate_with": ({"migrate_with": "rails"}, "migrate_with: must be ecs-cd, docker or none"),
    "docker without a VPC": ({"migrate_with": "docker"}, 'docker_migration: is missing; migrate_with = "docker" needs the VPC'),
    "a VPC without docker": ({"docker_migration": VPC}, 'docker_migration: is only for migrate_with = "docker"'),
    "docker without subnets": ({"migrate_with": "docker", "docker_migration": VPC | {"subnet_ids": []}}, "docker_migration: name at least one subnet"),
    "docker of an unknown image": ({"migrate_with": "docker", "docker_migration": VPC | {"image": "web"}}, "docker_migration: image must name one of the images: app"),
    "docker of one of several images": (
        {"migrate_with": "docker", "docker_migration": VPC, "images": TWO, "document": pipelines.two_images()},
        "docker_migration: image must name one of the images: app, nginx",
    ),
    "a command with a line break": ({"migrate_with": "docker", "docker_migration": VPC | {"command": ["a\nb"]}}, "docker_migration: a word of the command can't hold a line break"),
    "a secret that is no variable": (
        {"migrate_with": "docker", "docker_migration": VPC | {"parameter_store": {"A B": "/a"}}},
        "docker_migration: environment, parameter_store and secrets_manager name environment variables",
    ),
    "a variable twice": (
        {"migrate_with": "docker", "docker_migration": VPC | {"parameter_store": {"A": "/a"}, "environment": {"A": "1"}}},
        "docker_migration: a variable is in only one of environment, parameter_store and secrets_manager",
    ),
    "an unknown deploy_with": ({"deploy_with": "cloudformation"}, "deploy_with: must be ecs-cd, codedeploy or ecs"),
    "an approval of nothing": ({"approval": {"before": "build"}}, "approval: before must be migration or deployment"),
    "an approval before no migration": (
        {"migrate_with": "none", "approval": {"before": "migration"}},
        'approval: there is no migration with migrate_with = "none"',
    ),
    "executions in parallel": ({"execution_mode": "PARALLEL"}, "execution_mode: must be QUEUED or SUPERSEDED; in PARALLEL"),
    "a release that is no file": ({"release": "https://example.com/ecs-cd.tar.gz"}, "release: must be a file that exists, or s3://bucket/key"),
    "a release in S3 without its hash": ({"release_sha256": None}, "release_sha256: is missing; a release in S3 needs it"),
    "a hash that is none": ({"release_sha256": "abc"}, "release_sha256: must be 64 hexadecimal digits"),
    "every branch": ({"github": pipelines.GITHUB | {"branches": ["*"]}}, "github: name the branches or environments in full, without wildcards"),
    "neither branch nor environment": ({"github": pipelines.GITHUB | {"branches": []}}, "github: name the branches or environments in full"),
    "every repository": ({"github": pipelines.GITHUB | {"repositories": ["my-org/*"]}}, "github: repositories are such as my-org/my-app"),
    "an alias of a key": ({"kms_key": "alias/my-key"}, "kms_key: must be the ARN of a key, not of an alias"),
    "a short timeout": ({"build_timeout": 1}, "build_timeout: must be between 5 and 2160 minutes"),
    "artifacts that expire during an approval": ({"artifact_days": 7}, "artifact_days: must be 8 or more, because an approval may take 7 days"),
    "a parameter without a slash": ({"parameter_name": "my-app"}, "parameter_name: must begin with a slash"),
}  # fmt: skip


def _refusal(terraform: Terraform, values: Values) -> str:
    """What Terraform says, on one line without its frame."""
    with pytest.raises(TerraformError) as error:
        terraform.plan(MODULE, pipelines.INPUTS | values)
    return " ".join(str(error.value).replace("\u2502", " ").split())


@pytest.mark.parametrize(("values", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_combination_is_refused(terraform: Terraform, values: Values, message: str) -> None:
    """The plan names the input and what would be right."""
    assert message in _refusal(terraform, values)


def test_a_file_with_another_hash_is_refused(terraform: Terraform, tmp_path: Path) -> None:
    """A release that isn't the one that was meant is not uploaded."""
    archive = tmp_path / "ecs-cd.tar.gz"
    archive.write_bytes(b"a release")
    assert f"release_sha256: the file {archive} has another one" in _refusal(terraform, {"release": str(archive)})


def test_all_problems_are_in_one_message(terraform: Terraform) -> None:
    """Who corrects one input learns of the others at once."""
    said = _refusal(terraform, {"images": {}, "families": [], "wait_until": "Test", "migrate_with": "docker"})
    assert [word for word in ("images:", "families:", "wait_until:", "docker_migration:") if word not in said] == []
