"""The files of artifacts that the deploy actions read."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ecs_cd.local.codepipeline.rules import deploy_files
from ecs_cd.model.errors import Refused

CONFIGURATION = {
    "TaskDefinitionTemplateArtifact": "Files",
    "AppSpecTemplateArtifact": "Files",
    "Image1ArtifactName": "App",
    "Image1ContainerName": "IMAGE1_NAME",
}
INPUTS = {
    "Files": {"taskdef.json": b'{"image": "<IMAGE1_NAME>"}', "appspec.yaml": b"TaskDefinition: <TASK_DEFINITION>"},
    "App": {"imageDetail.json": b'{"ImageURI": "localhost:4566/app@sha256:ab"}'},
}


def text(content: Any) -> bytes:
    return json.dumps(content).encode()


def test_images_by_container() -> None:
    """imagedefinitions.json, or the file that FileName names."""
    files = {"images.json": text([{"name": "app", "imageUri": "a"}, {"name": "web", "imageUri": "b", "more": 1}])}
    assert deploy_files.image_definitions(files, "images.json") == {"app": "a", "web": "b"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "Did not find the image definition file imagedefinitions.json in the input artifact"),
        (b"[", "The image definition file imagedefinitions.json contains invalid JSON format"),
        (b"\xff", "contains invalid JSON format"),
        (b"[]", "must be a list of"),
        (text({"ImageURI": "a"}), "has the form of imageDetail.json, which is for CodeDeployToECS"),
        (text([{"name": "app"}]), "must be a list of"),
        (text([{"name": "app", "imageUri": 1}]), "must be a list of"),
        (text([{"name": "app", "imageUri": "a"}] * 2), "names the container app twice"),
        (b" " * 100_001, "has 100001 bytes; the ECS action accepts at most 100000"),
    ],
)
def test_an_image_definitions_file_that_is_none(content: bytes | None, words: str) -> None:
    """The error says what the file lacks, and the other file's name if it is mistaken for that."""
    files = {"other.txt": b""} if content is None else {"imagedefinitions.json": content}
    with pytest.raises(Refused, match=words):
        deploy_files.image_definitions(files, "imagedefinitions.json")


def test_each_container_must_be_there() -> None:
    """ECS's own action updates no container that the task definition lacks."""
    definition = {"family": "web", "containerDefinitions": [{"name": "app"}, {"name": "nginx"}]}
    deploy_files.check_containers(definition, {"app": "a"}, "imagedefinitions.json")
    with pytest.raises(Refused, match="web has no container `ngin`; did you mean `nginx`"):
        deploy_files.check_containers(definition, {"app": "a", "ngin": "b"}, "imagedefinitions.json")


def test_placeholders_become_images() -> None:
    """Each by the imageDetail.json of its own artifact; <TASK_DEFINITION> stays until there is one."""
    assert deploy_files.templates(CONFIGURATION, INPUTS) == (
        '{"image": "localhost:4566/app@sha256:ab"}',
        "TaskDefinition: <TASK_DEFINITION>",
    )


def test_templates_can_have_other_names() -> None:
    """The paths of the configuration, and no image at all."""
    configuration = {
        "TaskDefinitionTemplateArtifact": "Files",
        "TaskDefinitionTemplatePath": "deploy/web.json",
        "AppSpecTemplateArtifact": "Files",
        "AppSpecTemplatePath": "appspec.yml",
    }
    inputs = {"Files": {"deploy/web.json": b"{}", "appspec.yml": b"\xef\xbb\xbfa"}}
    assert deploy_files.templates(configuration, inputs) == ("{}", "a")


@pytest.mark.parametrize(
    ("configuration", "inputs", "words"),
    [
        (
            {"TaskDefinitionTemplatePath": "x.json"},
            {},
            "read the task definition artifact file from: Files: it has no x.json",
        ),
        (
            {},
            {"App": {}},
            "Exception while trying to read the image artifact file from: App: it has no imageDetail.json",
        ),
        ({}, {"App": {"imagedefinitions.json": b"[]"}}, "imagedefinitions.json is for the ECS action"),
        ({}, {"App": {"imageDetail.json": b"{"}}, "imageDetail.json is not JSON"),
        ({}, {"App": {"imageDetail.json": b"[]"}}, "imageDetail.json has no ImageURI"),
        (
            {},
            {"Files": {"taskdef.json": b"\xff", "appspec.yaml": b""}},
            "taskdef.json of the artifact Files is not UTF-8",
        ),
    ],
)
def test_what_the_artifacts_lack(configuration: dict[str, str], inputs: dict[str, Any], words: str) -> None:
    """A file, an image."""
    with pytest.raises(Refused, match=words):
        deploy_files.templates({**CONFIGURATION, **configuration}, {**INPUTS, **inputs})


@pytest.mark.parametrize(
    ("taskdef", "words"),
    [
        (
            '{"containerDefinitions": [{"name": "app", "image": "<IMAGE1_NAME>"}]}',
            "image of container `app` is still <IMAGE1_NAME>",
        ),
        ("family: web", "taskdef.json is not JSON"),
        ("[]", "must be a mapping with"),
    ],
)
def test_a_placeholder_that_stays_is_refused(taskdef: str, words: str) -> None:
    """ECS would fail to pull it minutes later."""
    with pytest.raises(Refused, match=words):
        deploy_files.check_images(taskdef, "taskdef.json")


@pytest.mark.parametrize(
    ("artifact", "words"), [("Files", "task definition artifact file"), ("App", "image artifact file")]
)
def test_an_artifact_that_is_too_large(artifact: str, words: str) -> None:
    """AWS's words mislead: the reason follows them."""
    refused = deploy_files.too_large(artifact, 3_000_001, CONFIGURATION)
    assert refused.problems[0] == f"Exception while trying to read the {words} from: {artifact}"
    assert re.search(f"artifact {artifact} has 3000001 bytes.* at most 3 MB", refused.problems[1])
