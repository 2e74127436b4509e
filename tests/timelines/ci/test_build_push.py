"""build-push in a build of CodeBuild: the commit, the labels, caches, what the image has, what later actions get."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dev.workflows import commit, git
from tests.scripted_aws import Params, ScriptedAws, ecs
from tests.timelines.ci.conftest import NONCE, Build
from tests.timelines.ci.test_codebuild import migrates
from tests.timelines.conftest import DOCUMENT, REPOSITORY, SHA
from tests.timelines.fake_docker import FakeDocker, digest_of

OTHER = "beef" + "0" * 36


@pytest.fixture
def docker(aws: ScriptedAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """A repository without images, and an engine without a builder of its own."""
    fake = FakeDocker(tmp_path / "docker")
    monkeypatch.setenv("PATH", str(fake.install()), prepend=":")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    fake.registry(aws, {})
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    aws.on("ecr.GetAuthorizationToken", {"authorizationData": [{"authorizationToken": "QVdTOmh1bnRlcjI="}]})
    return fake


@pytest.fixture
def unpacked(build: Build, docker: FakeDocker) -> Build:
    """The source is CodePipeline's zip of the commit: without Git."""
    Path("Dockerfile").write_text("FROM scratch\nCOPY . .\n")
    return build


def options(docker: FakeDocker, name: str) -> list[str]:
    (run,) = docker.builds
    return [word.partition("=")[2] for word in run["words"] if word.startswith(f"--{name}=")]


def test_without_git_the_commit_is_the_builds(unpacked: Build, docker: FakeDocker) -> None:
    """It is the tag and a label; CodePipeline gives no address of the repository."""
    ended = unpacked("build-push")
    assert ended.exit_code == 0, ended.out
    assert options(docker, "tag") == [f"{REPOSITORY}:{SHA}", f"{REPOSITORY}:latest"]
    labels = dict(label.split("=", 1) for label in options(docker, "label"))
    assert labels["org.opencontainers.image.revision"] == SHA
    assert "org.opencontainers.image.source" not in labels
    assert f"commit: {SHA} (CODEBUILD_RESOLVED_SOURCE_VERSION)" in ended.out


