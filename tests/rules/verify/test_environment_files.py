"""Environment files in S3."""

from __future__ import annotations

import pytest

from ecs_cd.model.references import S3Object
from ecs_cd.verify.rules import environment_files


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:s3:::bucket/app/production.env", S3Object("bucket", "app/production.env")),
        ("arn:aws-cn:s3:::bucket/.env", S3Object("bucket", ".env")),
        ("arn:aws:s3:::bucket/app.txt", None),
        ("arn:aws:s3:::bucket.env", None),
        ("s3://bucket/app.env", None),
        ("", None),
    ],
)
def test_the_arn_of_a_file(arn: str, expected: S3Object | None) -> None:
    """ECS takes only names that end with .env."""
    assert environment_files.place(arn) == expected


def test_the_places_of_files() -> None:
    """In each container."""
    files = [{"type": "s3", "value": "a"}, {"type": "s3", "value": "b"}]
    assert environment_files.named({"containerDefinitions": [{}, {"environmentFiles": files}]}) == {
        "containerDefinitions[1].environmentFiles[0].value": "a",
        "containerDefinitions[1].environmentFiles[1].value": "b",
    }
