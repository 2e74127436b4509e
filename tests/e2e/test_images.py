"""Several images: by the example's matrix, and all of them in one BuildKit session. The reusable workflow: pattern 5."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dev import workflows
from dev.aws import Aws
from dev.base_images import BaseImages
from dev.host import ROOT
from dev.stack import NGINX_REPOSITORY, Stack, add_nginx, clients, nginx_page, put_document
from ecs_cd.local import act, machine
from tests.e2e.conftest import World

if TYPE_CHECKING:
    from types_boto3_ecr.type_defs import ImageIdentifierTypeDef

pytestmark = pytest.mark.e2e
MakeWorld = Callable[..., World]

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


# ---- in a matrix ----


@pytest.fixture
def world(make_world: MakeWorld, tmp_path: Path) -> World:
    """The example with two images, their base images those that this machine has."""
    repo = workflows.app_repo(tmp_path / "two", ROOT / "examples" / "multi-image")
    world = dataclasses.replace(make_world(), repo=repo)
    add_nginx(world.stack)
    world.change(".github/ecs-cd.yml", "python:3.12-slim", world.images.python)
    world.change(".github/ecs-cd.yml", "nginx:1.28", world.images.nginx)
    return world


def by_commit(world: World, sha: str) -> dict[str, str]:
    """Both images of the commit, as ECR has them."""
    repositories = {"app": world.stack.repository, "nginx": NGINX_REPOSITORY}
    return {name: in_ecr(world.stack, repository, sha) for name, repository in repositories.items()}


def in_ecr(stack: Stack, repository: str, tag: str) -> str:
    """``repository@sha256:...`` of what ECR has under the tag."""
    (image,) = stack.clients.ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])[
        "imageDetails"
    ]
    return f"{stack.aws.registry}/{repository}@{image['imageDigest']}"


def spans(result: workflows.Result) -> list[tuple[float, float]]:
    """When the first and the last line of each job with a matrix came."""
    found: dict[str, list[float]] = {}
    for event in result.events:
        if event.data.get("matrix"):
            found.setdefault(json.dumps(event.data["matrix"]), []).append(event.at)
    return [(min(times), max(times)) for times in found.values()]


def test_two_images_in_a_matrix_are_deployed_together(world: World) -> None:
    """Both containers run the image of the commit, and serve."""
    sha = world.change("app/app.py", "Hello from ECS", "Good morning")
    result = world.push()
    assert result.green, result.log
    assert "Good morning" in world.page()
    assert "keeps what you write" in nginx_page(world.stack, "/public/about.txt")
    assert json.loads(result.outputs("deploy")["images"]) == by_commit(world, sha)
    again = world.push()
    assert again.green, again.log
    assert again.log.count("already in ECR, not built") >= 2
    assert again.outputs("deploy")["task-definition-arn"] == result.outputs("deploy")["task-definition-arn"]


def test_one_failing_build_of_two_deploys_nothing(world: World) -> None:
    """Red, named, and neither migrated nor deployed; with `max-parallel: 1` one build waits for the other's end."""
    world.change(".github/workflows/deploy.yml", "      matrix:", "      max-parallel: 1\n      matrix:")
    sha = world.change("nginx/Dockerfile", "USER 1000", "RUN echo it-broke && exit 7")
    before = world.revisions()
    result = world.push()
    assert not result.green
    assert result.jobs.get("release") in (None, "skipped")
    assert "it-broke" in result.log
    assert world.revisions() == before
    assert not world.migrations()
    assert in_ecr(world.stack, world.stack.repository, sha), "the other image is there for the next attempt"
    (_, end), (start, _) = sorted(spans(result))
    assert end <= start


# ---- all images in one job ----


