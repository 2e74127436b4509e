"""The ECR source, against a local AWS."""

from __future__ import annotations

import json
import re

import pytest

from ecs_cd.local.codepipeline.actions import ecr
from ecs_cd.local.codepipeline.work import World
from ecs_cd.model.errors import Refused
from tests.machine.local.codepipeline.conftest import made, no_report, source


def push(world: World, content: str, tag: str = "latest") -> str:
    """Puts an image into the repository `app`; its digest."""
    manifest = json.dumps({"schemaVersion": 2, "config": {"digest": content}})
    image = world.aws.client("ecr").put_image(repositoryName="app", imageManifest=manifest, imageTag=tag)["image"]
    return str(image["imageId"]["imageDigest"])


@pytest.fixture
def repository(world: World) -> World:
    world.aws.client("ecr").create_repository(repositoryName="app")
    return world


def test_the_artifact_is_imagedetail_as_aws_writes_it(repository: World) -> None:
    """All fields of AWS's documentation, with a size as text; the image is in the local registry by its digest."""
    digest = push(repository, "one")
    push(repository, "one", "v1")
    ended = ecr.run(source("ECR", {"RepositoryName": "app"}), repository, no_report)
    detail = json.loads(made(repository)["imageDetail.json"])
    uri = f"{repository.registry}/app@{digest}"
    assert re.fullmatch(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d UTC \d{4}", detail.pop("ImagePushedAt"))
    assert int(detail.pop("ImageSizeInBytes")) > 0 and sorted(detail.pop("ImageTags")) == ["latest", "v1"]
    assert detail == {
        "ImageDigest": digest,
        "Version": "1.0",
        "RegistryId": "000000000000",
        "RepositoryName": "app",
        "ImageURI": uri,
    }
    assert ended.variables == {
        "RegistryId": "000000000000",
        "RepositoryName": "app",
        "ImageTag": "latest",
        "ImageDigest": digest,
        "ImageURI": uri,
    }
    assert ended.revision is not None and ended.revision.id == digest


def test_a_revision_holds_when_the_tag_has_moved(repository: World) -> None:
    """The digest that started the execution is read, whatever the tag names by then."""
    first = push(repository, "one")
    second = push(repository, "two")
    work = source("ECR", {"RepositoryName": "app", "ImageTag": "latest"}, revision=first)
    assert ecr.run(work, repository, no_report).variables["ImageDigest"] == first != second
    newest = source("ECR", {"RepositoryName": "app", "ImageTag": "latest"})
    assert ecr.run(newest, repository, no_report).variables["ImageDigest"] == second


@pytest.mark.parametrize(
    ("configuration", "revision", "words"),
    [
        ({"RepositoryName": "other"}, "", "there is no ECR repository other"),
        ({"RepositoryName": "app", "ImageTag": "v2"}, "", "the ECR repository app has no image with the tag v2"),
        ({"RepositoryName": "app"}, "sha256:" + "0" * 64, "app has no image with the digest sha256:000"),
    ],
)
def test_what_is_missing_is_named(repository: World, configuration: dict[str, str], revision: str, words: str) -> None:
    """The repository, the tag or the digest."""
    push(repository, "one")
    with pytest.raises(Refused, match=words):
        ecr.run(source("ECR", configuration, revision), repository, no_report)
