"""What `ecs-cd local up` reads of the infra team."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecs_cd.local import infra
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