def test_a_clone_is_as_in_any_other_ci(build: Build, docker: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    """HEAD counts, and the address without credentials becomes a label."""
    monkeypatch.setenv("CODEBUILD_SOURCE_REPO_URL", "https://x:hunter2@github.com/org/my-app.git")
    Path("Dockerfile").write_text("FROM scratch\n")
    git(Path(), "init", "--quiet")
    made = commit(Path(), "app")
    monkeypatch.setenv("CODEBUILD_RESOLVED_SOURCE_VERSION", made)
    assert build("build-push").exit_code == 0
    assert options(docker, "tag")[0] == f"{REPOSITORY}:{made}"
    assert "org.opencontainers.image.source=https://github.com/org/my-app" in options(docker, "label")


@pytest.mark.parametrize("version", ["arn:aws:s3:::b/k", "sha256:" + "0" * 64])
def test_a_source_without_a_commit_gives_none(
    unpacked: Build, docker: FakeDocker, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """The image has the other tags."""
    monkeypatch.setenv("CODEBUILD_RESOLVED_SOURCE_VERSION", version)
    assert unpacked("build-push").exit_code == 0
    assert options(docker, "tag") == [f"{REPOSITORY}:latest"]


def test_the_commits_image_is_reused(aws: ScriptedAws, unpacked: Build, docker: FakeDocker) -> None:
    """A retried action builds nothing."""
    docker.registry(aws, {f"my-app:{SHA}": ecs.DIGEST, "my-app:latest": ecs.DIGEST})
    assert unpacked("build-push").exit_code == 0
    assert docker.runs == []


def test_the_same_content_is_reused_without_git(
    unpacked: Build, docker: FakeDocker, aws: ScriptedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another commit of the same files gets its tag; another file is another image."""
    aws.on("ecr.PutImage", {"image": {}})
    assert unpacked("build-push", reuse="content").exit_code == 0
    assert unpacked("build-push", reuse="content").exit_code == 0
    monkeypatch.setenv("CODEBUILD_RESOLVED_SOURCE_VERSION", OTHER)
    Path("ecs-cd-report").rename("../ecs-cd-report")  # of another build
    ended = unpacked("build-push", reuse="content")
    assert "is reused: an image with the same content is already in ECR" in ended.out
    (*_, moved) = [call.params["imageTag"] for call in aws.calls if call.operation == "ecr.PutImage"]
    assert {OTHER, "latest"} >= {moved}
    assert len(docker.builds) == 1
    Path("generated.js").write_text("x")
    Path("ecs-cd-report").rename("../ecs-cd-report-2")
    monkeypatch.setenv("CODEBUILD_RESOLVED_SOURCE_VERSION", "c" * 40)
    assert unpacked("build-push", reuse="content").exit_code == 0
    assert len(docker.builds) == 2


@pytest.mark.parametrize("exit_code", [0, 1])
def test_no_image_has_the_report(aws: ScriptedAws, unpacked: Build, docker: FakeDocker, exit_code: int) -> None:
    """It differs in each build, so no layer with the source would be cached. It is there again afterwards."""
    migrates(aws)
    docker.registry(aws, {f"my-app:{SHA}": ecs.DIGEST})
    assert unpacked("migrate").exit_code == 0
    docker.attempts({"exit": exit_code})
    ended = unpacked("build-push", reuse="never")
    assert ended.exit_code == exit_code, ended.out
    (run,) = docker.builds
    assert run["here"] == ["Dockerfile"]
    assert [entry["verb"] for entry in ended.report()["verbs"]] == ["migrate", "build-push"]
    assert not list((ended.folder.parent / "tmp").glob("tmp*"))


def test_later_actions_get_the_image_by_digest(unpacked: Build, docker: FakeDocker) -> None:
    """By exported variables: a shell sources the outputs."""
    ended = unpacked("build-push")
    shell = 'set -a; . ecs-cd-report/outputs.env; printf "%s\n" "$IMAGE" "$DIGEST" "$BUILT" "$BUILT_IMAGES"'
    said = subprocess.run(["/bin/sh", "-c", shell], cwd=ended.folder, capture_output=True, text=True, check=True)
    image, digest, built, images = said.stdout.splitlines()
    assert (digest, built) == (digest_of(f"{REPOSITORY}:{SHA}"), "true")
    assert image == json.loads(images)["app"]["image"] == f"{REPOSITORY}@{digest}"


def test_github_caches_are_out_of_reach(unpacked: Build, docker: FakeDocker) -> None:
    """The image is built without, and the log says why."""
    ended = unpacked("build-push", cache="gha")
    assert ended.exit_code == 0
    assert "warning: cache: image `app` is built without GitHub's cache, which CodeBuild can't reach." in ended.lines
    assert options(docker, "cache-from") == options(docker, "cache-to") == []


def test_a_cache_in_the_registry_works(unpacked: Build, docker: FakeDocker) -> None:
    """As in GitHub Actions."""
    assert unpacked("build-push", cache="registry").exit_code == 0
    assert options(docker, "cache-from") == [f"type=registry,ref={REPOSITORY}:cache"]
    assert options(docker, "cache-to")[0].startswith(f"type=registry,ref={REPOSITORY}:cache,mode=max")


def test_without_a_builder_the_remedy_is_codebuilds(unpacked: Build, docker: FakeDocker) -> None:
    """The engine's default builder can't export a cache."""
    line = "ERROR: Cache export is not supported for the docker driver."
    docker.attempts({"exit": 1, "lines": [line]})
    ended = unpacked("build-push", cache="registry")
    assert ended.exit_code == 1
    assert "in CodeBuild with `docker buildx create --use`" in ended.out


def test_a_build_gets_no_credentials_of_the_project(
    unpacked: Build, docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the role's nor a token's, nor the nonce."""
    given = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x", "GITHUB_TOKEN": "hunter2"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert unpacked("build-push").exit_code == 0
    (run,) = docker.builds
    assert not {"ECS_CD_NONCE", *given} & set(run["environ"])
    assert NONCE not in json.dumps(run)


def test_one_action_builds_one_of_several_images(aws: ScriptedAws, unpacked: Build, docker: FakeDocker) -> None:
    """As actions of one stage do, in parallel."""
    images: dict[str, Any] = {name: {"repository": f"{REPOSITORY}-{name}"} for name in ("app", "nginx")}
    document: Params = {**DOCUMENT, "images": images}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(document), "Version": 3}})
    ended = unpacked("build-push", image="nginx")
    assert ended.exit_code == 0, ended.out
    assert options(docker, "tag") == [f"{REPOSITORY}-nginx:{SHA}", f"{REPOSITORY}-nginx:latest"]
