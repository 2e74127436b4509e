"""An image whose platforms are built by several jobs: real builds, pushed at the same time, and joined in ECR."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dev import workflows
from ecs_cd.local import machine
from tests.e2e.conftest import World
from tests.e2e.test_images import INDEX, Yard, make_yard, no_docker  # noqa: F401 - fixtures

pytestmark = pytest.mark.e2e

PLATFORMS = ("linux/amd64", "linux/arm64")
RUNNERS = {"linux/amd64": "ubuntu-latest", "linux/amd64/v2": "ubuntu-24.04-arm"}  # two that this machine can run
CALL = """\
on: push
jobs:
  cd:
    permissions: {contents: read, id-token: write}
    uses: org/ecs-cd/.github/workflows/pipeline.yml@v1
    with:
      config: /ecs-cd/my-app/production
      role: ${{ vars.ECS_CD_ROLE }}
"""


@pytest.fixture
def two(make_yard: Callable[..., Yard]) -> Yard:  # noqa: F811
    """A yard whose images are of two platforms, in immutable repositories."""
    yard = make_yard(immutable=True)
    listed = {"platforms": list(PLATFORMS)}
    yard.commit(
        {".github/ecs-cd.yml": json.dumps({"images": {name: {"context": name, **listed} for name in ("one", "two")}})}
    )
    return yard


def children(yard: Yard, image: str, tag: str) -> list[dict[str, Any]]:
    text, kind = yard.manifest(image, {"imageTag": tag})
    assert kind == INDEX
    return list(json.loads(text)["manifests"])


def test_what_two_jobs_build_at_the_same_time_becomes_one_index(
    two: Yard,
    no_docker: dict[str, str],  # noqa: F811
    tmp_path: Path,
) -> None:
    """Its children are those that the jobs pushed, provenance included; the registry serves it; nothing is built again."""
    sha = workflows.git(two.repo, "rev-parse", "HEAD")
    jobs = [two.start("--platform", platform) for platform in PLATFORMS]
    ended = [(job.communicate(timeout=240)[0], job.returncode) for job in jobs]
    assert [code for _, code in ended] == [0, 0], "".join(output for output, _ in ended)
    tags = [f"{sha}-{platform.replace('/', '-')}" for platform in PLATFORMS]
    for image in ("one", "two"):
        assert two.tags(image) == {sha, *tags}
        pushed = [child for tag in tags for child in children(two, image, tag)]
        joined = children(two, image, sha)
        assert sorted(pushed, key=str) == sorted(joined, key=str)
        assert [child["platform"]["architecture"] for child in joined] == ["amd64", "arm64", "unknown", "unknown"]
        place = f"{two.stack.aws.registry}/{two.repository(image)}:{sha}"
        shown = machine.run(["docker", "buildx", "imagetools", "inspect", "--raw", place], env=two.stack.aws.env)
        assert json.loads(shown.stdout)["manifests"] == joined
    again = two.built("--platform", "linux/arm64", **no_docker)
    assert {image["built"] for image in again.values()} == {False}
    assert not (tmp_path / "docker.log").exists()


def entries(world: World, tag: str) -> list[dict[str, Any]]:
    """Those of the index under a tag."""
    (found,) = world.stack.clients.ecr.batch_get_image(repositoryName="my-app", imageIds=[{"imageTag": tag}])["images"]
    return list(json.loads(found["imageManifest"])["manifests"])


def test_the_whole_pipeline_builds_each_platform_on_its_runner(world: World) -> None:
    """Two jobs, one index, which is deployed; once more, nothing is built."""
    app = {"build-args": {"BASE": world.images.python}, "platforms": list(RUNNERS)}
    runners = "".join(f"        {platform}={label}\n" for platform, label in RUNNERS.items())
    files = {
        ".github/workflows/deploy.yml": f"{CALL}      runs-on: |\n{runners}",
        ".github/ecs-cd.yml": json.dumps({"images": {"app": app}}),
    }
    for name, text in files.items():
        (world.repo / name).write_text(text)
    sha = workflows.commit(world.repo, "platforms")

    def push() -> workflows.Result:
        how: dict[str, Any] = {"env": world.aws.env, "labels": tuple(RUNNERS.values())}
        return workflows.run_workflow(world.repo, world.tree, **how)

    result = push()
    assert result.green, result.log
    joined = entries(world, sha)
    pushed = [each for platform in RUNNERS for each in entries(world, f"{sha}-{platform.replace('/', '-')}")]
    assert sorted(pushed, key=str) == sorted(joined, key=str)
    assert len([each for each in joined if each["platform"]["os"] == "linux"]) == 2
    assert "Hello from ECS" in world.page()
    again = push()
    assert again.green, again.log
    assert again.log.count("already in ECR, not built") >= 2