@dataclass(frozen=True)
class Yard:
    """An app with two images, ``one`` and ``two``, that are only built: a folder, a repository and a text each."""

    repo: Path
    tree: Path
    stack: Stack

    def start(self, *flags: str, **env: str) -> subprocess.Popen[str]:
        """build-push in the app's repository, as a person calls it."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(act.FOREIGN)}
        return subprocess.Popen(
            [self.tree / "bin" / "ecs-cd", "build-push", "--config", self.stack.parameter, *flags],
            cwd=self.repo,
            env={**own, **self.stack.aws.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def build(self, *flags: str, **env: str) -> tuple[int, str]:
        """The exit code, and what was written."""
        with self.start(*flags, **env) as process:
            output = process.communicate(timeout=120)[0]
        return process.returncode, output

    def built(self, *flags: str, **env: str) -> dict[str, Any]:
        """The output `built-images` of a run that has to succeed."""
        code, output = self.build(*flags, **env)
        assert code == 0, output
        line = next(line for line in output.splitlines() if line.startswith("built-images="))
        found: dict[str, Any] = json.loads(line.partition("=")[2])
        return found

    def repository(self, image: str) -> str:
        return f"{self.stack.cluster}-{image}"

    def tags(self, image: str) -> set[str]:
        """All tags in the image's repository."""
        found = self.stack.clients.ecr.describe_images(repositoryName=self.repository(image))["imageDetails"]
        return {tag for image in found for tag in image.get("imageTags", [])}

    def manifest(self, image: str, of: ImageIdentifierTypeDef) -> tuple[str, str]:
        """A manifest in ECR, byte by byte, and its media type."""
        answer = self.stack.clients.ecr.batch_get_image(
            repositoryName=self.repository(image), imageIds=[of], acceptedMediaTypes=[INDEX, MANIFEST]
        )
        (found,) = answer["images"]
        return found["imageManifest"], found["imageManifestMediaType"]

    def attested(self, image: str) -> set[str]:
        """What is attested of the image's newest build: the types of the predicates."""
        index = json.loads(self.manifest(image, {"imageTag": "latest"})[0])["manifests"]
        attestations = [
            manifest["digest"] for manifest in index if "vnd.docker.reference.type" in manifest.get("annotations", {})
        ]
        layers = [
            layer
            for digest in attestations
            for layer in json.loads(self.manifest(image, {"imageDigest": digest})[0])["layers"]
        ]
        return {layer["annotations"]["in-toto.io/predicate-type"] for layer in layers}

    def commit(self, files: Mapping[str, str]) -> str:
        """A commit with these files; its SHA."""
        for name, text in files.items():
            (self.repo / name).parent.mkdir(parents=True, exist_ok=True)
            (self.repo / name).write_text(text)
        return workflows.commit(self.repo, "a change")


_numbers = itertools.count(1)
ONLY_FILES = {f"{image}/Dockerfile": "FROM scratch\nCOPY text /\n" for image in ("one", "two")}


@pytest.fixture
def make_yard(region: Aws, images: BaseImages, tree: Path, tmp_path: Path) -> Callable[..., Yard]:
    """Makes a yard whose images have only files, in repositories that may be immutable."""

    def make(*, immutable: bool = False) -> Yard:
        name = f"yard-{next(_numbers)}"
        repo = tmp_path / name
        repo.mkdir()
        workflows.git(repo, "init", "--quiet", "--initial-branch", "main")
        yard = Yard(repo, tree, Stack(region, clients(region), f"/ecs-cd/{name}", cluster=name))
        for image in ("one", "two"):
            yard.stack.clients.ecr.create_repository(
                repositoryName=yard.repository(image), imageTagMutability="IMMUTABLE" if immutable else "MUTABLE"
            )
        repositories = {
            image: {"repository": f"{region.registry}/{yard.repository(image)}"} for image in ("one", "two")
        }
        put_document(yard.stack, {"cluster": name, "images": repositories})
        app_file = json.dumps({"images": {image: {"context": image} for image in repositories}})
        yard.commit({**ONLY_FILES, "one/text": f"{name} 1", "two/text": f"{name} 2", ".github/ecs-cd.yml": app_file})
        return yard

    return make


@pytest.fixture
def yard(make_yard: Callable[..., Yard]) -> Yard:
    return make_yard()


