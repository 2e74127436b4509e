"""build-push of one image: what is reused, what is refused before Docker is asked, what becomes of a push."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.workflows import commit, git
from tests.scripted_aws import Clock, Params, ScriptedAws, denied, ecs, error
from tests.timelines.conftest import DOCUMENT, REPOSITORY, SHA, Step
from tests.timelines.fake_docker import MANIFEST, MEDIA_TYPE, FakeDocker, digest_of

Run = Callable[..., Step]

HOST = REPOSITORY.partition("/")[0]
ID = HOST.partition(".")[0]
OTHER = "sha256:" + "0" * 64
CUT_OFF = [
    "#9 pushing layers",
    f"#9 ERROR: failed to push {REPOSITORY}:1: write: broken pipe",
    f"ERROR: failed to solve: failed to push {REPOSITORY}:1: write: broken pipe",
]


@pytest.fixture(autouse=True)
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """It writes down each call."""
    fake = FakeDocker(tmp_path.parent / f"{tmp_path.name}-docker")
    monkeypatch.setenv("PATH", str(fake.install()), prepend=":")
    return fake


@pytest.fixture(autouse=True)
def repository(aws: ScriptedAws) -> None:
    """A mutable repository that holds the commit's image, and `latest` on another."""
    mutability(aws, "MUTABLE")
    there(aws, {SHA: ecs.DIGEST, "latest": OTHER})
    aws.on("ecr.GetAuthorizationToken", {"authorizationData": [{"authorizationToken": "QVdTOmh1bnRlcjI="}]})


def mutability(aws: ScriptedAws, setting: str, *filters: str) -> None:
    excluded = [{"filterType": "WILDCARD", "filter": pattern} for pattern in filters]
    found = {"imageTagMutability": setting, **({"imageTagMutabilityExclusionFilters": excluded} if excluded else {})}
    aws.on("ecr.DescribeRepositories", {"repositories": [found]})


def there(aws: ScriptedAws, tags: dict[str, str]) -> None:
    """What the repository holds."""

    def answer(params: Params) -> Params:
        asked = [image_id["imageTag"] for image_id in params["imageIds"]]
        found = [{"imageTag": tag, "imageDigest": tags[tag]} for tag in asked if tag in tags]
        images = [
            {"imageId": image_id, "imageManifest": MANIFEST, "imageManifestMediaType": MEDIA_TYPE} for image_id in found
        ]
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


def images(**more: object) -> dict[str, object]:
    """A document with one image, and more keys of it."""
    return {**DOCUMENT, "images": {"app": {"repository": REPOSITORY, **more}}}


def document(aws: ScriptedAws, content: object) -> None:
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(content), "Version": 3}})


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "there is no Dockerfile Dockerfile"),
        ({"context": "docker"}, "there is no folder docker"),
        ({"file": "build/Dockerfile"}, "there is no Dockerfile build/Dockerfile"),
        ({"image": "api"}, "image: the document has no image `api`"),
        ({"tags": "v1, not a tag"}, "tags: a tag has letters"),
        ({"labels": "just-a-name"}, "labels: a label must be NAME=VALUE"),
        ({"secret_files": "npmrc=.npmrc"}, "secret-files: the file of `npmrc` does not exist"),
        ({"secrets": "hunter2"}, "secrets, entry 1: must be NAME=VALUE"),
        ({"cache": "everywhere"}, "cache: must be one of"),
        ({"reuse": "always"}, "reuse: must be one of"),
    ],
)
def test_what_can_not_be_built_is_refused_before_docker_is_asked(
    aws: ScriptedAws, step: Run, docker: FakeDocker, inputs: dict[str, str], words: str
) -> None:
    """The place and the remedy; the value of a secret never."""
    there(aws, {})
    ended = step("build-push", **inputs)
    assert ended.exit_code == 2
    assert words in ended.log
    assert "hunter2" not in ended.log + ended.summary
    assert aws.count("ecr.GetAuthorizationToken") == 0
    assert docker.runs == []


def test_an_image_of_the_apps_file_that_the_document_lacks_is_refused(
    aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path
) -> None:
    """Somebody renamed one."""
    there(aws, {})
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "ecs-cd.yml").write_text("images: {api: {context: api}}\n")
    ended = step("build-push")
    assert ended.exit_code == 2
    assert "the document has no image `api`" in ended.log
    assert docker.runs == []


def test_another_commit_is_not_built_from_this_checkout(aws: ScriptedAws, step: Run, tmp_path: Path) -> None:
    """The tag would lie."""
    there(aws, {})
    head = checkout(tmp_path, Dockerfile="FROM scratch\n")
    ended = step("build-push")
    assert ended.exit_code == 2
    assert f"can't be built from a checkout of {head}" in ended.log


def test_another_commit_that_is_there_is_reused_from_any_checkout(aws: ScriptedAws, step: Run, tmp_path: Path) -> None:
    """This deploys an older commit; the log mentions the difference."""
    there(aws, {SHA: ecs.DIGEST, "latest": ecs.DIGEST})
    head = checkout(tmp_path, Dockerfile="FROM scratch\n")
    ended = step("build-push")
    assert ended.exit_code == 0
    assert f"HEAD of the checkout is {head}" in ended.log


@pytest.mark.parametrize("tag", ["v1", "v2"])
def test_a_fixed_tag_of_another_image_is_refused_before_the_build(aws: ScriptedAws, step: Run, tag: str) -> None:
    """Not after ten minutes of building."""
    mutability(aws, "IMMUTABLE")
    there(aws, {tag: OTHER})
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


