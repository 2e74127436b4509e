"""A local AWS without an engine: the tasks of its ECS are records."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.local import ministack
from ecs_cd.local.codebuild.rules.artifacts import File, zipped
from ecs_cd.local.codepipeline import artifacts
from ecs_cd.local.codepipeline.deployments import Deployments
from ecs_cd.local.codepipeline.rules.infra import DeploymentGroup
from ecs_cd.local.codepipeline.work import Work, World
from ecs_cd.local.ministack import Ministack
from ecs_cd.model.references import S3Object

BUCKET = "artifacts"
GROUP = DeploymentGroup("AppECS-my-cluster-web", "DgpECS-my-cluster-web", "my-cluster", "web")
_NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent"}


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    place = tmp_path_factory.mktemp("aws")
    yield ministack.start(place, _NO_ENGINE, region="us-east-1", account="000000000000")
    ministack.kill(place)


@pytest.fixture
def world(started: Ministack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    """An empty local AWS, with a bucket for artifacts. Nothing here runs a build."""
    reset = urllib.request.Request(f"{started.endpoint}/_ministack/reset", method="POST")
    with urllib.request.urlopen(reset):
        pass
    for name, value in started.client_env.items():
        monkeypatch.setenv(name, value)
    aws = Aws(started.client_env)
    aws.client("s3").create_bucket(Bucket=BUCKET)
    return World(aws, started.registry, tmp_path / "repository", cast(Any, None), Deployments([GROUP]))


def source(provider: str, configuration: dict[str, str], revision: str = "") -> Work:
    """A source action with one output artifact."""
    out = {"Source": S3Object(BUCKET, "source.zip")}
    return _work(provider, configuration, outputs=out, revision=revision)


def deployment(provider: str, configuration: dict[str, str], world: World, **inputs: dict[str, bytes]) -> Work:
    """A deploy action whose input artifacts hold these files."""
    places = {name: S3Object(BUCKET, f"{name}.zip") for name in inputs}
    for name, files in inputs.items():
        artifacts.put(world.aws, places[name], zipped({name: File(content) for name, content in files.items()}))
    return _work(provider, configuration, inputs=places)


def made(world: World) -> dict[str, bytes]:
    """The files of the source's artifact."""
    return dict(artifacts.files(artifacts.get(world.aws, S3Object(BUCKET, "source.zip"))))


def no_report(name: str, url: str) -> None:
    """A source has no execution elsewhere to report."""
    raise AssertionError(f"reported {name}")


def _work(provider: str, configuration: dict[str, str], **more: Any) -> Work:
    return Work("pipeline", "execution", "Stage", "Action", "id", provider, configuration, **more)
