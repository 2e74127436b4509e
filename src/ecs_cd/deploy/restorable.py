"""Whether tasks of an old revision can still start: its images may be gone from ECR, or it may be deregistered."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.ecr import MissingRepository
from ecs_cd.aws.errors import code
from ecs_cd.images import registry
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import DIGEST, image_reference, repository


def obstacles(definition: Mapping[str, Any], job: Job) -> list[str]:
    """Why ECS can start no task of this task definition, as DescribeTaskDefinition returns it; empty if nothing is
    known. Only images in private ECR are checked; the log names those that the role may not read."""
    state = str(definition.get("status", "not registered"))
    inactive = [] if state == "ACTIVE" else [f"it is {state}"]
    return [*inactive, *missing_images(definition, job)]


def missing_images(definition: Mapping[str, Any], job: Job) -> list[str]:
    """A phrase for each container's image that ECR no longer has."""
    containers: dict[str, list[str]] = {}
    for each in definition.get("containerDefinitions", ()):
        containers.setdefault(str(each.get("image", "")), []).append(str(each["name"]))
    gone = concurrently(*(partial(_is_gone, image, job) for image in containers))
    return [
        f"the image {image} of the container {', '.join(names)} is not in ECR"
        for (image, names), is_gone in zip(containers.items(), gone, strict=True)
        if is_gone
    ]


def _is_gone(image: str, job: Job) -> bool:
    uri, version = image_reference(image)
    place = repository(uri)
    if not place.account:  # ECR Public shows only the registry of this account
        return False
    find = registry.by_digest if DIGEST.fullmatch(version) else registry.images
    try:
        return not find(job.aws, place, [version])
    except MissingRepository:
        return True
    except (ClientError, BotoCoreError, Refused) as error:
        job.ci.line(f"image: whether {image} still exists can't be read ({code(error) or error})")
        return False
