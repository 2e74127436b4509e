"""The app file, ``.github/ecs-cd.yml``: its schema, and how it builds each image."""

from __future__ import annotations

from typing import Any

from ecs_cd.document.rules import json_schema
from ecs_cd.model.build_spec import CACHES, BuildSpec
from ecs_cd.model.names import NAME
from ecs_cd.model.owner import ACTION

_PATH = r"^\S(?:.*\S)?$"
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"

_SECRET: json_schema.Schema = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "description": "where the build finds the secret: {env: NAME} or {file: PATH}; never the value itself",
    "additionalProperties": False,
    "properties": {
        "env": {
            "type": "string",
            "pattern": _VARIABLE,
            "description": "the name of the environment variable that holds the secret",
        },
        "file": {
            "type": "string",
            "pattern": _PATH,
            "description": "the path of the file that holds the secret",
        },
    },
}
_IMAGE: json_schema.Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "context": {
            "type": "string",
            "pattern": _PATH,
            "description": "the build context: a folder or a Git URL; default: `.`",
        },
        "file": {
            "type": "string",
            "pattern": _PATH,
            "description": "the path of the Dockerfile; default: Dockerfile in the context",
        },
        "target": {
            "type": "string",
            "pattern": r"^\S+$",
            "description": "the name of the Dockerfile stage to build; default: the last",
        },
        "build-args": {
            "type": "object",
            "minProperties": 1,
            "description": "build arguments, such as {NODE_ENV: production}",
            "additionalProperties": False,
            "patternProperties": {r"^[A-Za-z_][A-Za-z0-9_.-]*$": {"type": "string"}},
        },
        "platforms": {
            "type": "array",
            "minItems": 1,
            "description": "the platforms to build for; default: the builder's",
            "items": {
                "type": "string",
                "pattern": r"^[a-z0-9_.()]+(?:/[A-Za-z0-9_.-]+){1,2}$",
                "description": "a platform, such as linux/arm64",
            },
        },
        "secrets": {
            "type": "object",
            "minProperties": 1,
            "description": "build secrets by id, such as {npm: {env: NPM_TOKEN}}",
            "additionalProperties": False,
            "patternProperties": {r"^[A-Za-z0-9_.-]+$": _SECRET},
        },
        "cache": {
            "type": "string",
            "enum": list(CACHES),
            "description": "where to keep the layer cache between runs; default: none",
        },
    },
}

SCHEMA: json_schema.Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": f"https://raw.githubusercontent.com/{ACTION}/v1/schema/ecs-cd-app.schema.json",
    "title": "ecs-cd: the app file",
    "description": "How to build the images of an application. Paths are relative to the folder that contains .github.",
    "type": "object",
    "additionalProperties": False,
    "required": ["images"],
    "properties": {
        "images": {
            "type": "object",
            "description": "how to build each image, by its name in the document",
            "minProperties": 1,
            "additionalProperties": False,
            "patternProperties": {NAME: _IMAGE},
        },
    },
}


def load(text: str, *, where: str) -> dict[str, BuildSpec]:
    """Reads how to build each image; missing keys get the defaults. ``where`` is the file's path, for messages.

    Raises ``Refused`` with all problems at once, each with its key's path and without values.
    """
    content = json_schema.load(
        text,
        SCHEMA,
        what=f"the app's file {where}",
        remedy="docs/reference/app-file.md describes this file; schema/ecs-cd-app.schema.json is its JSON Schema.",
    )
    return {name: _build_spec(name, image) for name, image in content["images"].items()}


def _build_spec(name: str, image: dict[str, Any]) -> BuildSpec:
    as_written = {key: image[key] for key in ("context", "file", "target", "cache") if key in image}
    secrets = image.get("secrets", {})
    return BuildSpec(
        name,
        **as_written,
        build_args=tuple(f"{arg}={value}" for arg, value in image.get("build-args", {}).items()),
        platforms=tuple(image.get("platforms", ())),
        secret_envs={key: source["env"] for key, source in secrets.items() if "env" in source},
        secret_files={key: source["file"] for key, source in secrets.items() if "file" in source},
    )
