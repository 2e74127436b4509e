"""build-push where nothing is built: reuse, tags, and what is refused before Docker is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from local.act import commit, git
from tests.scripted_aws import Params, ScriptedAws, ecs, error
from tests.timelines.conftest import SHA, Step

Run = Callable[..., Step]

MANIFEST = '{"schemaVersion": 2,\n "mediaType": "application/vnd.oci.image.index.v1+json"}'
MEDIA_TYPE = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(autouse=True)
def repository(aws: ScriptedAws) -> None:
    """A mutable repository that holds the commit's image, and `latest` on another."""
    mutability(aws, "MUTABLE")
    there(aws, {SHA: ecs.DIGEST, "latest": "sha256:" + "0" * 64})


def mutability(aws: ScriptedAws, setting: str, *filters: str) -> None:
    excluded = [{"filterType": "WILDCARD", "filter": one} for one in filters]
    found = {"imageTagMutability": setting, **({"imageTagMutabilityExclusionFilters": excluded} if excluded else {})}
    aws.on("ecr.DescribeRepositories", {"repositories": [found]})


def there(aws: ScriptedAws, tags: dict[str, str]) -> None:
    """What the repository holds."""

    def answer(params: Params) -> Params:
        asked = [one["imageTag"] for one in params["imageIds"]]
        found = [{"imageTag": tag, "imageDigest": tags[tag]} for tag in asked if tag in tags]
        images = [{"imageId": one, "imageManifest": MANIFEST, "imageManifestMediaType": MEDIA_TYPE} for one in found]
        missing = [{"imageId": {"imageTag": tag}, "failureCode": "ImageNotFound"} for tag in asked if tag not in tags]
        return {"images": images, "failures": missing}

    aws.on("ecr.BatchGetImage", answer)


def put(aws: ScriptedAws) -> list[Params]:
    return [call.params for call in aws.calls if call.operation == "ecr.PutImage"]


def test_the_commits_image_is_reused_and_the_other_tags_move(aws: ScriptedAws, step: Run) -> None:
    """By PutImage with the byte-identical manifest; Docker is not asked, and four calls are all."""
    aws.on("ecr.PutImage", {"image": {}})
    ended = step("build-push", tags="latest")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["built"] == "false"
    assert ended.outputs["digest"] == ecs.DIGEST
    assert ended.outputs["tags"].splitlines() == [SHA, "latest"]
    (moved,) = put(aws)
    assert moved["imageTag"] == "latest"
    assert moved["imageManifest"] == MANIFEST
    assert moved["imageManifestMediaType"] == MEDIA_TYPE
    assert moved["imageDigest"] == ecs.DIGEST
    assert len(aws.calls) == 4


def test_tags_that_hold_the_image_already_are_left_alone(aws: ScriptedAws, step: Run) -> None:
    """The same commit again changes nothing, and costs three calls."""
    there(aws, {SHA: ecs.DIGEST, "latest": ecs.DIGEST})
    assert step("build-push").exit_code == 0
    assert not put(aws)
    assert len(aws.calls) == 3


@pytest.mark.parametrize(
    ("setting", "filters", "tags"),
    [
        ("IMMUTABLE", [], [SHA]),
        ("IMMUTABLE_WITH_EXCLUSION", ["lat*"], [SHA, "latest"]),
        ("IMMUTABLE_WITH_EXCLUSION", ["dev*"], [SHA]),
        ("MUTABLE_WITH_EXCLUSION", ["lat*"], [SHA]),
        ("MUTABLE_WITH_EXCLUSION", ["dev*"], [SHA, "latest"]),
    ],
)
def test_latest_moves_where_it_can(
    aws: ScriptedAws, step: Run, setting: str, filters: list[str], tags: list[str]
) -> None:
    """On an immutable repository it is skipped with a notice, unless it is excluded from immutability."""
    mutability(aws, setting, *filters)
    aws.on("ecr.PutImage", {"image": {}})
    ended = step("build-push")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["tags"].splitlines() == tags
    assert ("::notice::the tag `latest` is skipped" in ended.log) is ("latest" not in tags)


