"""build-push of one platform per job: each pushes its own image, and the last one joins them into the commit's image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dev.workflows import commit, git
from tests.scripted_aws import Params, ScriptedAws, ecs, error
from tests.timelines.conftest import DOCUMENT, REPOSITORY, SHA, Step
from tests.timelines.fake_docker import FakeDocker, digest_of

Run = Callable[..., Step]

HOST = REPOSITORY.partition("/")[0]
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
TAGS = {platform: f"{SHA}-{platform.replace('/', '-')}" for platform in ("linux/amd64", "linux/arm64")}


def attested(platform: str) -> dict[str, Any]:
    """What buildx pushes by default: an index of the image and its provenance."""
    system, machine = platform.split("/")
    own, provenance = (digest_of(f"{kind} {platform}") for kind in ("image", "provenance"))
    annotations = {"vnd.docker.reference.digest": own, "vnd.docker.reference.type": "attestation-manifest"}
    unknown = {"architecture": "unknown", "os": "unknown"}
    return {
        "mediaType": INDEX,
        "manifests": [
            {"mediaType": MANIFEST, "digest": own, "platform": {"architecture": machine, "os": system}},
            {"mediaType": MANIFEST, "digest": provenance, "platform": unknown, "annotations": annotations},
        ],
    }


def plain() -> dict[str, Any]:
    """What buildx pushes without attestations."""
    return {"mediaType": MANIFEST, "config": {"digest": ecs.DIGEST}, "layers": []}


class Ecr:
    """A repository: what is put there, and what the fake Docker pushes, for the platform that its tag names."""

    def __init__(self, aws: ScriptedAws, docker: FakeDocker) -> None:
        self.images: dict[str, tuple[str, str]] = {}  # tag to digest and manifest
        self.manifests = {TAGS[platform]: attested(platform) for platform in TAGS}
        self.hidden: set[str] = set()
        self.docker = docker
        aws.on("ecr.BatchGetImage", self._get)
        aws.on("ecr.PutImage", self._put)

    def holds(self, tag: str) -> None:
        text = json.dumps(self.manifests.get(tag, plain()))
        self.images[tag] = (digest_of(text), text)

    def _get(self, params: Params) -> Params:
        for reference in self.docker.pushed:
            self.holds(reference.rpartition(":")[2])
            self.images[reference.rpartition(":")[2]] = (
                self.docker.pushed[reference],
                self.images[reference.rpartition(":")[2]][1],
            )
        asked = [each["imageTag"] for each in params["imageIds"]]
        found = [tag for tag in asked if tag in self.images and tag not in self.hidden]
        self.hidden.clear()
        images = [
            {
                "imageId": {"imageTag": tag, "imageDigest": self.images[tag][0]},
                "imageManifest": self.images[tag][1],
                "imageManifestMediaType": json.loads(self.images[tag][1])["mediaType"],
            }
            for tag in found
        ]
        missing = [{"imageId": {"imageTag": tag}, "failureCode": "ImageNotFound"} for tag in asked if tag not in found]
        return {"images": images, "failures": missing}

    def _put(self, params: Params) -> Params:
        assert params["imageDigest"] == f"sha256:{hashlib.sha256(params['imageManifest'].encode()).hexdigest()}"
        self.images[params["imageTag"]] = (params["imageDigest"], params["imageManifest"])
        return {"image": {}}


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    fake = FakeDocker(tmp_path.parent / f"{tmp_path.name}-docker")
    monkeypatch.setenv("PATH", str(fake.install()), prepend=":")
    return fake


@pytest.fixture(autouse=True)
def registry(aws: ScriptedAws, docker: FakeDocker, tmp_path: Path) -> Ecr:
    """A document with one image, whose app file lists two platforms; a repository without images."""
    document(aws)
    mutability(aws, "MUTABLE")
    aws.on("ecr.GetAuthorizationToken", {"authorizationData": [{"authorizationToken": "QVdTOmh1bnRlcjI="}]})
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    app_file(tmp_path, {"app": list(TAGS)})
    return Ecr(aws, docker)


def mutability(aws: ScriptedAws, setting: str) -> None:
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": setting}]})


def document(aws: ScriptedAws, **more: object) -> None:
    content = {**DOCUMENT, "images": {"app": {"repository": REPOSITORY}}, **more}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(content), "Version": 3}})


def app_file(folder: Path, platforms: dict[str, list[str]], **more: object) -> None:
    (folder / ".github").mkdir(exist_ok=True)
    images = {name: {"platforms": listed, **more} if listed else dict(more) for name, listed in platforms.items()}
    (folder / ".github" / "ecs-cd.yml").write_text(json.dumps({"images": images}))


def option(docker: FakeDocker, name: str) -> list[str]:
    (build,) = docker.builds
    return [word.partition("=")[2] for word in build["words"] if word.startswith(f"--{name}=")]


def put(aws: ScriptedAws) -> list[Params]:
    return [call.params for call in aws.calls if call.operation == "ecr.PutImage"]


def test_the_first_job_builds_its_platform_and_moves_no_tag(aws: ScriptedAws, step: Run, docker: FakeDocker) -> None:
    """The commit has no image until all platforms are there: `deploy` would run it."""
    ended = step("build-push", platform="linux/arm64")
    assert ended.exit_code == 0, ended.log
    assert option(docker, "platform") == ["linux/arm64"]
    assert option(docker, "tag") == [f"{REPOSITORY}:{TAGS['linux/arm64']}"]
    assert not put(aws)
    assert "image `app` is not complete: linux/amd64 is not in ECR yet" in ended.log
    assert "(only linux/arm64, built and pushed)" in ended.log
    assert ended.outputs["tags"] == TAGS["linux/arm64"]


def test_the_last_job_joins_what_the_jobs_have_built(
    aws: ScriptedAws, step: Run, docker: FakeDocker, registry: Ecr
) -> None:
    """The index has these images and their provenance, no others, under the tags of a build of all platforms."""
    registry.holds(TAGS["linux/amd64"])
    ended = step("build-push", platform="linux/arm64")
    assert ended.exit_code == 0, ended.log
    assert [each["imageTag"] for each in put(aws)] == [SHA, "latest"]
    (text,) = {each["imageManifest"] for each in put(aws)}
    index = json.loads(text)
    assert index["mediaType"] == INDEX == put(aws)[0]["imageManifestMediaType"]
    amd64, arm64 = (attested(platform)["manifests"] for platform in TAGS)
    assert index["manifests"] == [amd64[0], arm64[0], amd64[1], arm64[1]]
    assert ended.outputs["digest"] == put(aws)[0]["imageDigest"]
    assert ended.outputs["tags"].splitlines() == [SHA, "latest"]
    assert ended.outputs["built"] == "true"


@pytest.mark.parametrize("code", ["ImageAlreadyExistsException", "ImageTagAlreadyExistsException"])
def test_jobs_that_end_at_the_same_moment_write_the_same(aws: ScriptedAws, step: Run, registry: Ecr, code: str) -> None:
    """Also into an immutable repository, where `latest` is skipped."""
    mutability(aws, "IMMUTABLE")
    registry.holds(TAGS["linux/amd64"])
    first = step("build-push", platform="linux/arm64")
    registry.hidden.add(SHA)  # when the second job begins
    aws.on("ecr.PutImage", error(code, "x"))
    second = step("build-push", platform="linux/amd64")
    assert (first.exit_code, second.exit_code) == (0, 0), second.log
    assert len({(each["imageTag"], each["imageManifest"]) for each in put(aws)}) == 1
    assert second.outputs["digest"] == first.outputs["digest"]
    assert second.outputs["built"] == "false"


def test_a_fixed_tag_of_another_image_stays(aws: ScriptedAws, step: Run, registry: Ecr) -> None:
    """Another job has pushed it since this one began."""
    mutability(aws, "IMMUTABLE")
    registry.holds(TAGS["linux/amd64"])
    registry.holds(SHA)
    registry.hidden.add(SHA)
    aws.on("ecr.PutImage", error("ImageTagAlreadyExistsException", "x"))
    ended = step("build-push", platform="linux/arm64")
    assert ended.exit_code == 2
    assert f"the tag `{SHA}` of {REPOSITORY} belongs to another image and can't move" in ended.log


def test_an_image_that_ecr_lists_a_little_late_is_joined(aws: ScriptedAws, step: Run, registry: Ecr) -> None:
    """Else two jobs that end at the same moment could each leave it to the other."""
    registry.holds(TAGS["linux/amd64"])
    original = registry._get
    answers = iter([True, True, False])  # the plan, the pushed image, the first look for both

    def late(params: Params) -> Params:
        if not next(answers, True):
            registry.hidden.add(TAGS["linux/amd64"])
        return original(params)

    aws.on("ecr.BatchGetImage", late)
    ended = step("build-push", platform="linux/arm64")
    assert ended.exit_code == 0, ended.log
    assert len(put(aws)) == 2


def test_what_is_there_is_not_built_again(aws: ScriptedAws, step: Run, docker: FakeDocker, registry: Ecr) -> None:
    """After a failed attempt only the missing platform is built; once the commit's image is there, nothing is."""
    registry.holds(TAGS["linux/arm64"])
    assert step("build-push", platform="linux/arm64").exit_code == 0
    assert not docker.runs
    assert step("build-push", platform="linux/amd64").exit_code == 0
    assert option(docker, "platform") == ["linux/amd64"]
    before = len(put(aws))
    again = step("build-push", platform="linux/arm64")
    assert again.outputs["built"] == "false"
    assert again.outputs["tags"].splitlines() == [SHA, "latest"]
    assert (len(docker.builds), len(put(aws))) == (1, before)


