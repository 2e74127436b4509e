"""The request that starts an execution with the commit's images."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from ecs_cd.document.rules.pipeline import Pipeline, Start
from ecs_cd.handoff.rules.declaration import NONCE
from ecs_cd.model.references import image_reference

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same images give the same bytes


def variables(pipeline: Pipeline, images: Mapping[str, str], commit: str) -> dict[str, str]:
    """The variables of the execution: the images by digest, and the commit."""
    found = {name: images[image] for name, image in pipeline.variables.items()}
    return found | ({pipeline.commit: commit} if pipeline.commit else {})


def revisions(pipeline: Pipeline, images: Mapping[str, str], version: str) -> list[dict[str, str]]:
    """The revision that each source action is to use; ``version`` is that of the S3 object."""
    if pipeline.start is Start.OBJECT:
        return [_revision(pipeline.source, "S3_OBJECT_VERSION_ID", version)]
    return [_revision(name, "IMAGE_DIGEST", digest(images[image])) for name, image in pipeline.images.items()]


def request(
    pipeline: Pipeline, images: Mapping[str, str], commit: str, *, version: str, token: str, nonce: str
) -> dict[str, Any]:
    """StartPipelineExecution's request. ``nonce`` is empty if the pipeline does not declare its variable."""
    values = variables(pipeline, images, commit) | ({NONCE: nonce} if nonce else {})
    found: dict[str, Any] = {"name": pipeline.name, "clientRequestToken": token}
    if values:  # AWS refuses an empty list
        found["variables"] = [{"name": name, "value": value} for name, value in values.items()]
    sources = revisions(pipeline, images, version)
    return found | ({"sourceRevisions": sources} if sources else {})


def token(pipeline: Pipeline, origin: Sequence[str], commit: str, images: Mapping[str, str], version: str) -> str:
    """The clientRequestToken: the same for each retry of one attempt, as CodePipeline then starts one execution only.

    ``origin`` identifies the attempt. A token has letters, digits and `-` only.
    """
    facts = [pipeline.name, list(origin), commit, sorted(images.items()), version]
    return f"ecs-cd-{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:40]}"


def nonce(token: str) -> str:
    """The execution's nonce. It follows from the token, since a repeated token must come with the same request."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def archive(images: Mapping[str, str], commit: str) -> bytes:
    """The zip file of `start: object`: `images.json`, and per image what an ECR source writes."""
    files: dict[str, Any] = {"images.json": {"commit": commit, "images": dict(images)}}
    files |= {f"imageDetail-{name}.json": {"ImageURI": image} for name, image in images.items()}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in files.items():
            zipped.writestr(zipfile.ZipInfo(name, _ZIP_EPOCH), json.dumps(data, indent=2) + "\n")
    return content.getvalue()


def digest(image: str) -> str:
    """The digest of ``repository@sha256:...``."""
    return image_reference(image)[1]


def _revision(action: str, kind: str, value: str) -> dict[str, str]:
    return {"actionName": action, "revisionType": kind, "revisionValue": value}
