"""The document's `pipeline`: the CodePipeline pipeline that migrates and deploys, and how it gets the images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ecs_cd.document.rules import json_schema
from ecs_cd.model.names import NAME
from ecs_cd.model.references import S3Object


class Start(str, Enum):
    """How an execution gets the images."""

    VARIABLES = "variables"  # StartPipelineExecution with an image per variable
    OBJECT = "object"  # an S3 object, whose version starts it
    DIGEST = "digest"  # StartPipelineExecution with the digest of an ECR source
    EVENT = "event"  # EventBridge starts it when a tag is pushed


# https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineVariable.html
_VARIABLE = r"^[A-Za-z0-9@_-]{1,128}$"
_ACTION = r"^[A-Za-z0-9.@_-]{1,100}$"
DEFAULT_TAG = "latest"

SCHEMA: json_schema.Schema = {
    "type": "object",
    "description": "the CodePipeline pipeline that migrates and deploys, if GitHub Actions only builds the images: "
    "`hand-off` starts and follows it",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {
            "type": "string",
            "pattern": _ACTION,
            "description": "the pipeline's name",
        },
        "start": {
            "type": "string",
            "enum": [start.value for start in Start],
            "description": "how an execution gets the images: `variables` (default), `object` in S3, `digest` of an "
            "ECR source, or `event`: EventBridge starts it when `tag` is pushed",
        },
        "variables": {
            "type": "object",
            "minProperties": 1,
            "description": "start: variables; the pipeline's variable and the image that it gets, such as "
            "{IMAGE_APP: app}",
            "additionalProperties": False,
            "patternProperties": {
                _VARIABLE: {
                    "type": "string",
                    "pattern": NAME,
                    "description": "the name of one of the images",
                }
            },
        },
        "commit": {
            "type": "string",
            "pattern": _VARIABLE,
            "description": "the pipeline's variable that gets the commit; default: none",
        },
        "object": {
            "type": "string",
            "pattern": r"^s3://[^/\s]+/\S+$",
            "description": "start: object; the zip file with the images, s3://bucket/key, in a versioned bucket",
        },
        "source": {
            "type": "string",
            "pattern": _ACTION,
            "description": "the source action's name: the S3 source of `object`, or the ECR source of the only image",
        },
        "images": {
            "type": "object",
            "minProperties": 1,
            "description": "start: digest or event; the ECR source action and its image, such as {Image: app}",
            "additionalProperties": False,
            "patternProperties": {
                _ACTION: {
                    "type": "string",
                    "pattern": NAME,
                    "description": "the name of one of the images",
                }
            },
        },
        "tag": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
            "description": f"start: event; the tag whose push starts an execution; default: `{DEFAULT_TAG}`",
        },
        "wait-until": {
            "type": "string",
            "pattern": _ACTION,
            "description": "the stage after which `hand-off` ends; default: the last stage",
        },
    },
}

# The keys that only some starts use, and which of them they require.
_KEYS: dict[Start, tuple[str, ...]] = {
    Start.VARIABLES: ("variables", "commit"),
    Start.OBJECT: ("object", "source", "commit"),
    Start.DIGEST: ("images", "source", "commit"),
    Start.EVENT: ("images", "source", "tag"),
}
_REQUIRED = {Start.VARIABLES: ("variables",), Start.OBJECT: ("object", "source")}
_ALL = tuple(dict.fromkeys(key for keys in _KEYS.values() for key in keys))


@dataclass(frozen=True)
class Pipeline:
    """The pipeline. ``variables`` and ``images`` map a variable or a source action to an image of the document."""

    name: str
    start: Start = Start.VARIABLES
    variables: dict[str, str] = field(default_factory=dict)
    commit: str = ""
    object: S3Object | None = None
    source: str = ""
    images: dict[str, str] = field(default_factory=dict)
    tag: str = DEFAULT_TAG
    wait_until: str = ""


def problems(pipeline: Mapping[str, Any], images: Mapping[str, Any]) -> list[str]:
    """What a schema can't express: keys that don't fit ``start``, and unknown images."""
    start = Start(pipeline.get("start", Start.VARIABLES))
    missing = [key for key in _REQUIRED.get(start, ()) if key not in pipeline]
    found = [f"pipeline.{key}: is missing; `start: {start.value}` needs it" for key in missing]
    found += [
        f"pipeline.{key}: does not fit `start: {start.value}`; it is for {_starts_with(key)}"
        for key in _ALL
        if key in pipeline and key not in _KEYS[start]
    ]
    found += [
        f"pipeline.{section}.{name}: must name an image; images has {', '.join(images)}"
        for section in ("variables", "images")
        for name, image in pipeline.get(section, {}).items()
        if image not in images
    ]
    if pipeline.get("commit") in pipeline.get("variables", {}):
        found.append("pipeline.commit: is also a variable of an image; the commit needs its own")
    return found + _source_problems(start, pipeline, images)


def _starts_with(key: str) -> str:
    return " or ".join(f"`start: {start.value}`" for start, keys in _KEYS.items() if key in keys)


def _source_problems(start: Start, pipeline: Mapping[str, Any], images: Mapping[str, Any]) -> list[str]:
    """Which ECR source is which image's must be clear."""
    if start not in (Start.DIGEST, Start.EVENT):
        return []
    if "images" in pipeline and "source" in pipeline:
        return ["pipeline.source: is the short form of `images`; keep one of them"]
    if "images" not in pipeline and ("source" not in pipeline or len(images) != 1):
        words = ", ".join(images)
        return [f"pipeline.images: is missing; it maps the ECR source actions to the images {words}, {{Image: app}}"]
    return []


def typed(pipeline: Mapping[str, Any], images: Mapping[str, Any]) -> Pipeline:
    """The typed form of a pipeline without problems."""
    start, where = Start(pipeline.get("start", Start.VARIABLES)), pipeline.get("object", "")
    sources = dict(pipeline.get("images", {}))
    if start in (Start.DIGEST, Start.EVENT) and not sources:
        sources = {pipeline["source"]: next(iter(images))}
    bucket, _, key = where.removeprefix("s3://").partition("/")
    return Pipeline(
        name=pipeline["name"],
        start=start,
        variables=dict(pipeline.get("variables", {})),
        commit=pipeline.get("commit", ""),
        object=S3Object(bucket, key) if where else None,
        source=pipeline.get("source", ""),
        images=sources,
        tag=pipeline.get("tag", DEFAULT_TAG),
        wait_until=pipeline.get("wait-until", ""),
    )
