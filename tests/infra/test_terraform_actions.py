"""examples/infra/terraform-actions: patterns 1 and 5, as they are copied and applied."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from dev.terraform.terraform import Shown, Terraform, TerraformError
from ecs_cd.document.rules import document
from tests.contract.parts import ROOT
from tests.timelines import permissions

EXAMPLE = ROOT / "examples" / "infra" / "terraform-actions"
TWO: dict[str, Any] = {
    "app": {"repository": "my-app", "secrets": {"DATABASE_URL": "arn:aws:x"}},
    "nginx": {"repository": "my-nginx", "port": 8080},
}
VERBS = ("build-push", "migrate", "deploy")
# Optional features that the example doesn't use.
UNUSED = {
    "kms:", "sts:", "ecr-public:", "inspector2:", "codedeploy:", "events:", "scheduler:", "ecr:CreateRepository",
    "ecr:DescribeRepositoryCreationTemplates", "ecr:DescribeImageScanFindings", "ecr:StartImageScan",
    "ecr:BatchGetRepositoryScanningConfiguration", "ecr:GetDownloadUrlForLayer", "ecs:ListTaskDefinitions",
    "ssm:GetParameters",
}  # fmt: skip


@pytest.fixture
def example(terraform: Terraform) -> Any:
    """The example with these variables."""

    def make(**variables: Any) -> Shown:
        return terraform.apply(EXAMPLE, variables)

    return make


def parsed(shown: Shown) -> document.Document:
    """The document as a job reads it."""
    return document.load(shown.one("aws_ssm_parameter")["value"], where="the example")


def templates(shown: Shown) -> dict[str, Any]:
    return {
        f"s3://{each['bucket']}/{each['key']}": json.loads(each["content"])
        for each in shown.of("aws_s3_object").values()
    }


def statements(shown: Shown, role: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        shown.resources[f'module.github.aws_iam_role_policy.this["{role}"]']["policy"]
    )["Statement"]
    return found


def actions(shown: Shown, role: str) -> set[str]:
    return {action for each in statements(shown, role) for action in each["Action"]}


def test_it_works_as_it_is(example: Any) -> None:
    """One image, a migration, one role: the workflow of examples/single-image."""
    shown = example()
    found = parsed(shown)
    assert shown.outputs["config"] == "/ecs-cd/my-app/production"
    assert list(found.images) == ["app"] and found.migration is not None
    table = permissions.table()
    needed = set[str]().union(*(permissions.allowed(verb, table) for verb in VERBS))
    assert needed - actions(shown, "cd") == {name for name in needed if any(map(name.startswith, UNUSED))}


def test_several_images_are_one_more_entry(example: Any) -> None:
    """Pattern 5: a repository and a container for each."""
    shown = example(images=TWO)
    found = parsed(shown)
    assert {name: str(image) for name, image in found.images.items()} == {
        name: f"123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/{each['repository']}" for name, each in TWO.items()
    }
    assert found.services["web"].containers == {"app": "app", "nginx": "nginx"}
    pushed = next(each for each in statements(shown, "cd") if "ecr:PutImage" in each["Action"])
    assert len(pushed["Resource"]) == 2


@pytest.mark.parametrize("variables", [{}, {"images": TWO, "task_role": "my-task"}], ids=["one image", "two images"])
def test_every_template_is_one_that_ecs_takes(example: Any, variables: dict[str, Any]) -> None:
    """By botocore's model of RegisterTaskDefinition; each is an object that the document names and the role may read."""
    shown = example(**variables)
    ecs = boto3.client("ecs", region_name="us-east-1").meta.service_model
    shape = ecs.operation_model("RegisterTaskDefinition").input_shape
    assert shape
    for content in templates(shown).values():
        assert ParamValidator().validate(content, shape).generate_report() == ""
    text = shown.one("aws_ssm_parameter")["value"]
    assert all(f'"{url}"' in text for url in templates(shown))
    read = next(each["Resource"] for each in statements(shown, "cd") if "s3:GetObject" in each["Action"])
    assert sorted(read) == sorted(f"arn:aws:s3:::{url.removeprefix('s3://')}" for url in templates(shown))


def test_the_roles_of_the_templates_may_be_passed(example: Any) -> None:
    """And no others."""
    shown = example(task_role="my-task")
    used = {content[name] for content in templates(shown).values() for name in ("executionRoleArn", "taskRoleArn")}
    passed = next(each["Resource"] for each in statements(shown, "cd") if "iam:PassRole" in each["Action"])
    assert set(passed) == used


def test_without_a_migration_nothing_migrates(example: Any) -> None:
    """Neither a template nor a key of the document."""
    shown = example(migration=None)
    assert parsed(shown).migration is None
    assert len(templates(shown)) == 1


def test_an_environment_has_a_role_of_its_own(example: Any) -> None:
    """The branch builds; the environment, with its reviewers, deploys."""
    shown = example(environment="production")
    assert set(shown.outputs["role_arns"]) == {"build", "deploy"}
    assert "ecs:UpdateService" not in actions(shown, "build")
    assert "ecr:PutImage" not in actions(shown, "deploy")


INPUTS: dict[str, tuple[Any, str]] = {
    "region": ("eu-west-1", "dkr.ecr.eu-west-1"),
    "app": ("shop", "/ecs-cd/shop/production"),
    "repositories": (["my-org/shop"], "repo:my-org/shop:ref:refs/heads/main"),
    "branch": ("trunk", "refs/heads/trunk"),
    "oidc_provider_arn": (f"arn:aws:iam::111111111111:oidc-provider/{'token.actions.githubusercontent.com'}", "::111111111111:"),
    "cluster": ("big", ":task/big/*"),
    "service": ("shop", ":service/my-cluster/shop"),
    "execution_role": ("execution", ":role/execution"),
    "log_group": ("/ecs/shop", "log-group:/ecs/shop:log-stream:*"),
    "cpu": (1024, '"cpu": "1024"'),
    "memory": (2048, '"memory": "2048"'),
}  # fmt: skip


@pytest.mark.parametrize(("name", "value", "found"), [(name, *row) for name, row in INPUTS.items()], ids=INPUTS.keys())
def test_a_variable_changes_what_it_says(example: Any, name: str, value: Any, found: str) -> None:
    """Each one, alone."""

    def everything(shown: Shown) -> str:
        texts = [json.dumps(shown.resources), json.dumps(list(templates(shown).values()))]
        return "".join(texts).replace('\\"', '"')

    assert found in everything(example(**{name: value}))
    assert found not in everything(example())


def test_every_variable_is_tested() -> None:
    """A new one has a test above."""
    named = {
        line.split('"')[1]
        for line in (EXAMPLE / "variables.tf").read_text().splitlines()
        if line.startswith("variable")
    }
    assert named == {*INPUTS, "images", "task_role", "migration", "environment"}


def test_a_migration_by_an_unknown_image_is_refused(example: Any) -> None:
    """By the plan, which names it."""
    with pytest.raises(TerraformError, match="Invalid index"):
        example(migration={"image": "ap", "command": ["x"]})


def test_the_folder_holds_nothing_that_belongs_to_one_run() -> None:
    """No state, no lock file, no values of variables."""
    assert {path.name for path in Path(EXAMPLE).iterdir()} == {"README.md", "main.tf", "variables.tf"}
