"""The CodeBuild action's configuration; builds themselves: tests/e2e/pipelines/test_builds.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from ecs_cd.local.codepipeline.actions import codebuild
from ecs_cd.local.codepipeline.work import Work, World
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import S3Object


def work(configuration: Mapping[str, str], *inputs: str) -> Work:
    places = {name: S3Object("artifacts", name) for name in inputs}
    return Work("my-app", "1", "Build", "Build", "2", "CodeBuild", {"ProjectName": "p", **configuration}, places)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (work({"BatchEnabled": "true"}), "Build/Build: BatchEnabled: batch builds are not run here"),
        (work({}, "App", "Infra"), "Build/Build: PrimarySource is required"),
        (work({"PrimarySource": "Other"}, "App"), "Build/Build: PrimarySource: Other is not an input artifact"),
        (work({"EnvironmentVariables": "["}, "App"), "Build/Build: EnvironmentVariables is not JSON"),
    ],
)
def test_a_wrong_configuration_is_refused(given: Work, words: str) -> None:
    """Before anything is read or started, with the place."""
    with pytest.raises(Refused) as error:
        codebuild.run(given, cast(World, None), lambda id, url: None)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ('[{"name": "A", "value": "1"}]', [{"name": "A", "value": "1"}]),
        ('[{"name": "A", "value": "/a", "type": "PARAMETER_STORE"}]', [{"name": "A", "value": "/a", "type": "PARAMETER_STORE"}]),
        ('{"name": "A"}', "must be a JSON list of objects"),
        ('[{"name": "A", "value": "1", "tpye": "PLAINTEXT"}]', "must be a JSON list of objects with name, value and type"),
        ('[{"name": "A", "value": 1}]', "each name and value must be a text"),
        ('[{"name": "A"}]', "each name and value must be a text"),
    ],
)  # fmt: skip
def test_environment_variables_are_json(text: str, found: Any) -> None:
    """CodePipeline takes them as one text."""
    if isinstance(found, list):
        assert codebuild.variables(text) == found
        return
    with pytest.raises(Refused, match=found):
        codebuild.variables(text)