def test_images_without_attestations_are_joined(aws: ScriptedAws, step: Run, registry: Ecr) -> None:
    """Their manifests don't name the platform; the index does."""
    registry.manifests = dict.fromkeys(TAGS.values(), plain())
    registry.holds(TAGS["linux/amd64"])
    ended = step("build-push", platform="linux/aarch64")
    assert ended.exit_code == 0, ended.log
    found = json.loads(put(aws)[0]["imageManifest"])["manifests"]
    assert [each["platform"] for each in found] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux"},
    ]
    assert {(each["mediaType"], each["size"]) for each in found} == {(MANIFEST, len(json.dumps(plain())))}


@pytest.mark.parametrize(
    "content", [attested("linux/s390x"), {"mediaType": INDEX, "manifests": []}, {"mediaType": MANIFEST}]
)
def test_the_child_of_another_build_is_refused(
    aws: ScriptedAws, step: Run, registry: Ecr, content: dict[str, Any]
) -> None:
    """The commit gets no image; the message names the tag to delete."""
    registry.manifests[TAGS["linux/amd64"]] = content
    registry.holds(TAGS["linux/amd64"])
    ended = step("build-push", platform="linux/arm64")
    assert ended.exit_code == 2
    assert f"the tag `{TAGS['linux/amd64']}` of {REPOSITORY} is " in ended.log
    assert "delete it in ECR" in ended.log
    assert not put(aws)