def missing_repository(aws: ScriptedAws, docker: FakeDocker, *templates: Params, registry: str = ID) -> None:
    """There is no repository until something is pushed, and these are the registry's creation templates."""
    missing = error("RepositoryNotFoundException", "x")
    pushed = docker.registry_answer({})
    aws.on("ecr.BatchGetImage", lambda params: pushed(params) if docker.pushed else missing)
    aws.on("ecr.DescribeRepositories", missing)
    first, *more = [{"registryId": registry, "repositoryCreationTemplates": [one]} for one in templates] or [{}]
    pages = [{**first, "nextToken": "x"}, *more] if more else [first]
    aws.on("ecr.DescribeRepositoryCreationTemplates", *pages)


TEMPLATE: Params = {"prefix": "ROOT", "appliedFor": ["CREATE_ON_PUSH"], "imageTagMutability": "MUTABLE"}


def test_a_repository_that_the_push_creates_may_be_missing(aws: ScriptedAws, to_build: Run, docker: FakeDocker) -> None:
    """A creation template for pushes says so, here on the second page."""
    missing_repository(aws, docker, {"prefix": "other", "appliedFor": ["REPLICATION"]}, TEMPLATE)
    ended = to_build()
    assert ended.exit_code == 0, ended.log
    assert f"{REPOSITORY} does not exist yet; a repository creation template lets the push create it" in ended.log
    assert option(docker, "tag") == [f"{REPOSITORY}:{SHA}", f"{REPOSITORY}:latest"]


def test_the_template_says_which_tags_will_move(aws: ScriptedAws, to_build: Run, docker: FakeDocker) -> None:
    """In an immutable repository, `latest` could never move."""
    missing_repository(aws, docker, {**TEMPLATE, "imageTagMutability": "IMMUTABLE"})
    ended = to_build()
    assert ended.exit_code == 0, ended.log
    assert option(docker, "tag") == [f"{REPOSITORY}:{SHA}"]


def test_a_build_that_fails_before_the_repository_is_there_is_a_failed_build(
    aws: ScriptedAws, to_build: Run, docker: FakeDocker
) -> None:
    """Not a missing repository."""
    missing_repository(aws, docker, TEMPLATE)
    docker.attempts({"exit": 1, "lines": ["ERROR: failed to solve: process did not complete"]})
    ended = to_build()
    assert ended.exit_code == 1
    assert "docker buildx build failed" in ended.log


@pytest.mark.parametrize(
    ("template", "registry"),
    [
        ({**TEMPLATE, "appliedFor": ["PULL_THROUGH_CACHE", "REPLICATION"]}, ID),
        ({**TEMPLATE, "prefix": "my-app"}, ID),
        ({**TEMPLATE, "prefix": "my"}, ID),
        (TEMPLATE, "210987654321"),
    ],
)
def test_a_repository_that_no_push_creates_is_refused(
    aws: ScriptedAws, to_build: Run, docker: FakeDocker, template: Params, registry: str
) -> None:
    """Templates for other purposes, other names or another account's registry."""
    missing_repository(aws, docker, template, registry=registry)
    ended = to_build()
    assert ended.exit_code == 2
    assert ended.log.count(f"there is no ECR repository {REPOSITORY}") == 1
    assert docker.builds == []


def test_without_permission_to_read_templates_a_missing_repository_is_refused(
    aws: ScriptedAws, to_build: Run, docker: FakeDocker
) -> None:
    """The log names the permission."""
    missing_repository(aws, docker)
    aws.on("ecr.DescribeRepositoryCreationTemplates", denied("ecr:DescribeRepositoryCreationTemplates"))
    ended = to_build()
    assert ended.exit_code == 2
    assert f"can't read whether a push creates {REPOSITORY}: " in ended.log
    assert "ecr:DescribeRepositoryCreationTemplates" in ended.log


def test_a_push_may_create_the_caches_repository(aws: ScriptedAws, to_build: Run, docker: FakeDocker) -> None:
    """It is a repository like others."""
    document(aws, images(**{"cache-repository": f"{HOST}/caches/app"}))
    aws.on(
        "ecr.DescribeRepositories", error("RepositoryNotFoundException", "x"), where={"repositoryNames": ["caches/app"]}
    )
    template = {**TEMPLATE, "prefix": "caches"}
    aws.on("ecr.DescribeRepositoryCreationTemplates", {"registryId": ID, "repositoryCreationTemplates": [template]})
    ended = to_build(cache="registry")
    assert ended.exit_code == 0, ended.log
    assert option(docker, "cache-from") == [f"type=registry,ref={HOST}/caches/app:cache"]


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


# ---- a build ----


@pytest.fixture
def to_build(aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path) -> Run:
    """Runs build-push when the image has to be built: ECR only has what Docker pushes."""
    docker.registry(aws, {})
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    return lambda **inputs: step("build-push", **inputs)


def option(docker: FakeDocker, name: str, number: int = -1) -> list[str]:
    """The values that an option of a build has."""
    return [w.partition("=")[2] for w in docker.builds[number]["words"] if w.startswith(f"--{name}=")]