@pytest.fixture
def no_docker(tmp_path: Path) -> dict[str, str]:
    """An environment in which every Docker process fails, and is written down in ``docker.log``."""
    shim = tmp_path / "shim" / "docker"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/docker.log\nexit 1\n')
    shim.chmod(0o755)
    return {"PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}"}


def test_both_images_are_built_in_one_session(yard: Yard, no_docker: dict[str, str], tmp_path: Path) -> None:
    """Their digests are ECR's; the same commit again starts no Docker process; `latest` too is byte-identical."""
    sha = workflows.git(yard.repo, "rev-parse", "HEAD")
    first = yard.built()
    for name, image in first.items():
        assert image["image"] == in_ecr(yard.stack, yard.repository(name), sha)
        assert image["digest"] == image["image"].partition("@")[2]
        assert image["built"] is True
        assert yard.tags(name) == set(image["tags"]) == {sha, "latest"}
    assert list(first) == ["one", "two"]
    again = yard.built(**no_docker)
    assert not (tmp_path / "docker.log").exists()
    assert again == {name: {**image, "built": False} for name, image in first.items()}


def test_content_that_did_not_change_is_not_built_again(yard: Yard, no_docker: dict[str, str], tmp_path: Path) -> None:
    """It gets the new commit's tag by PutImage, index and attestations included; without a build, without Docker."""
    old = workflows.git(yard.repo, "rev-parse", "HEAD")
    first = yard.built("--reuse", "content")
    sha = yard.commit({"two/text": "changed"})
    second = yard.built("--reuse", "content")
    assert {name: image["built"] for name, image in second.items()} == {"one": False, "two": True}
    assert second["one"]["digest"] == first["one"]["digest"]
    assert second["two"]["digest"] != first["two"]["digest"]
    manifest, kind = yard.manifest("one", {"imageTag": sha})
    assert (manifest, kind) == yard.manifest("one", {"imageTag": old})
    assert kind == INDEX
    assert "attestation-manifest" in manifest
    yard.commit({"README.md": "not in an image"})
    third = yard.built("--reuse", "content", **no_docker)
    assert {name: image["built"] for name, image in third.items()} == {"one": False, "two": False}
    assert not (tmp_path / "docker.log").exists()


def test_two_images_of_one_repository_and_their_copies(yard: Yard) -> None:
    """Tags differ by a suffix; a copy has ECR's digest; a reuse copies what is missing."""
    place, copy = (f"{yard.stack.aws.registry}/{yard.repository(image)}" for image in ("one", "two"))
    shared = {"one": {"repository": place}, "two": {"repository": place, "tag-suffix": "-two"}}
    put_document(yard.stack, {"cluster": yard.stack.cluster, "images": shared})
    first = yard.built()
    sha = workflows.git(yard.repo, "rev-parse", "HEAD")
    assert yard.tags("one") == {sha, "latest", f"{sha}-two", "latest-two"}
    copied = {name: {**image, "copies": [copy]} for name, image in shared.items()}
    put_document(yard.stack, {"cluster": yard.stack.cluster, "images": copied})
    second = yard.built()
    assert {image["built"] for image in second.values()} == {False}
    assert yard.tags("two") == yard.tags("one")
    for name, tag in (("one", sha), ("two", f"{sha}-two")):
        assert yard.manifest("two", {"imageTag": tag}) == yard.manifest("one", {"imageTag": tag})
        assert second[name]["digest"] == first[name]["digest"]


@pytest.mark.parametrize(("trigger", "certain"), [("COPY text /again", True), ("ADD http://{0}/v2/ /more", False)])
def test_the_triggers_of_a_base_image_decide_on_the_content_tag(yard: Yard, trigger: str, certain: bool) -> None:
    """buildx reads them from the registry, in the image's configuration."""
    onbuild = trigger.format(yard.stack.aws.registry)
    yard.commit({"one/Dockerfile": f"FROM scratch\nCOPY text /\nONBUILD {onbuild}\n"})
    base = yard.built()["one"]["image"]
    yard.commit({"two/Dockerfile": f"FROM {base}\n"})
    built = yard.built("--reuse", "content")["two"]
    assert built["built"] is True
    assert any(tag.startswith("content-") for tag in built["tags"]) is certain


