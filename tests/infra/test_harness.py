"""Terraform and the stand-in provider: what they refuse, what they know, and when."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dev.terraform.terraform import Terraform, TerraformError

SETTINGS = 'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n'
ROLE = 'resource "aws_iam_role" "it" {\n  name = "it"\n  assume_role_policy = jsonencode({ Statement = [] })\n%s}\n'
PIPELINE = """
resource "aws_codepipeline" "it" {
  name     = "it"
  role_arn = "arn:aws:iam::123456789012:role/it"
  artifact_store {
    location = "it"
    type     = "S3"
  }
  stage {
    name = "Source"
%s  }
}
"""


@pytest.fixture
def module(tmp_path: Path) -> Any:
    """Makes a module of one file."""

    def make(text: str) -> Path:
        (tmp_path / "main.tf").write_text(SETTINGS + text, encoding="utf-8")
        return tmp_path

    return make


REFUSED = {
    "an argument that the type doesn't have": (ROLE % '  colour = "red"\n', 'An argument named "colour" is not expected'),
    "no required argument": ('resource "aws_iam_role" "it" {\n}\n', 'The argument "assume_role_policy" is required'),
    "a value of another type": (ROLE % "  max_session_duration = [1]\n", "number required"),
    "a computed argument": (ROLE % '  arn = "x"\n', "its value is decided by AWS"),
    "no required block": (PIPELINE % "", "Insufficient action blocks"),
    "a block that there may be once": (
        PIPELINE % ("    on_failure {\n    }\n" * 2),
        "Too many on_failure blocks",
    ),
    "a reference to nothing": (ROLE % "  description = aws_iam_role.other.name\n", "Reference to undeclared resource"),
    "a reference to an unknown attribute": ('output "it" {\n  value = data.aws_region.it.colour\n}\ndata "aws_region" "it" {}\n', "Unsupported attribute"),
    "a type that isn't ours": ('resource "aws_instance" "it" {\n}\n', 'does not support resource type "aws_instance"'),
    "a policy that is no JSON": (ROLE % "" + 'resource "aws_iam_role_policy" "it" {\n  role = aws_iam_role.it.id\n  policy = "{"\n}\n', "is not the JSON of a policy"),
    "a name that AWS refuses": ('resource "aws_s3_bucket" "it" {\n  bucket = "My_Bucket"\n}\n', "does not match"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_configuration_is_refused(terraform: Terraform, module: Any, text: str, message: str) -> None:
    """Terraform names what is wrong, before anything is applied."""
    with pytest.raises(TerraformError) as error:
        terraform.validate(module(text))
    assert message in " ".join(str(error.value).replace("\u2502", " ").split())


def test_what_is_computed_is_unknown_in_the_plan_and_known_afterwards(terraform: Terraform, module: Any) -> None:
    """As with the real provider: tags and region are known before, an ARN is known after."""
    folder = module(ROLE % '  tags = { a = "b" }\n' + 'output "arn" {\n  value = aws_iam_role.it.arn\n}\n')
    planned, applied = terraform.plan(folder).one("aws_iam_role"), terraform.apply(folder)
    assert "arn" not in planned and "unique_id" not in planned
    assert planned["tags_all"] == {"a": "b"}
    assert applied.outputs == {"arn": "arn:aws:iam::123456789012:role/it"}
    assert applied.one("aws_iam_role")["unique_id"].startswith("AROA")


NAMED = {
    'resource "aws_ecr_repository" "it" {\n  name = "team/app"\n}\n': {
        "arn": "arn:aws:ecr:eu-west-1:123456789012:repository/team/app",
        "repository_url": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app",
    },
    'resource "aws_ssm_parameter" "it" {\n  name = "/a/b"\n  type = "String"\n  value = "c"\n}\n': {
        "arn": "arn:aws:ssm:eu-west-1:123456789012:parameter/a/b",
        "id": "/a/b",
        "value": "c",
    },
    'resource "aws_ecs_cluster" "it" {\n  name = "main"\n}\n': {
        "arn": "arn:aws:ecs:eu-west-1:123456789012:cluster/main",
        "id": "arn:aws:ecs:eu-west-1:123456789012:cluster/main",
    },
    'resource "aws_s3_object" "it" {\n  bucket = "b"\n  key = "k/l"\n}\n': {"arn": "arn:aws:s3:::b/k/l"},
    'resource "aws_iam_openid_connect_provider" "it" {\n  url = "https://token.example"\n  client_id_list = ["x"]\n}\n': {
        "arn": "arn:aws:iam::123456789012:oidc-provider/token.example",
    },
    'data "aws_ecs_service" "it" {\n  cluster_arn = "arn:aws:ecs:eu-west-1:123456789012:cluster/main"\n  service_name = "web"\n}\n': {
        "arn": "arn:aws:ecs:eu-west-1:123456789012:service/main/web",
    },
    'data "aws_caller_identity" "it" {}\n': {"account_id": "123456789012"},
    'data "aws_region" "it" {}\n': {"region": "eu-west-1"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"), NAMED.items(), ids=lambda each: each.split('"')[1] if isinstance(each, str) else ""
)
def test_a_resource_has_the_values_that_aws_would_give_it(
    terraform: Terraform, module: Any, text: str, expected: dict[str, str]
) -> None:
    """An ARN has the resource's service, region, account and form; an id is what the provider takes as one."""
    shown = terraform.apply(module('provider "aws" {\n  region = "eu-west-1"\n}\n' + text))
    (values,) = [*shown.resources.values(), *shown.data.values()]
    assert {name: values[name] for name in expected} == expected


POLICY = """
data "aws_iam_policy_document" "it" {
  statement {
    sid       = "One"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::b/&{aws:username}"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = ["us-east-1", "eu-west-1"]
    }
  }
  statement {
    effect      = "Deny"
    not_actions = ["a:B", "c:D"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}
output "it" { value = data.aws_iam_policy_document.it.json }
"""


def test_a_policy_document_is_rendered_as_the_provider_does(terraform: Terraform, module: Any) -> None:
    """One value is a string, several are a list in reversed order; what is not given is not written."""
    assert json.loads(terraform.apply(module(POLICY)).outputs["it"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "One",
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::b/${aws:username}",
                "Condition": {"StringEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}},
            },
            {"Effect": "Deny", "NotAction": ["c:D", "a:B"], "Principal": {"AWS": "*"}},
        ],
    }


def test_a_policy_document_with_a_sid_twice_is_refused(terraform: Terraform, module: Any) -> None:
    """As the provider refuses it."""
    statement = '  statement {\n    sid = "A"\n    actions = ["a:B"]\n    resources = ["*"]\n  }\n'
    with pytest.raises(TerraformError, match=r"duplicate Sid \(A\)"):
        terraform.apply(module(f'data "aws_iam_policy_document" "it" {{\n{statement * 2}}}\n'))


def test_a_file_in_another_format_is_named(terraform: Terraform, module: Any) -> None:
    """`terraform fmt` decides; the error shows the difference."""
    with pytest.raises(TerraformError, match=r"main\.tf"):
        terraform.fmt_check(module("locals {\na=1\n}\n"))