def test_a_build_is_pushed_and_known_by_the_digest_that_buildkit_says(
    aws: ScriptedAws, to_build: Run, docker: FakeDocker
) -> None:
    """Under all its tags; the password goes through stdin, and ECR is asked whether it has it."""
    ended = to_build()
    digest = digest_of(f"{REPOSITORY}:{SHA}")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["image"] == f"{REPOSITORY}@{digest}"
    assert ended.outputs["digest"] == digest
    assert ended.outputs["built"] == "true"
    assert ended.outputs["tags"].splitlines() == [SHA, "latest"]
    image = {"image": f"{REPOSITORY}@{digest}", "digest": digest, "tags": [SHA, "latest"], "built": True}
    assert json.loads(ended.outputs["built-images"]) == {"app": image}
    assert [run["words"][:2] for run in docker.runs] == [["login", "--username"], ["buildx", "build"]]
    assert docker.runs[0]["stdin"] == "hunter2"
    assert set(docker.pushed) == {f"{REPOSITORY}:{SHA}", f"{REPOSITORY}:latest"}
    assert aws.calls[-1].params["imageIds"] == [{"imageTag": SHA}]
    assert "the commit's image is not in ECR" in ended.log
    assert "the commit's image is not in ECR" in ended.summary


def test_attestations_are_the_callers(to_build: Run, docker: FakeDocker) -> None:
    """In buildx's own words."""
    assert to_build(provenance="mode=max", sbom="true").exit_code == 0
    assert option(docker, "provenance") == ["mode=max"]
    assert option(docker, "sbom") == ["true"]


def test_a_build_without_a_digest_is_no_image(to_build: Run, docker: FakeDocker) -> None:
    """A driver that doesn't push, say."""
    docker.attempts({"metadata": False})
    ended = to_build()
    assert ended.exit_code == 1
    assert "has no digest for app" in ended.log
    assert "image" not in ended.outputs


def test_what_ecr_holds_is_what_was_pushed(aws: ScriptedAws, to_build: Run, docker: FakeDocker) -> None:
    """Or another job was faster, with a different image."""
    docker.attempts({"pushed": []})
    aws.on("ecr.BatchGetImage", found(OTHER), where=ONLY_THE_COMMITS)
    ended = to_build()
    assert ended.exit_code == 1
    assert "another push moved the tag" in ended.log
    assert ended.outputs == {}


def test_an_image_that_never_arrived_is_a_failure(to_build: Run, docker: FakeDocker, clock: Clock) -> None:
    """Whatever buildx says; ECR is asked three times."""
    docker.attempts({"pushed": []})
    ended = to_build()
    assert ended.exit_code == 1
    assert f"ECR has no image {REPOSITORY}:{SHA}" in ended.log


def test_ecr_may_be_late(aws: ScriptedAws, to_build: Run) -> None:
    """By a moment."""
    arrived = found(digest_of(f"{REPOSITORY}:{SHA}"))
    aws.on("ecr.BatchGetImage", {"images": [], "failures": []}, arrived, where=ONLY_THE_COMMITS)
    assert to_build().exit_code == 0


ONLY_THE_COMMITS = {"imageIds": [{"imageTag": SHA}]}  # as ECR is asked after a push


def found(digest: str) -> Params:
    image_id = {"imageTag": SHA, "imageDigest": digest}
    return {"images": [{"imageId": image_id, "imageManifest": MANIFEST}], "failures": []}


# ---- a push that fails ----


def test_a_push_that_was_cut_off_is_tried_again(to_build: Run, docker: FakeDocker, clock: Clock) -> None:
    """At most twice, with a log line; the layers are in BuildKit's cache."""
    docker.attempts({"exit": 1, "lines": CUT_OFF}, {"exit": 1, "lines": CUT_OFF}, {})
    ended = to_build()
    assert ended.exit_code == 0, ended.log
    assert ended.log.count("\nthe network or the registry interrupted the push; retrying in") == 2
    assert "retrying in 5 seconds" in ended.log
    assert len(docker.builds) == 3
    assert docker.builds[0]["words"] == docker.builds[2]["words"]
    assert clock.monotonic() >= 7


def test_a_network_that_stays_away_fails_the_step(to_build: Run, docker: FakeDocker) -> None:
    """After three attempts, with one annotation."""
    docker.attempts({"exit": 1, "lines": CUT_OFF})
    ended = to_build()
    assert ended.exit_code == 1
    assert len(re.findall("^::(?:error|warning|notice)", ended.log, re.M)) == 1
    assert len(docker.builds) == 3
    assert "docker buildx build failed (exit code 1); its output is above" in ended.log
    assert "image" not in ended.outputs


@pytest.mark.parametrize(
    ("line", "cause", "next_step"),
    [
        ('ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete: connection reset', "", ""),
        ("ERROR: failed to push r:1: 403 Forbidden", "the registry refuses the push", "Allow the job's role to push"),
    ],
)
def test_a_build_that_fails_is_not_tried_again(
    to_build: Run, docker: FakeDocker, line: str, cause: str, next_step: str
) -> None:
    """Whatever a RUN says of a network; a known cause comes with what to do."""
    docker.attempts({"exit": 1, "lines": [line]})
    ended = to_build()
    assert ended.exit_code == 1
    assert len(docker.builds) == 1
    assert docker.pushed == {}
    assert line in ended.log
    assert cause in ended.summary
    assert next_step in ended.log
    assert next_step in ended.summary


def test_an_image_that_arrived_all_the_same_is_used(aws: ScriptedAws, to_build: Run, docker: FakeDocker) -> None:
    """Another job was first, or the cut came late; its other tags move without Docker."""
    docker.registry(aws, {"my-app:latest": OTHER})
    aws.on("ecr.PutImage", {"image": {}})
    docker.attempts({"exit": 1, "pushed": [""], "lines": ["ERROR: tag invalid: the tag is immutable"]})
    ended = to_build()
    assert ended.exit_code == 0, ended.log
    assert len(docker.builds) == 1
    assert "buildx failed, but" in ended.log
    assert [moved["imageTag"] for moved in put(aws)] == ["latest"]