def test_a_file_that_is_not_committed_is_built_and_takes_no_commits_tag(yard: Yard) -> None:
    """The other image, whose folder is as it was committed, does."""
    sha = workflows.git(yard.repo, "rev-parse", "HEAD")
    (yard.repo / "one" / "text").write_text("not committed")
    yard.built("--reuse", "content")
    assert yard.tags("one") == {"latest"}
    assert {sha, "latest"} < yard.tags("two")


@pytest.mark.parametrize("dockerfile", ["FROM scratch\nCOPY absent /\n", "FROM {base}\nRUN exit 7\n"])
def test_the_image_whose_build_fails_is_named(yard: Yard, images: BaseImages, dockerfile: str) -> None:
    """Of two in one session; it has no tag."""
    yard.commit({"two/Dockerfile": dockerfile.format(base=images.python)})
    code, output = yard.build()
    assert code == 1
    last = next(line for line in output.splitlines() if "docker buildx bake failed" in line)
    assert "docker buildx bake failed at two (exit code 1)" in last
    assert ("; not pushed either: one" in last) != ("; these images are in ECR: one" in last)
    assert ("latest" in yard.tags("one")) == ("these images are in ECR: one" in last)
    assert not yard.tags("two")


INPUTS = """\
ARG BASE
FROM ${BASE} AS first
ARG GREETING
RUN --mount=type=secret,id=token printf '%s' "$GREETING" >/greeting && cp /run/secrets/token /token
CMD ["cat", "/greeting", "/token"]
FROM first AS second
CMD ["false"]
"""


def test_what_the_apps_file_says_arrives_in_a_session(yard: Yard, images: BaseImages) -> None:
    """File, target, arguments and secrets, of each image its own, with the signs that bake would take for its own."""
    greetings = {"one": "a ${HOME} %{if} $${x}", "two": 'a "quoted" \\ 100%'}
    app_file = {
        "images": {
            image: {
                "context": image,
                "file": "docker/App.Dockerfile",
                "target": "first",
                "build-args": {"BASE": images.python, "GREETING": greeting},
                "secrets": {"token": {"env": f"TOKEN_{image.upper()}"}},
            }
            for image, greeting in greetings.items()
        }
    }
    yard.commit({"docker/App.Dockerfile": INPUTS, ".github/ecs-cd.yml": json.dumps(app_file)})
    found = yard.built("--labels", "note=${HOME} and 100%", TOKEN_ONE="first, secret", TOKEN_TWO="second\nsecret")
    for image, secret in {"one": "first, secret", "two": "second\nsecret"}.items():
        name = found[image]["image"]
        machine.run(["docker", "pull", "--quiet", name], env=yard.stack.aws.env)
        assert machine.run(["docker", "run", "--rm", name], env=yard.stack.aws.env).stdout == greetings[image] + secret
        label = '{{index .Config.Labels "note"}}'
        shown = machine.run(["docker", "inspect", "--format", label, name], env=yard.stack.aws.env).stdout
        assert shown.strip() == "${HOME} and 100%"


LAYERS = """\
ARG BASE
FROM ${{BASE}} AS first
RUN echo {unique} >/first
FROM ${{BASE}}
COPY --from=first /first /second
RUN cat /second >/third
"""


@pytest.fixture
def prune(region: Aws) -> Callable[[], None]:
    """Removes all layers from BuildKit, as on a new runner."""

    def prune() -> None:
        machine.run(["docker", "buildx", "prune", "--all", "--force"], env=region.env)

    return prune


