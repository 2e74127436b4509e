"""ecs_cd.local.codepipeline.artifacts: through S3 and back."""

from __future__ import annotations

from ecs_cd.local.codebuild.rules.artifacts import File, zipped
from ecs_cd.local.codepipeline import artifacts
from ecs_cd.local.codepipeline.work import World
from ecs_cd.model.references import S3Object
from tests.machine.local.codepipeline.conftest import BUCKET

FILES = {"a.json": b"{}", "folder/b": b"\x00"}


def test_an_artifact_comes_back_as_it_was(world: World) -> None:
    """Through S3; folders aren't files."""
    body = zipped({"folder/": File(b""), **{name: File(content) for name, content in FILES.items()}})
    artifacts.put(world.aws, S3Object(BUCKET, "pipeline/a.zip"), body)
    assert artifacts.files(artifacts.get(world.aws, S3Object(BUCKET, "pipeline/a.zip"))) == FILES