@pytest.mark.parametrize(
    ("listed", "inputs", "words"),
    [
        ([], {}, "platform: image `app` has no `platforms`, so it isn't known which ones to join"),
        (["linux/amd64", "linux/s390x"], {}, "image `app` is not built for linux/arm64, but for linux/amd64, linux/s390x"),
        (["linux/arm64", "linux/arm64"], {}, "platforms: image `app` has linux/arm64 twice"),
        (["linux/arm64", "linux/amd64", "linux/aarch64"], {}, "platforms: image `app` has linux/arm64 twice"),
        (list(TAGS), {"reuse": "content"}, "`reuse: content` is impossible"),
        (list(TAGS), {"reuse": "never"}, "`reuse: never` is impossible"),
        (list(TAGS), {"platform": "linux/arm64,linux/amd64"}, "platform: must be one platform, such as linux/arm64"),
        (list(TAGS), {"platform": "../arm64"}, "platform: must be one platform, such as linux/arm64"),
    ],
)  # fmt: skip
def test_what_can_not_be_joined_is_refused_before_it_is_built(
    step: Run, docker: FakeDocker, tmp_path: Path, listed: list[str], inputs: dict[str, str], words: str
) -> None:
    """Named, with the image."""
    app_file(tmp_path, {"app": listed})
    ended = step("build-push", **{"platform": "linux/arm64", **inputs})
    assert ended.exit_code == 2
    assert words in ended.log
    assert not docker.runs