@pytest.mark.parametrize(("cache", "steps"), [("registry", 6), ("inline", 6), ("none", 0)])
def test_a_runner_without_layers_takes_them_from_the_cache(
    yard: Yard, images: BaseImages, prune: Callable[[], None], cache: str, steps: int
) -> None:
    """Each image has its own cache with all its stages, in its repository or in the image itself."""
    flags = ("--cache", cache, "--build-args", f"BASE={images.python}")
    yard.commit({f"{image}/Dockerfile": LAYERS.format(unique=f"{cache} {image}") for image in ("one", "two")})
    yard.built(*flags)
    prune()
    assert yard.tags("one") == {
        workflows.git(yard.repo, "rev-parse", "HEAD"),
        "latest",
        *(["cache"] * (cache == "registry")),
    }
    yard.commit({"one/text": "changed", "two/text": "changed"})
    code, output = yard.build(*flags)
    assert code == 0, output
    assert output.count("CACHED") == steps


def test_an_index_of_several_platforms_is_pushed(yard: Yard) -> None:
    """Files alone need no emulator; the digest is the index's."""
    found = yard.built("--platforms", "linux/amd64,linux/arm64", "--provenance", "mode=max")
    manifest, kind = yard.manifest("two", {"imageTag": "latest"})
    assert kind == INDEX
    platforms = {entry["platform"]["architecture"] for entry in json.loads(manifest)["manifests"]}
    assert platforms == {"amd64", "arm64", "unknown"}
    assert yard.attested("two") == {"https://slsa.dev/provenance/v0.2"}
    assert found["two"]["image"] == in_ecr(yard.stack, yard.repository("two"), "latest")


def test_a_platform_without_an_emulator_is_refused(yard: Yard, images: BaseImages) -> None:
    """Before anything is built; the image is named."""
    yard.commit({"two/Dockerfile": "FROM scratch\nRUN true\n"})
    code, output = yard.build("--platforms", "linux/s390x")
    assert code == 2
    assert "platforms: image `two` runs programs for linux/s390x, but the builder can't emulate that" in output
    assert not yard.tags("one")


def test_immutable_repositories_get_the_commits_tag_only(make_yard: Callable[..., Yard]) -> None:
    """`latest` is skipped with a notice for each; the same commit again finds both."""
    yard = make_yard(immutable=True)
    sha = workflows.git(yard.repo, "rev-parse", "HEAD")
    code, output = yard.build()
    assert code == 0, output
    assert output.count("the tag `latest` is skipped") == 2
    assert yard.tags("one") == yard.tags("two") == {sha}
    assert not any(image["built"] for image in yard.built().values())


def test_a_build_that_is_cancelled_leaves_nothing_running(yard: Yard, images: BaseImages) -> None:
    """SIGINT in the middle of a session: exit code 130, no process, no tag, no container."""
    sleep = f"FROM {images.python}\nRUN echo it-builds && sleep 98765\n"
    yard.commit({"two/Dockerfile": sleep})
    with yard.start() as process:
        assert process.stdout is not None
        assert any("it-builds" in line and "RUN" not in line for line in process.stdout)
        assert processes("sleep 98765")
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=30)[0]
    assert process.returncode == 130, output
    assert not processes("sleep 98765")
    assert not processes(yard.stack.parameter)
    assert not yard.tags("two")


def processes(word: str) -> list[str]:
    """The command lines of processes of this machine, those in containers included, that hold the word."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(place.read_text(errors="replace").replace("\0", " "))
        except OSError:
            continue
    return [line for line in found if word in line]


def test_a_registry_that_scans_nothing_is_told(yard: Yard) -> None:
    """Red, because that was asked for and is not known; the images are in ECR, and in the outputs."""
    code, output = yard.build("--scan", "wait")
    assert code == 1
    assert "no scan result for" in output
    assert "\nimage=" in output
    assert "latest" in yard.tags("one") & yard.tags("two")


def test_a_bill_of_materials_is_attached_to_each_image(yard: Yard) -> None:
    """`sbom: true`, if BuildKit can pull its scanner."""
    code, output = yard.build("--sbom", "true")
    if "buildkit-syft-scanner" in output and "no such host" in output:
        pytest.skip("the image docker/buildkit-syft-scanner can't be pulled here")
    assert code == 0, output
    for image in ("one", "two"):
        assert yard.attested(image) == {"https://slsa.dev/provenance/v0.2", "https://spdx.dev/Document"}
