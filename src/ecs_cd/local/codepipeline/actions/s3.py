"""The S3 source: a version of a zip file.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-S3.html
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.local.codepipeline import artifacts
from ecs_cd.local.codepipeline.rules.state import Outcome, Revision
from ecs_cd.local.codepipeline.work import Report, Work, World
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import S3Object


def run(work: Work, world: World, report: Report) -> Outcome:
    """Copies the object's version into the artifact. Without a revision, that is the newest version."""
    source = S3Object(work.configuration["S3Bucket"], work.configuration["S3ObjectKey"])
    _check_versioned(world, source.bucket)
    found = _version(world, source, work.revision)
    body = bytes(found["Body"].read())
    if not zipfile.is_zipfile(io.BytesIO(body)):
        raise Refused(
            f"{source} is not a zip file", "Put a zip file there: CodePipeline's actions unpack the artifact."
        )
    artifacts.put_output(world.aws, work, body)
    version = str(found["VersionId"])
    variables = {
        "BucketName": source.bucket,
        "ETag": str(found["ETag"]).strip('"'),
        "ObjectKey": source.key,
        "VersionId": version,
    }
    revision = Revision(version, f"Amazon S3 version id: {version}", created=found["LastModified"].timestamp())
    return Outcome(variables=variables, revision=revision)


def _check_versioned(world: World, bucket: str) -> None:
    try:
        status = world.aws.client("s3").get_bucket_versioning(Bucket=bucket).get("Status")
    except ClientError as error:
        if code(error) != "NoSuchBucket":
            raise
        raise Refused(f"there is no bucket {bucket}") from error
    if status != "Enabled":
        raise Refused(f"the bucket {bucket} has no versioning, which an S3 source needs", "Enable its versioning.")


def _version(world: World, source: S3Object, version: str) -> dict[str, Any]:
    which = {"VersionId": version} if version else {}
    try:
        found: dict[str, Any] = world.aws.client("s3").get_object(Bucket=source.bucket, Key=source.key, **which)
    except ClientError as error:
        if code(error) not in ("NoSuchKey", "NoSuchVersion", "404") and not (
            version and code(error) == "InvalidArgument"
        ):
            raise
        raise Refused(f"there is no {source}{f' with the version {version}' if version else ''}") from error
    return found