def test_an_image_of_before_is_not_taken_for_the_new_one(aws: ScriptedAws, to_build: Run, docker: FakeDocker) -> None:
    """`reuse: never` builds although the commit's image exists."""
    docker.registry(aws, {f"my-app:{SHA}": OTHER})
    docker.attempts({"exit": 1})
    ended = to_build(reuse="never")
    assert ended.exit_code == 1
    assert put(aws) == []


def test_what_is_there_is_built_again_if_asked_to(aws: ScriptedAws, to_build: Run, docker: FakeDocker) -> None:
    """And the tag moves; on an immutable repository that can't be, and is refused first."""
    docker.registry(aws, {f"my-app:{SHA}": OTHER})
    ended = to_build(reuse="never")
    assert ended.exit_code == 0
    assert ended.outputs["built"] == "true"
    mutability(aws, "IMMUTABLE")
    ended = to_build(reuse="never")
    assert ended.exit_code == 2
    assert "can't be replaced: the repository is immutable" in ended.log
    assert len(docker.builds) == 1


def test_a_cancelled_build_is_ended_with_us(to_build: Run, docker: FakeDocker, tmp_path: Path) -> None:
    """buildx gets the signal and is waited for; no login and no secret is left, and nothing was pushed."""
    docker.attempts({"cancel": True})
    ended = to_build(secrets="TOKEN=hunter3")
    assert ended.exit_code == 130
    assert "CANCELED" in ended.log
    assert docker.pushed == {}
    assert [path.name for path in (tmp_path / "ecs-cd").iterdir()] == ["clean-up"]


# ---- platforms ----


AMD64 = "Name: default\nDriver: docker\nPlatforms: linux/amd64, linux/amd64/v2, linux/386\n"


@pytest.mark.parametrize(
    ("dockerfile", "inspected", "refused"),
    [
        ("FROM alpine\nRUN apk add curl\n", AMD64, True),
        ("FROM alpine\nCOPY . .\n", AMD64, False),
        ("FROM --platform=$BUILDPLATFORM golang AS b\nRUN go build\nFROM scratch\nCOPY --from=b /a /a\n", AMD64, False),
        ("FROM alpine\nRUN apk add curl\n", AMD64 + "Platforms: linux/arm64\n", False),
        ("FROM alpine\nRUN apk add curl\n", "", False),
    ],
)
def test_a_platform_without_an_emulator_is_refused_before_the_build(
    to_build: Run, docker: FakeDocker, tmp_path: Path, dockerfile: str, inspected: str, refused: bool
) -> None:
    """Where the Dockerfile certainly runs programs for it; what only copies needs none."""
    (tmp_path / "Dockerfile").write_text(dockerfile)
    docker.inspected(inspected)
    ended = to_build(platforms="linux/amd64,linux/arm64")
    assert ended.exit_code == (2 if refused else 0), ended.log
    assert ("platforms: image `app` runs programs for linux/arm64" in ended.log) is refused
    assert ("docker/setup-qemu-action" in ended.log) is refused
    assert len(docker.builds) == (not refused)


def test_for_a_reused_image_the_builder_is_not_asked(step: Run, docker: FakeDocker, aws: ScriptedAws) -> None:
    """No Docker process at all."""
    aws.on("ecr.PutImage", {"image": {}})
    assert step("build-push", platforms="linux/arm64").exit_code == 0
    assert docker.runs == []


# ---- the cache ----


def test_the_cache_is_beside_the_image(to_build: Run, docker: FakeDocker) -> None:
    """In ECR's form, in addition to the caller's own caches."""
    assert to_build(cache="registry", cache_from="type=local,src=/c", cache_to="type=local,dest=/c").exit_code == 0
    place = f"type=registry,ref={REPOSITORY}:cache"
    kept = f"{place},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true"
    assert option(docker, "cache-from") == [place, "type=local,src=/c"]
    assert option(docker, "cache-to") == [kept, "type=local,dest=/c"]


def test_an_immutable_repository_can_not_hold_the_cache(aws: ScriptedAws, to_build: Run, docker: FakeDocker) -> None:
    """Its tag could be written only once; a separate repository, or an exclusion, works."""
    mutability(aws, "IMMUTABLE")
    ended = to_build(cache="registry")
    assert ended.exit_code == 2
    assert "Give the image a `cache-repository` in the document" in ended.log
    assert docker.runs == []
    mutability(aws, "IMMUTABLE_WITH_EXCLUSION", "cache*")
    assert to_build(cache="registry").exit_code == 0


def test_the_cache_has_the_repository_that_the_document_says(
    aws: ScriptedAws, to_build: Run, docker: FakeDocker
) -> None:
    """ecs-cd logs in to it as well, and checks before the build that it exists and is mutable."""
    place = f"{HOST.replace('ap-northeast-1', 'eu-west-1')}/caches"
    document(aws, images(**{"cache-repository": place}))
    mutability(aws, "IMMUTABLE")
    aws.on("ecr.DescribeRepositories", {"repositories": [{}]}, where={"repositoryNames": ["caches"]})
    assert to_build(cache="registry").exit_code == 0
    assert option(docker, "cache-from") == [f"type=registry,ref={place}:cache"]
    assert [run["words"][-1] for run in docker.runs[:-1]] == [HOST, place.partition("/")[0]]


def test_a_missing_repository_of_the_cache_is_refused(aws: ScriptedAws, to_build: Run, docker: FakeDocker) -> None:
    """By its name."""
    document(aws, images(**{"cache-repository": f"{HOST}/caches"}))
    missing = error("RepositoryNotFoundException", "x")
    aws.on("ecr.DescribeRepositories", missing, where={"repositoryNames": ["caches"]})
    ended = to_build(cache="registry")
    assert ended.exit_code == 2
    assert f"there is no ECR repository {HOST}/caches" in ended.log
    assert docker.runs == []


