"""The S3 source, against a local AWS."""

from __future__ import annotations

import pytest

from ecs_cd.local.codebuild.rules.artifacts import File, zipped
from ecs_cd.local.codepipeline.actions import s3
from ecs_cd.local.codepipeline.work import World
from ecs_cd.model.errors import Refused
from tests.machine.local.codepipeline.conftest import made, no_report, source

OBJECT = {"S3Bucket": "source", "S3ObjectKey": "hand-off.zip"}


def put(world: World, text: bytes) -> str:
    """A zip file with this text in it; the id of its version."""
    body = zipped({"images.json": File(text)})
    return str(world.aws.client("s3").put_object(Bucket="source", Key="hand-off.zip", Body=body)["VersionId"])


@pytest.fixture
def bucket(world: World) -> World:
    world.aws.client("s3").create_bucket(Bucket="source")
    world.aws.client("s3").put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Enabled"})
    return world


def test_the_newest_version_or_that_of_the_revision(bucket: World) -> None:
    """The artifact is the object itself; the version's id is the revision."""
    first, second = put(bucket, b"1"), put(bucket, b"2")
    for revision, expected, text in (("", second, b"2"), (first, first, b"1")):
        ended = s3.run(source("S3", OBJECT, revision), bucket, no_report)
        assert made(bucket) == {"images.json": text}
        assert ended.revision is not None and ended.revision.id == expected
        etag = ended.variables["ETag"]
        assert ended.variables == {
            "BucketName": "source",
            "ETag": etag,
            "ObjectKey": "hand-off.zip",
            "VersionId": expected,
        }
        assert etag.isalnum()


@pytest.mark.parametrize(
    ("more", "revision", "words"),
    [
        ({"S3Bucket": "other"}, "", "there is no bucket other"),
        ({"S3Bucket": "artifacts"}, "", "the bucket artifacts has no versioning"),
        ({"S3ObjectKey": "other.zip"}, "", "there is no s3://source/other.zip"),
        ({}, "0123", "there is no s3://source/hand-off.zip with the version 0123"),
        ({"S3ObjectKey": "text"}, "", "s3://source/text is not a zip file"),
    ],
)
def test_what_can_not_be_a_source_is_named(bucket: World, more: dict[str, str], revision: str, words: str) -> None:
    """A missing bucket, object or version; a bucket without versioning; an object that is no zip file."""
    put(bucket, b"1")
    bucket.aws.client("s3").put_object(Bucket="source", Key="text", Body=b"text")
    with pytest.raises(Refused, match=words):
        s3.run(source("S3", {**OBJECT, **more}, revision), bucket, no_report)