@pytest.mark.parametrize(
    ("code", "exit_code"), [("ImageAlreadyExistsException", 0), ("ImageTagAlreadyExistsException", 2)]
)
def test_a_tag_that_holds_the_image_is_success_and_one_that_can_not_move_is_not(
    aws: ScriptedAws, step: Run, code: str, exit_code: int
) -> None:
    """PutImage's two refusals mean different things."""
    aws.on("ecr.PutImage", error(code, "no"))
    assert step("build-push").exit_code == exit_code


def checkout(folder: Path, **files: str) -> str:
    """A checkout in the working directory; its commit."""
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / ".gitignore").write_text("*\n!Dockerfile\n!.gitignore\n")
    git(folder, "init", "--quiet")
    return commit(folder, "first")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "there is no Dockerfile Dockerfile"),
        ({"context": "docker"}, "there is no folder docker"),
        ({"file": "build/Dockerfile"}, "there is no Dockerfile build/Dockerfile"),
        ({"image": "api"}, "image: the document has no image `api`"),
        ({"tags": "v1, not a tag"}, "tags: a tag has letters"),
        ({"labels": "just-a-name"}, "labels: a label must be NAME=VALUE"),
        ({"secret_files": "npmrc=.npmrc"}, "secret-files: the file of `npmrc` is not there"),
        ({"secrets": "hunter2"}, "secrets, entry 1: must be NAME=VALUE"),
    ],
)
def test_what_can_not_be_built_is_refused_before_docker_is_asked(
    aws: ScriptedAws, step: Run, inputs: dict[str, str], words: str
) -> None:
    """The place and the remedy; the value of a secret never."""
    there(aws, {})
    ended = step("build-push", **inputs)
    assert ended.exit_code == 2
    assert words in ended.log
    assert "hunter2" not in ended.log + ended.summary
    assert aws.count("ecr.GetAuthorizationToken") == 0


def test_another_commit_is_not_built_from_this_checkout(aws: ScriptedAws, step: Run, tmp_path: Path) -> None:
    """The tag would lie."""
    there(aws, {})
    head = checkout(tmp_path, Dockerfile="FROM scratch\n")
    ended = step("build-push")
    assert ended.exit_code == 2
    assert f"can't be built from a checkout of {head}" in ended.log


def test_another_commit_that_is_there_is_reused_from_any_checkout(aws: ScriptedAws, step: Run, tmp_path: Path) -> None:
    """That is how an older commit is deployed; the difference is said."""
    there(aws, {SHA: ecs.DIGEST, "latest": ecs.DIGEST})
    head = checkout(tmp_path, Dockerfile="FROM scratch\n")
    ended = step("build-push")
    assert ended.exit_code == 0
    assert f"HEAD of the checkout is {head}" in ended.log


@pytest.mark.parametrize("tag", ["v1", "v2"])
def test_a_fixed_tag_of_another_image_is_refused_before_the_build(aws: ScriptedAws, step: Run, tag: str) -> None:
    """Not after ten minutes of building."""
    mutability(aws, "IMMUTABLE")
    there(aws, {tag: "sha256:" + "0" * 64})
    ended = step("build-push", tags=tag)
    assert ended.exit_code == 2
    assert f"the tag `{tag}` belongs to another image" in ended.log


def test_a_missing_repository_is_named(aws: ScriptedAws, step: Run) -> None:
    """With its whole name, once."""
    missing = error("RepositoryNotFoundException", "x")
    aws.on("ecr.BatchGetImage", missing)
    aws.on("ecr.DescribeRepositories", missing)
    ended = step("build-push")
    assert ended.exit_code == 2
    assert ended.log.count("there is no ECR repository 123456789012.dkr.ecr") == 1


def test_no_region_and_no_credentials_are_said(aws: ScriptedAws, step: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its remedy."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    ended = step("build-push")
    assert ended.exit_code == 2
    assert "no AWS region is known" in ended.log
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    ended = step("build-push", aws_region="ap-northeast-1")
    assert ended.exit_code == 2
    assert "there are no AWS credentials" in ended.log


def test_a_dirty_checkout_of_another_commit_does_not_matter(aws: ScriptedAws, step: Run, tmp_path: Path) -> None:
    """The asked-for commit is in ECR; what lies around says nothing about it."""
    there(aws, {SHA: ecs.DIGEST, "latest": ecs.DIGEST})
    checkout(tmp_path, Dockerfile="FROM scratch\n")
    (tmp_path / "Dockerfile").write_text("FROM busybox\n")
    assert step("build-push").exit_code == 0
