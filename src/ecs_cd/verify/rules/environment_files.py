"""The environment files in S3 that a task definition names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ecs_cd.model.references import S3Object

Json = Mapping[str, Any]

_SUFFIX = ".env"


def named(definition: Json) -> dict[str, str]:
    """The ARNs of the files, by their place in the task definition."""
    return dict(_named(definition))


def _named(definition: Json) -> Iterator[tuple[str, str]]:
    for number, container in enumerate(definition.get("containerDefinitions", ())):
        for index, file in enumerate(container.get("environmentFiles", ())):
            yield f"containerDefinitions[{number}].environmentFiles[{index}].value", str(file.get("value", ""))


def place(arn: str) -> S3Object | None:
    """The object, ``None`` if ECS would refuse the ARN: ``arn:aws:s3:::bucket/path/name.env``."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or (parts[0], parts[2]) != ("arn", "s3") or not arn.endswith(_SUFFIX):
        return None
    bucket, _, key = parts[5].partition("/")
    return S3Object(bucket, key) if bucket and key else None
