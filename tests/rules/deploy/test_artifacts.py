"""The files for CodePipeline's deploy actions: their names, contents and limits."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
import yaml

from ecs_cd.deploy.rules import appspec, artifacts
from ecs_cd.model import json_yaml
from ecs_cd.model.errors import Refused

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
APP, NGINX = f"{HOST}/app@sha256:{'a' * 64}", f"{HOST}/nginx@sha256:{'b' * 64}"
DEFINITION = {"family": "web", "containerDefinitions": [{"name": "main", "image": APP}]}


def template(**properties: Any) -> appspec.AppSpec:
    load_balancer = {"ContainerName": "main", "ContainerPort": 80}
    service = {
        "Type": "AWS::ECS::Service",
        "Properties": {"TaskDefinition": "web:1", "LoadBalancerInfo": load_balancer, **properties},
    }
    return {"version": 0.0, "Resources": [{"TargetService": service}], "Hooks": [{"BeforeInstall": "my-function"}]}


def files(template: appspec.AppSpec | None = None, images: dict[str, str] | None = None) -> dict[str, str]:
    return artifacts.files(DEFINITION, {"main": APP}, images or {"app": APP}, template)


def test_ecs_needs_no_appspec() -> None:
    """The other files are the same."""
    found = files()
    assert list(found) == ["taskdef.json", "imagedefinitions.json", "imageDetail.json"]
    assert json.loads(found["taskdef.json"]) == DEFINITION
    assert json.loads(found["imagedefinitions.json"]) == [{"name": "main", "imageUri": APP}]
    assert json.loads(found["imageDetail.json"]) == {"ImageURI": APP}
    assert files(template()) | found == files(template())


def test_several_images_have_a_file_each() -> None:
    """An artifact can have only one imageDetail.json; `images-from` reads these by their names."""
    found = files(images={"app": APP, "nginx": NGINX})
    assert "imageDetail.json" not in found
    assert json.loads(found["imageDetail-app.json"]) == {"ImageURI": APP}
    assert json.loads(found["imageDetail-nginx.json"]) == {"ImageURI": NGINX}


def test_the_appspec_is_the_template_with_the_placeholder() -> None:
    """Hooks and every other key stay; any task definition in it is replaced."""
    text = files(template(PlatformVersion="1.4.0"))["appspec.yaml"]
    expected = appspec.with_task_definition(template(PlatformVersion="1.4.0"), "<TASK_DEFINITION>")
    assert yaml.safe_load(text) == expected
    assert "TaskDefinition: <TASK_DEFINITION>\n" in text
    assert appspec.read(text.replace("<TASK_DEFINITION>", "arn"), where="it") == appspec.with_task_definition(
        template(PlatformVersion="1.4.0"), "arn"
    )


@pytest.mark.parametrize("text", ["1e3", "012", "yes", "on", "null", "~", "1.0", "-1", "22:30", "a: b", "é", "x" * 300])
def test_text_in_the_appspec_stays_text(text: str) -> None:
    """Whether YAML 1.1 or 1.2 is read, and on one line."""
    written = files(template(PlatformVersion=text))["appspec.yaml"]
    for found in (yaml.safe_load(written), json_yaml.parse(written, what="it")):
        assert found["Resources"][0]["TargetService"]["Properties"]["PlatformVersion"] == text


def test_what_was_read_from_a_file_can_be_written() -> None:
    """The parser's own kinds of mappings and texts are nothing special in the file."""
    source = "version: 0.0\nResources: [{TargetService: {Properties: {LoadBalancerInfo: {ContainerPort: '80'}}}}]\n"
    text = files(appspec.read(source, where="it"))["appspec.yaml"]
    assert "!!" not in text
    assert yaml.safe_load(text)["Resources"][0]["TargetService"]["Properties"]["LoadBalancerInfo"] == {
        "ContainerPort": 80
    }


@pytest.mark.parametrize(
    ("contents", "others", "words"),
    [
        ({"imagedefinitions.json": "[]"}, 0, ""),
        ({"imagedefinitions.json": "x" * 100_000}, 0, ""),
        (
            {"imagedefinitions.json": "é" * 50_001},
            0,
            "imagedefinitions.json: has 100002 bytes; CodePipeline's ECS action",
        ),
        ({"imagedefinitions.json": "[]"}, 9_000_000, ""),  # the ECS action has no such limit
        ({"imagedefinitions.json": "[]", "appspec.yaml": "x" * 5_000_000}, 0, ""),  # zipped it is small
        ({"imagedefinitions.json": "[]", "appspec.yaml": "x"}, 3_000_000, "CodeDeployToECS accepts at most 3 MB"),
    ],
)
def test_what_an_action_would_refuse_is_refused_first(contents: dict[str, str], others: int, words: str) -> None:
    """CodeDeployToECS would say that a file is not YAML, whatever is too large."""
    if not words:
        artifacts.check(contents, "out", others)
        return
    with pytest.raises(Refused) as error:
        artifacts.check(contents, "out", others)
    assert error.value.problems[0].startswith("out")
    assert words in error.value.problems[0]


def test_the_size_is_that_of_a_zip_file() -> None:
    """With its directory."""
    contents = {"a": "x" * 1000, "b": "y"}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
    assert artifacts.zipped(contents) == len(file.getvalue())


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        *((name, True) for name in files(template(), {"app": APP, "nginx": NGINX})),
        ("imageDetail.json", True),
        ("appspec.yml", False),
        ("images.json", False),
        ("my-taskdef.json", False),
    ],
)
def test_which_files_are_from_ecs_cd(name: str, ours: bool) -> None:
    """Only those are removed after an earlier run."""
    assert artifacts.is_ours(name) is ours