@pytest.mark.parametrize(
    ("held", "sources"), [({}, []), ({"latest": OTHER}, [f"type=registry,ref={REPOSITORY}:latest"])]
)
def test_an_inline_cache_is_read_from_a_tag_that_moves(
    aws: ScriptedAws, to_build: Run, docker: FakeDocker, held: dict[str, str], sources: list[str]
) -> None:
    """Once there is one."""
    docker.registry(aws, {f"my-app:{tag}": digest for tag, digest in held.items()})
    assert to_build(cache="inline").exit_code == 0
    assert option(docker, "cache-from") == sources
    assert option(docker, "cache-to") == ["type=inline"]


@pytest.mark.parametrize(
    ("environ", "known"),
    [
        ({}, False),
        ({"ACTIONS_RUNTIME_TOKEN": "t"}, False),
        ({"ACTIONS_RUNTIME_TOKEN": "t", "ACTIONS_RESULTS_URL": "http://127.0.0.1:1/"}, True),
        ({"ACTIONS_RUNTIME_TOKEN": "t", "ACTIONS_CACHE_URL": "http://127.0.0.1:1/"}, True),
    ],
)
def test_githubs_cache_needs_what_a_run_step_does_not_get(
    to_build: Run, docker: FakeDocker, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], known: bool
) -> None:
    """Without it the image is still built, and the log says how to get the cache."""
    for name in ("ACTIONS_RUNTIME_TOKEN", "ACTIONS_RESULTS_URL", "ACTIONS_CACHE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    ended = to_build(cache="gha")
    assert ended.exit_code == 0
    assert option(docker, "cache-from") == (["type=gha,scope=app"] if known else [])
    assert option(docker, "cache-to") == (["type=gha,scope=app,mode=max,ignore-error=true"] if known else [])
    assert ("::warning::cache: image `app` is built without GitHub's cache" in ended.log) is not known
    assert ("crazy-max/ghaction-github-runtime" in ended.log) is not known


# ---- ECR's scan ----


def scanned(aws: ScriptedAws, **counts: int) -> None:
    """Once the image exists, its scan is complete with this number of findings per severity."""
    findings = [{"name": f"CVE-{severity}", "severity": severity} for severity in counts]
    scan = {"findings": findings, "findingSeverityCounts": counts, "imageScanCompletedAt": 0}
    aws.on("ecr.DescribeImageScanFindings", {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": scan})
    held = {"imageId": {"imageDigest": ecs.DIGEST}, "imageManifest": "{}"}
    for digest in (ecs.DIGEST, digest_of(f"{REPOSITORY}:{SHA}")):
        aws.on("ecr.BatchGetImage", {"images": [held]}, where={"imageIds": [{"imageDigest": digest}]})


@pytest.mark.parametrize(
    ("inputs", "exit_code"),
    [({}, 0), ({"scan": "wait"}, 0), ({"fail_on": "critical"}, 0), ({"fail_on": "high"}, 1)],
)
def test_an_image_that_was_pushed_is_held_to_its_scan(
    aws: ScriptedAws, to_build: Run, docker: FakeDocker, inputs: dict[str, str], exit_code: int
) -> None:
    """A deploy doesn't follow; that the image is in ECR all the same is in the outputs."""
    scanned(aws, HIGH=2)
    ended = to_build(**inputs)
    assert ended.exit_code == exit_code, ended.log
    assert ended.outputs["digest"] == digest_of(f"{REPOSITORY}:{SHA}")
    assert (aws.count("ecr.DescribeImageScanFindings") > 0) is bool(inputs)
    assert ("2 high" in ended.log) is bool(inputs)


def test_a_reused_image_is_held_to_its_scan_as_well(aws: ScriptedAws, step: Run, docker: FakeDocker) -> None:
    """What was found since counts too."""
    there(aws, {SHA: ecs.DIGEST, "latest": ecs.DIGEST})
    scanned(aws, CRITICAL=1)
    ended = step("build-push", fail_on="critical")
    assert ended.exit_code == 1, ended.log
    assert ended.outputs["built"] == "false"
    assert docker.runs == []


def test_where_nothing_is_scanned_nothing_is_built(aws: ScriptedAws, step: Run, docker: FakeDocker) -> None:
    """ECR public has no scans to wait for."""
    document(aws, {**DOCUMENT, "images": {"app": {"repository": "public.ecr.aws/me/app"}}})
    ended = step("build-push", scan="wait")
    assert ended.exit_code == 2
    assert "is in ECR public, which doesn't scan images" in ended.log
    assert docker.runs == []


# ---- by its content ----


def test_an_image_of_the_same_content_is_reused_for_the_next_commit(
    aws: ScriptedAws, to_build: Run, docker: FakeDocker, tmp_path: Path
) -> None:
    """It gets the new tags by PutImage, byte for byte, and no Docker process is started."""
    inputs = {"reuse": "content", "context": "app", "platforms": "linux/amd64"}
    git(tmp_path, "init", "--quiet")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    git(tmp_path, "add", "app")
    first = commit_only(tmp_path)
    ended = to_build(sha=first, **inputs)
    assert ended.exit_code == 0, ended.log
    sha, latest, content = ended.outputs["tags"].splitlines()
    assert (sha, latest) == (first, "latest")
    assert re.fullmatch("content-[0-9a-f]{40}", content)
    built, calls = len(docker.runs), len(aws.calls)

    (tmp_path / "README").write_text("beside it")
    git(tmp_path, "add", "README")
    second = commit_only(tmp_path)
    aws.on("ecr.PutImage", {"image": {}})
    ended = to_build(sha=second, **inputs)
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["built"] == "false"
    assert ended.outputs["tags"].splitlines() == [second, "latest", content]
    assert ended.outputs["digest"] == digest_of(f"{REPOSITORY}:{first}")
    assert len(docker.runs) == built
    assert [(moved["imageTag"], moved["imageManifest"]) for moved in put(aws)] == [(second, MANIFEST)]
    assert [call.operation for call in aws.calls[calls:]].count("ecr.PutImage") == len(aws.calls[calls:]) - 3
    assert "an image with the same content is already in ECR" in ended.log
    assert "an image with the same content is already in ECR" in ended.summary


def base_image(docker: FakeDocker, *triggers: str, index: bool = True) -> str:
    """The digest of a base image with these triggers."""
    [config] = docker.blobs(json.dumps({"config": {"OnBuild": triggers}}))
    [digest] = docker.blobs(json.dumps({"config": {"digest": config}}))
    platform = {"os": "linux", "architecture": "amd64"}
    return docker.blobs(json.dumps({"manifests": [{"digest": digest, "platform": platform}]}))[0] if index else digest


def content_tags(to_build: Run, folder: Path, dockerfile: str, **inputs: str) -> tuple[Step, list[str]]:
    """The content tags of an image that is built from this Dockerfile."""
    git(folder, "init", "--quiet")
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app" / "Dockerfile").write_text(dockerfile)
    git(folder, "add", "app")
    ended = to_build(sha=commit_only(folder), reuse="content", context="app", platforms="linux/amd64", **inputs)
    assert ended.exit_code == 0, ended.log
    return ended, [tag for tag in ended.outputs["tags"].splitlines() if tag.startswith("content-")]


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("triggers", [[], ["COPY . /app", "RUN make"]])
def test_a_base_image_whose_triggers_are_certain_has_a_content_tag(
    to_build: Run, docker: FakeDocker, tmp_path: Path, triggers: list[str], index: bool
) -> None:
    """ecs-cd reads the configuration with the build's logins, once a build is needed."""
    base = base_image(docker, *triggers, index=index)
    _, tags = content_tags(to_build, tmp_path, f"FROM python:3@{base} AS a\nFROM a\nCOPY --from=b@{base} /b /b\n")
    assert len(tags) == 1
    read = [run["words"][-1] for run in docker.runs if run["words"][:2] == ["buildx", "imagetools"]]
    assert len(read) == 2 + index
    assert read[0] == f"python:3@{base}"


@pytest.mark.parametrize("trigger", ["ADD https://example.com/latest /x", "COPY --from=moving /a /b"])
def test_a_trigger_that_takes_from_elsewhere_rules_the_content_tag_out(
    to_build: Run, docker: FakeDocker, tmp_path: Path, trigger: str
) -> None:
    """Nothing in the Dockerfile shows it; the image still gets its other tags."""
    base = base_image(docker, trigger)
    ended, tags = content_tags(to_build, tmp_path, f"FROM python:3@{base}\n")
    assert tags == []
    assert f"image `app` gets no content tag: the base image python:3@{base} has an ONBUILD trigger" in ended.log
    assert len(ended.outputs["tags"].splitlines()) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "not JSON",
        '{"manifests": [{}]}',
        '{"config": {"digest": "sha256:0"}}',
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_a_base_image_that_can_not_be_read_rules_the_content_tag_out(
    to_build: Run, docker: FakeDocker, tmp_path: Path, text: str
) -> None:
    """Its triggers are unknown; the build goes on."""
    [base] = docker.blobs(text)
    ended, tags = content_tags(to_build, tmp_path, f"FROM python:3@{base}\n")
    assert tags == []
    assert "can't be read, and may have ONBUILD triggers" in ended.log


def test_the_content_of_another_digest_is_no_base_image(to_build: Run, docker: FakeDocker, tmp_path: Path) -> None:
    """A registry that answers with something else proves nothing."""
    [config] = docker.blobs(json.dumps({"config": {}}))
    wrong = "sha256:" + "a" * 64
    docker.answers({wrong: json.dumps({"config": {"digest": config}})})
    ended, tags = content_tags(to_build, tmp_path, f"FROM python:3@{wrong}\n")
    assert tags == []
    assert "can't be read" in ended.log


@pytest.mark.parametrize("dockerfile", ["FROM {0}\n", "FROM scratch\nCOPY --from={0} /a /b\n"])
@pytest.mark.parametrize("moved", [False, True])
def test_a_build_asks_for_the_tag_of_a_base_image_as_a_pull_does(
    aws: ScriptedAws, to_build: Run, docker: FakeDocker, tmp_path: Path, dockerfile: str, moved: bool
) -> None:
    """A pull-through cache looks upstream only then; a tag that has moved is neither pinned nor known by content."""
    [config] = docker.blobs(json.dumps({"config": {}}))
    manifest = json.dumps({"config": {"digest": config}})
    [digest] = docker.blobs(manifest)
    base = f"{HOST}/docker-hub/library/node:20"
    docker.registry(aws, {"docker-hub/library/node:20": digest})
    docker.answers({base: json.dumps({"newer": True}) if moved else manifest})
    ended, tags = content_tags(to_build, tmp_path, dockerfile.format(base))
    assert len(tags) == (not moved)
    assert bool(option(docker, "build-context")) is not moved
    assert (f"the registry has another digest for the base image {base}" in ended.log) is moved


def test_an_image_that_may_be_another_jobs_is_not_known_by_its_content(
    aws: ScriptedAws, to_build: Run, docker: FakeDocker, tmp_path: Path
) -> None:
    """It has the commit's tag, but its content is unknown."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("FROM scratch\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "app")
    first = commit_only(tmp_path)
    aws.on("ecr.PutImage", {"image": {}})
    docker.attempts({"exit": 1, "pushed": [""]})
    ended = to_build(sha=first, reuse="content", context="app", platforms="linux/amd64")
    assert ended.exit_code == 0, ended.log
    assert any(tag.startswith(f"{REPOSITORY}:content-") for tag in option(docker, "tag"))
    assert ended.outputs["tags"].splitlines() == [first, "latest"]
    assert [moved["imageTag"] for moved in put(aws)] == ["latest"]


def test_a_dirty_tree_has_no_content_to_be_known_by(to_build: Run, docker: FakeDocker, tmp_path: Path) -> None:
    """Neither reused nor tagged by it."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "Dockerfile")
    first = commit_only(tmp_path)
    assert to_build(sha=first, reuse="content", platforms="linux/amd64", context="app2").exit_code == 2
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    ended = to_build(sha=first, reuse="content", platforms="linux/amd64")
    assert ended.exit_code == 0
    assert ended.outputs["tags"].splitlines() == ["latest"]
    assert "built without the commit's tag" in ended.log


def test_why_a_content_is_not_known_is_said(to_build: Run, docker: FakeDocker, tmp_path: Path) -> None:
    """So that the user can pin the base image."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("FROM node:20\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "app")
    ended = to_build(sha=commit_only(tmp_path), reuse="content", platforms="linux/amd64", context="app")
    assert ended.exit_code == 0
    assert ended.outputs["tags"].splitlines()[1:] == ["latest"]
    assert f"image: app ({REPOSITORY}) will be built: the image's content is uncertain: " in ended.log
    assert "node:20" in ended.summary


def commit_only(folder: Path) -> str:
    """Commit what was added, and nothing else that lies around; the commit."""
    author = ("-c", "user.name=D", "-c", "user.email=d@example.com", "-c", "commit.gpgsign=false")
    git(folder, *author, "commit", "--quiet", "--message", "x")
    return git(folder, "rev-parse", "HEAD")


ELSEWHERE = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"


def logins(docker: FakeDocker) -> list[str]:
    """The registries that were logged in to."""
    return [run["words"][-1] for run in docker.runs if run["words"][:1] == ["login"]]


def from_elsewhere(aws: ScriptedAws, docker: FakeDocker, folder: Path) -> None:
    """A build whose base image is in a registry of another account and region."""
    (folder / "Dockerfile").write_text(f"FROM {ELSEWHERE}/base:1\n")
    docker.registry(aws, {})


def test_the_registry_of_a_base_image_gets_a_login_too(
    aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path
) -> None:
    """Of another account and region, with that region's token."""
    from_elsewhere(aws, docker, tmp_path)
    assert step("build-push").exit_code == 0
    assert logins(docker) == [HOST, ELSEWHERE]


def test_what_the_caller_has_logged_in_to_stays_so(
    aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ecs-cd's token may have fewer permissions than the caller's."""
    from_elsewhere(aws, docker, tmp_path)
    theirs = tmp_path.parent / f"{tmp_path.name}-config"
    theirs.mkdir()
    (theirs / "config.json").write_text(json.dumps({"auths": {ELSEWHERE: {"auth": "eDp5"}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(theirs))
    assert step("build-push").exit_code == 0
    assert logins(docker) == [HOST]


def test_no_token_for_a_base_images_registry_is_no_reason_not_to_build(
    aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path
) -> None:
    """The image may be public, or unused; the log says so."""
    from_elsewhere(aws, docker, tmp_path)
    token = {"authorizationData": [{"authorizationToken": "QVdTOmh1bnRlcjI="}]}
    aws.on("ecr.GetAuthorizationToken", token, denied("ecr:GetAuthorizationToken"))
    ended = step("build-push")
    assert ended.exit_code == 0, ended.log
    assert f"::warning::no login for {ELSEWHERE}" in ended.log
    assert logins(docker) == [HOST]


def from_public(docker: FakeDocker, folder: Path, aws: ScriptedAws) -> None:
    """A build whose base image is in ECR Public."""
    (folder / "Dockerfile").write_text(
        "FROM scratch\nCOPY --from=public.ecr.aws/datadog/lambda-extension:35 /opt /opt\n"
    )
    docker.registry(aws, {})


def test_ecr_public_gets_a_login_if_base_images_come_from_it(
    aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path
) -> None:
    """Its limits are higher with one."""
    from_public(docker, tmp_path, aws)
    aws.on("ecr-public.GetAuthorizationToken", {"authorizationData": {"authorizationToken": "QVdTOmh1bnRlcjI="}})
    ended = step("build-push")
    assert ended.exit_code == 0, ended.log
    assert logins(docker) == [HOST, "public.ecr.aws"]
    assert "hunter2" not in ended.log


def test_ecr_public_works_without_a_login(aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path) -> None:
    """If the role may not get a token, the log says so; that is no warning."""
    from_public(docker, tmp_path, aws)
    aws.on("ecr-public.GetAuthorizationToken", denied("ecr-public:GetAuthorizationToken"))
    ended = step("build-push")
    assert ended.exit_code == 0, ended.log
    assert "no login for public.ecr.aws: base images are pulled without one, at a lower rate" in ended.log
    assert "::warning" not in ended.log
    assert logins(docker) == [HOST]


def test_a_login_to_ecr_public_that_fails_is_no_failure(
    aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path
) -> None:
    """The build may not need it."""
    from_public(docker, tmp_path, aws)
    aws.on("ecr-public.GetAuthorizationToken", {"authorizationData": {"authorizationToken": "QVdTOmh1bnRlcjI="}})
    docker.refuse_login("public.ecr.aws")
    ended = step("build-push")
    assert ended.exit_code == 0, ended.log
    assert "docker login to public.ecr.aws failed" in ended.log
    assert "hunter2" not in ended.log


def test_a_throttled_pull_is_tried_again(to_build: Run, docker: FakeDocker, clock: Clock) -> None:
    """At most twice, with longer pauses than for a push; in the end, the cause is in the summary."""
    error = "unexpected status from HEAD request to https://public.ecr.aws/v2/x/manifests/1: 429 Too Many Requests"
    throttled = [f"#3 ERROR: {error}", f"ERROR: failed to solve: x: failed to resolve source metadata: {error}"]
    docker.attempts({"exit": 1, "lines": throttled}, {})
    ended = to_build()
    assert ended.exit_code == 0, ended.log
    assert "\na registry throttled the pull of a base image; retrying in 10 seconds" in ended.log
    assert clock.monotonic() >= 10
    docker.attempts({"exit": 1, "lines": throttled})
    ended = to_build(reuse="never")
    assert ended.exit_code == 1
    assert len(docker.builds) == 5
    assert "public.ecr.aws throttles pulls" in ended.summary


COPY, HUB = f"{ELSEWHERE}/copies/app", "ghcr.io/org/app"


def copied(docker: FakeDocker) -> list[list[str]]:
    """The words of each copy, after the command."""
    return [run["words"][3:] for run in docker.runs if run["words"][:3] == ["buildx", "imagetools", "create"]]


def with_copies(aws: ScriptedAws) -> None:
    document(aws, images(copies=[COPY, HUB]))


def test_an_image_is_copied_to_other_registries(aws: ScriptedAws, to_build: Run, docker: FakeDocker) -> None:
    """After the push, by digest and with the same tags; ECR gets a login, others have the caller's."""
    with_copies(aws)
    ended = to_build()
    assert ended.exit_code == 0, ended.log
    image = f"{REPOSITORY}@{digest_of(f'{REPOSITORY}:{SHA}')}"
    assert sorted(copied(docker)) == sorted(
        ["--prefer-index=false", f"--tag={place}:{SHA}", f"--tag={place}:latest", image] for place in (COPY, HUB)
    )
    assert f"{image} copied to {HUB}: {SHA}, latest" in ended.log
    assert logins(docker) == [HOST, HOST, ELSEWHERE]


def test_a_reused_image_is_copied_if_it_is_not_there(aws: ScriptedAws, step: Run, docker: FakeDocker) -> None:
    """As after a copy that failed; a tag that holds it stays."""
    with_copies(aws)
    text = "manifest"
    [digest] = docker.blobs(text)
    there(aws, {SHA: digest, "latest": digest})
    docker.answers({f"{COPY}:{SHA}": text, f"{COPY}:latest": text, f"{HUB}:{SHA}": text, f"{HUB}:latest": "older"})
    ended = step("build-push")
    assert ended.exit_code == 0, ended.log
    assert copied(docker) == [["--prefer-index=false", f"--tag={HUB}:latest", f"{REPOSITORY}@{digest}"]]
    assert f"{COPY} has {REPOSITORY}@{digest} already" in ended.log


def test_a_copy_that_fails_fails_the_step(aws: ScriptedAws, to_build: Run, docker: FakeDocker) -> None:
    """The image is in ECR, and the outputs say so; the other registry has its copy."""
    with_copies(aws)
    docker.copying(refused_at=HUB)
    ended = to_build()
    assert ended.exit_code == 1
    assert f"was not copied to {HUB}" in ended.log
    assert f"ERROR: denied: {HUB}:{SHA}" in ended.log
    assert f"copied to {COPY}" in ended.log
    assert ended.outputs["digest"] == digest_of(f"{REPOSITORY}:{SHA}")


def test_an_older_buildx_copies_too(aws: ScriptedAws, to_build: Run, docker: FakeDocker) -> None:
    """It doesn't know the option that keeps a single manifest."""
    with_copies(aws)
    docker.copying(old=True)
    ended = to_build()
    assert ended.exit_code == 0, ended.log
    assert len([words for words in copied(docker) if "--prefer-index=false" not in words]) == 2


def test_the_content_tag_is_not_copied(aws: ScriptedAws, to_build: Run, docker: FakeDocker, tmp_path: Path) -> None:
    """ecs-cd looks for it in ECR alone."""
    with_copies(aws)
    _, tags = content_tags(to_build, tmp_path, "FROM scratch\n")
    assert len(tags) == 1
    assert not any("content-" in word for words in copied(docker) for word in words)


def test_a_login_for_a_copy_that_fails_fails_the_step(aws: ScriptedAws, to_build: Run, docker: FakeDocker) -> None:
    """Not as a refusal: the image is in ECR by then, and the outputs say so."""
    with_copies(aws)
    docker.refuse_login(ELSEWHERE)
    ended = to_build()
    assert ended.exit_code == 1
    assert f"no image was copied: docker login to {ELSEWHERE} failed" in ended.log
    assert "hunter2" not in ended.log
    assert ended.outputs["digest"] == digest_of(f"{REPOSITORY}:{SHA}")
