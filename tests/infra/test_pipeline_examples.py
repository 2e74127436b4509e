"""The examples of pipelines under examples/infra: each does what its README says."""

from __future__ import annotations

import functools
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.terraform.terraform import Shown, Terraform, TerraformError
from ecs_cd.document.rules import document
from ecs_cd.handoff.rules import declaration
from tests.contract import parts
from tests.contract.parts import ROOT
from tests.infra import pipelines
from tests.infra.pipelines import Values

EXAMPLES = ROOT / "examples" / "infra"
RELEASE = {"release": "s3://releases/ecs-cd-1.2.0.tar.gz", "release_sha256": "ab" * 32}

# Start, images, and the providers of the actions after the sources.
EXPECTED: dict[str, tuple[str, list[str], list[str]]] = {
    "variables": ("variables", ["app", "nginx"], ["CodeBuild", "CodeBuild"]),
    "object": ("object", ["app", "nginx"], ["CodeBuild", "CodeBuild"]),
    "event": ("event", ["app"], ["CodeBuild", "CodeBuild", "CodeDeployToECS"]),
    "codedeploy": ("variables", ["app", "nginx"], ["CodeBuild", "CodeBuild", "CodeDeployToECS"]),
    "connection": ("connection", ["app", "nginx"], ["CodeBuild", "CodeBuild", "CodeBuild", "CodeBuild"]),
    "actions-then-pipeline": ("variables", ["app", "nginx"], ["CodeBuild"]),
}
each_example = pytest.mark.parametrize("name", EXPECTED)


def _folder(name: str) -> Path:
    return EXAMPLES / f"terraform-{name}"


@pytest.fixture(scope="module")
def example(terraform: Terraform) -> Callable[[str], Shown]:
    """The state of an example with its defaults; it is applied once."""
    return functools.cache(lambda name: terraform.apply(_folder(name), RELEASE))


def _document(shown: Shown) -> document.Document:
    return document.load(shown.one("aws_ssm_parameter")["insecure_value"], where="the parameter")


@each_example
def test_the_pipeline_is_that_of_the_readme(example: Callable[[str], Shown], name: str) -> None:
    """How it starts, with which images, and what its actions are; AWS accepts it, and hand-off too."""
    shown = example(name)
    start, images, providers = EXPECTED[name]
    declared, read = pipelines.declaration(shown), _document(shown)
    pipelines.held_to_the_model("codepipeline", "CreatePipeline", {"pipeline": declared})
    if read.pipeline:
        assert declaration.problems(declared, read.pipeline, read.images, "") == []
    assert (read.pipeline.start.value if read.pipeline else "connection", sorted(read.images)) == (start, images)
    after = [action for stage in declared["stages"][1:] for action in stage["actions"]]
    assert [pipelines.provider(action) for action in after] == providers


@each_example
def test_the_templates_are_those_of_the_document(example: Callable[[str], Shown], name: str) -> None:
    """Each template that the document names is an object of the example, and its containers are those of the document."""
    shown = example(name)
    written: dict[str, Values] = {
        f"s3://{each['bucket']}/{each['key']}": json.loads(each["content"])
        for each in shown.of("aws_s3_object").values()
        if each["content"]
    }
    content = json.loads(shown.one("aws_ssm_parameter")["insecure_value"])
    tasks = [*content["services"].values(), *([content["migration"]] if "migration" in content else [])]
    assert {task["task-definition"] for task in tasks} == set(written)
    for task in tasks:
        containers = {each["name"] for each in written[task["task-definition"]]["containerDefinitions"]}
        assert containers == set(task.get("containers", [task.get("container")]))


