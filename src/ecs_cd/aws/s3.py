"""S3: templates, and the object that starts a pipeline."""

from __future__ import annotations

from contextlib import suppress

from botocore.exceptions import ClientError, FlexibleChecksumError, HTTPClientError, IncompleteReadError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import S3Object

_LARGEST = 1024 * 1024  # bytes; a task definition itself has at most 64 KiB
_ATTEMPTS = 3


def text(aws: Aws, source: S3Object) -> str:
    """Returns the object's text. Raises ``Refused`` if it does not exist or can't be a template."""
    try:
        content = _read(aws, source)
    except ClientError as error:
        if code(error) in ("NoSuchKey", "NoSuchBucket", "404"):
            raise Refused(f"there is no {source} ({code(error)})", "The infra repo owns this template.") from error
        raise
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"{source} is not UTF-8 text") from None


def has(aws: Aws, place: S3Object) -> bool:
    """Whether the object exists."""
    try:
        aws.client("s3").head_object(Bucket=place.bucket, Key=place.key)
    except ClientError as error:
        if code(error) in ("404", "NoSuchKey", "NoSuchBucket"):
            return False
        raise
    return True


def put(aws: Aws, target: S3Object, content: bytes) -> str:
    """Writes the object and returns its version's id, empty if the bucket has no versions. Raises ``Refused`` if there
    is no such bucket."""
    try:
        answer = aws.client("s3").put_object(Bucket=target.bucket, Key=target.key, Body=content)
    except ClientError as error:
        if code(error) == "NoSuchBucket":
            raise Refused(f"there is no bucket {target.bucket}, so {target} can't be written") from error
        raise
    version = str(answer.get("VersionId", ""))
    return "" if version == "null" else version  # what S3 answers if versioning is suspended


def _read(aws: Aws, source: S3Object) -> bytes:
    """Reads the object again if the connection ends in the middle of it: botocore does not retry that."""
    for _ in range(_ATTEMPTS):
        found = aws.client("s3").get_object(Bucket=source.bucket, Key=source.key)
        if found["ContentLength"] > _LARGEST:
            raise Refused(f"{source} has {found['ContentLength']} bytes: that is too large for a task definition")
        with suppress(IncompleteReadError, FlexibleChecksumError, HTTPClientError):
            return bytes(found["Body"].read())
    raise Refused(f"{source} can't be read: its content was cut off {_ATTEMPTS} times", "Run the job again.")
