"""What `ecs-cd local up` reads of the infra team."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecs_cd.local import infra
from ecs_cd.local.codepipeline import declared
from ecs_cd.local.codepipeline.process import Declared
from ecs_cd.local.codepipeline.rules.infra import Infra, Parameter
from ecs_cd.model.errors import Refused


@pytest.mark.parametrize(
    "content",
    [
        {"Name": "my-app", "Tag": "main=1"},
        {"Parameters": {"Name": "my-app", "Tag": "main=1"}},
        [{"ParameterKey": "Name", "ParameterValue": "my-app"}, {"ParameterKey": "Tag", "ParameterValue": "main=1"}],
    ],
)
def test_a_file_of_parameters_has_the_forms_of_the_aws_cli(content: Any, tmp_path: Path) -> None:
    """A later flag overrides the file."""
    (tmp_path / "parameters.json").write_text(json.dumps(content))
    found = infra.stack_parameters([f"file://{tmp_path}/parameters.json", "Tag=other"])
    assert found == {"Name": "my-app", "Tag": "other"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "can't be read as JSON: JSONDecodeError"),
        ('{"Name": 1}', "has no parameters with texts as their values"),
        ('["Name=secret"]', "has no parameters with texts as their values"),
        ('[{"ParameterKey": "Name"}]', "has no parameters with texts as their values"),
    ],
)
def test_a_file_of_something_else_is_refused(content: str, words: str, tmp_path: Path) -> None:
    """The file is named, and its content isn't shown."""
    file = tmp_path / "parameters.json"
    file.write_text(content)
    with pytest.raises(Refused) as error:
        infra.stack_parameters([f"file://{file}"])
    assert error.value.problems == (f"--stack-parameter: {file} {words}",)


@pytest.mark.parametrize("text", ["Name", "=value", ""])
def test_a_parameter_is_a_name_and_a_value(text: str) -> None:
    """As everywhere on the command line."""
    with pytest.raises(Refused, match="must be NAME=VALUE or file://FILE"):
        infra.stack_parameters([text])


TEMPLATE = """\
Parameters:
  Roles: {Type: CommaDelimitedList}
  Topic: {Type: String, Default: ""}
Resources:
  Where:
    Type: AWS::SSM::Parameter
    Properties: {Name: /where, Type: String, Value: !Sub "${AWS::AccountId} ${AWS::Region}"}
"""


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        ({"Roles": "a,arn:aws:iam::123456789012:role/a"}, "123456789012 us-east-1"),
        ({"Roles": "arn:aws:iam::123456789012:role/a", "Topic": "arn:aws:sns:eu-west-1:123456789012:t"}, "123456789012 eu-west-1"),
        ({"Roles": "a"}, "000000000000 us-east-1"),
    ],
)  # fmt: skip
def test_a_template_is_for_the_account_and_region_of_its_parameters(parameters: dict[str, str], where: str) -> None:
    """Those of the first ARN that has them; a role's has no region."""
    (found,) = declared.read(TEMPLATE, parameters, lambda _: b"").parameters
    assert found.value == where


SPEC = """\
version: 0.2
env: {secrets-manager: {TOKEN: "shared:token", OTHER: other}, parameter-store: {TEAM: /team, STAGE: /stage}}
phases: {build: {commands: ["true"]}}
"""


def test_secrets_of_builds_without_a_value_are_told() -> None:
    """Unless the value is given, the file declares the parameter, or a container has the same secret."""
    project = {"name": "migrate", "source": {"type": "CODEPIPELINE", "buildspec": SPEC}}
    declares = Infra({}, {"migrate": project}, parameters=(Parameter("/team", "shop"),))
    found = infra.InfraFile(Declared("", {}), declares)
    told = "the build migrate has no value for {}, so it fails; set it with --env-file FILE"
    assert found.not_given({"STAGE"}, {"shared"}) == [told.format("OTHER")]
    assert found.not_given((), ()) == [told.format(name) for name in ("STAGE", "TOKEN", "OTHER")]