@each_example
def test_github_can_push_or_migrate_but_never_deploy(example: Callable[[str], Shown], name: str) -> None:
    """No role that a job assumes can update a service or start CodeDeploy."""
    shown = example(name)
    roles = [each for each in shown.of("aws_iam_role").values() if "token.actions" in each["assume_role_policy"]]
    for role in roles:
        (policy,) = (each for each in shown.of("aws_iam_role_policy").values() if each["role"] == role["id"])
        actions = {action for action, _ in pipelines.statements(policy["policy"])}
        assert not actions & {"ecs:UpdateService", "codedeploy:CreateDeployment"}
        assert ("iam:PassRole" in actions) == (name == "actions-then-pipeline" and not role["name"].endswith("-github"))


@each_example
def test_a_plan_shows_the_pipeline(terraform: Terraform, name: str) -> None:
    """Also before the templates' bucket exists: who reviews a plan sees stages and actions."""
    planned = terraform.plan(_folder(name), RELEASE).one("aws_codepipeline")
    assert [stage["name"] for stage in planned["stage"]][-1] == "Deploy"


def test_a_wrong_combination_is_refused_by_the_plan(terraform: Terraform) -> None:
    """Not by the apply, though the document has parts that are only known then."""
    images = {name: {"repository": name} for name in ("app", "nginx")}
    with pytest.raises(TerraformError) as error:
        terraform.plan(_folder("event"), RELEASE | {"images": images})
    assert 'start = "event" takes one image' in " ".join(str(error.value).split())


def test_a_connection_is_that_of_the_account_or_a_new_one(terraform: Terraform) -> None:
    """One image is pattern 4. A connection that exists is used as it is, and without a token there is no status."""
    arn = pipelines.CONNECTION["arn"]
    images = {"images": {"app": {"repository": "my-app", "port": 8000}}}
    shown = terraform.apply(_folder("connection"), RELEASE | images | {"connection_arn": arn, "status_token": None})
    assert not shown.of("aws_codeconnections_connection")
    source, build, *_ = pipelines.actions(pipelines.declaration(shown))
    assert source["configuration"]["ConnectionArn"] == arn
    assert build["name"] == "Build_app"
    assert not shown.of("aws_cloudwatch_event_rule")


def test_examples_differ_only_where_they_must() -> None:
    """Repositories, templates and what must exist are the same files, so that a correction reaches each."""
    first = (_folder("variables") / "app.tf").read_text(encoding="utf-8")
    for name in ("object", "codedeploy"):
        assert (_folder(name) / "app.tf").read_text(encoding="utf-8") == first
    without_github = first.partition("\n# ---- GitHub's identity")[0].replace(", GitHub's OIDC provider", "")
    assert (_folder("connection") / "app.tf").read_text(encoding="utf-8") == without_github


# What an infra repository has besides the block of the page.
AROUND = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
resource "aws_iam_role" "execution" {
  name               = "my-app-execution"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [] })
}
resource "aws_iam_role" "task" {
  name               = "my-app-task"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [] })
}
"""


@pytest.mark.parametrize(
    ("number", "stages"),
    [
        ("2", ["Source", "Deploy"]),
        ("3", ["Source", "Migrate", "Deploy"]),
        ("4", ["Source", "Build", "Migrate", "Deploy"]),
    ],
)
def test_the_terraform_of_a_page_can_be_applied(
    terraform: Terraform, tmp_path: Path, number: str, stages: list[str]
) -> None:
    """With the example's document, and a file that stands for the release."""
    (block, *_) = parts.blocks(ROOT / "docs" / "patterns" / f"{number}.md", "hcl")
    local = re.sub(r'"git::[^"]*//(infra/terraform/[\w-]+)\?ref=v1"', r'"../\1"', block)
    (tmp_path / "main.tf").write_text(AROUND + local, encoding="utf-8")
    shutil.copy(EXAMPLES / "document.yaml", tmp_path)
    (tmp_path / "ecs-cd-1.2.0.tar.gz").write_bytes(b"a release")
    declared = pipelines.declaration(terraform.apply(tmp_path))
    assert [stage["name"] for stage in declared["stages"]] == stages