def test_the_only_platform_is_built_as_ever(step: Run, docker: FakeDocker, tmp_path: Path) -> None:
    """There is nothing to join."""
    app_file(tmp_path, {"app": ["linux/arm64"]})
    assert step("build-push", platform="linux/arm64").exit_code == 0
    assert option(docker, "tag") == [f"{REPOSITORY}:{SHA}", f"{REPOSITORY}:latest"]


@pytest.mark.parametrize(
    ("how", "place"), [("registry", f"ref={REPOSITORY}:cache-linux-arm64,"), ("gha", "scope=app-linux-arm64,")]
)
def test_each_platform_has_its_own_cache(
    step: Run, docker: FakeDocker, monkeypatch: pytest.MonkeyPatch, how: str, place: str
) -> None:
    """Two jobs would overwrite each other's."""
    for name in ("ACTIONS_RUNTIME_TOKEN", "ACTIONS_RESULTS_URL"):
        monkeypatch.setenv(name, "x")
    ended = step("build-push", platform="linux/arm64", cache=how)
    assert ended.exit_code == 0, ended.log
    (target,) = option(docker, "cache-to")
    assert place in target


def test_several_images_are_built_in_one_job_of_a_platform(
    aws: ScriptedAws, step: Run, docker: FakeDocker, registry: Ecr, tmp_path: Path
) -> None:
    """In one session, and each is joined."""
    suffixed = {"repository": REPOSITORY, "tag-suffix": "-web"}
    document(aws, images={"app": {"repository": REPOSITORY}, "web": suffixed})
    app_file(tmp_path, {"app": list(TAGS), "web": list(TAGS)})
    registry.manifests |= {f"{TAGS[platform]}-web": attested(platform) for platform in TAGS}
    for suffix in ("", "-web"):
        registry.holds(f"{TAGS['linux/amd64']}{suffix}")
    ended = step("build-push", platform="linux/arm64", tags="")
    assert ended.exit_code == 0, ended.log
    (build,) = docker.builds
    assert [target["tags"] for target in build["bake"].values()] == [
        [f"{REPOSITORY}:{TAGS['linux/arm64']}"], [f"{REPOSITORY}:{TAGS['linux/arm64']}-web"]
    ]  # fmt: skip
    assert {each["imageTag"] for each in put(aws)} >= {SHA, f"{SHA}-web"}


def test_one_image_of_two_without_the_platform_is_refused(
    aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path
) -> None:
    """A job for a platform builds all images for it, or the one that `image` names."""
    document(aws, images={"app": {"repository": REPOSITORY}, "web": {"repository": f"{HOST}/web"}})
    app_file(tmp_path, {"app": list(TAGS), "web": []})
    ended = step("build-push", platform="linux/arm64")
    assert ended.exit_code == 2
    assert "platform: image `web` has no `platforms`" in ended.log
    assert step("build-push", platform="linux/arm64", image="app").exit_code == 0


def test_files_that_differ_from_the_commit_are_refused(step: Run, docker: FakeDocker, tmp_path: Path) -> None:
    """Such an image has no commit's tag, so no other job could find it."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitignore").write_text("*\n!Dockerfile\n!.github/**\n")
    sha = commit(tmp_path, "first")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    ended = step("build-push", platform="linux/arm64", sha=sha)
    assert ended.exit_code == 2
    assert "the jobs of an image's platforms need the same files" in ended.log
    assert not docker.builds


def test_the_whole_pipeline_in_one_step_has_no_platform(step: Run) -> None:
    """It deploys what it has built."""
    ended = step("pipeline", platform="linux/arm64")
    assert ended.exit_code == 2
    assert "platform: there is no such input" in ended.log
