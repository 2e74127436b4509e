"""Artifacts: zip archives in the artifact store."""

from __future__ import annotations

from ecs_cd.aws.session import Aws
from ecs_cd.model.references import S3Object


def get(aws: Aws, place: S3Object) -> bytes:
    """The archive."""
    return bytes(aws.client("s3").get_object(Bucket=place.bucket, Key=place.key)["Body"].read())


def put(aws: Aws, place: S3Object, body: bytes) -> None:
    """Writes the archive."""
    aws.client("s3").put_object(Bucket=place.bucket, Key=place.key, Body=body)
