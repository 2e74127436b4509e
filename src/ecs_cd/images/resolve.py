"""Resolves a commit to digests: the images that a migration or a deployment runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import code
from ecs_cd.images import registry
from ecs_cd.images.rules.handed_over import REMEDY
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import Repository, image_reference, repository


def resolve(
    names: Iterable[str],
    repositories: Mapping[str, Repository],
    commit: str,
    job: Job,
    *,
    digests: Mapping[str, str] | None = None,
    required: bool = True,
) -> dict[str, str]:
    """The images with these names by digest, as ``repository@sha256:...``: those of the commit, or those that are
    handed over with these ``digests``.

    Raises ``Refused`` that lists every image missing from ECR. If not ``required``, logs the missing images instead,
    and refers to the commit's by its tag.
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    if digests:
        return _handed_over(wanted, repositories, digests, job, required=required)
    if not commit:
        raise Refused("no commit is known", "Set the input sha, or check out the repository before this step.")
    found = concurrently(*(lambda place=repositories[name]: _digest(place, place.tag(commit), job) for name in wanted))
    tagged = {name: f"{repositories[name]}:{repositories[name].tag(commit)}" for name in wanted}
    resolved = {
        name: repositories[name].by_digest(digest) for name, digest in zip(wanted, found, strict=True) if digest
    }
    missing = [f"image `{name}` is not in ECR: {tagged[name]}" for name in wanted if name not in resolved]
    if missing and required:
        raise Refused(missing, "Build and push it first (build-push), or set the input sha to a commit that was built.")
    for line in (*(f"image: {name} is {image}" for name, image in resolved.items()), *missing):
        job.ci.line(line)
    return tagged | resolved


def _handed_over(
    names: Sequence[str],
    repositories: Mapping[str, Repository],
    digests: Mapping[str, str],
    job: Job,
    *,
    required: bool,
) -> dict[str, str]:
    """Asks ECR once per repository whether the images exist."""
    absent = [f"image `{name}` is not handed over" for name in names if name not in digests]
    if absent:
        raise Refused(absent, f"The pipeline hands over only {', '.join(digests)}. {REMEDY}")
    asked: dict[Repository, list[str]] = {}
    for name in names:  # images that share a repository differ in the prefixes and suffixes of their tags
        place = replace(repositories[name], tag_prefix="", tag_suffix="")
        asked.setdefault(place, []).append(digests[name])
    found = concurrently(*(partial(registry.by_digest, job.aws, place, wanted) for place, wanted in asked.items()))
    known = {(str(place), digest) for place, images in zip(asked, found, strict=True) for digest in images}
    resolved = {name: repositories[name].by_digest(digests[name]) for name in names}
    missing = [
        f"image `{name}` is not in ECR: {resolved[name]}"
        for name in names
        if (str(repositories[name]), digests[name]) not in known
    ]
    if missing and required:
        raise Refused(
            missing, "Start the pipeline with images that are in ECR; a lifecycle policy may delete old ones."
        )
    for line in (*(f"image: {name} is {image}" for name, image in resolved.items()), *missing):
        job.ci.line(line)
    return resolved


def by_digest(definition: Mapping[str, Any], job: Job) -> dict[str, str]:
    """The images in a task definition, as container to ``repository@sha256:...``.

    Includes only images with a digest, or with an ECR tag that ecs-cd can read.
    """
    named = {str(each["name"]): str(each.get("image", "")) for each in definition["containerDefinitions"]}
    images = list(dict.fromkeys(named.values()))
    found = dict(
        zip(images, concurrently(*(lambda image=image: _by_digest(image, job) for image in images)), strict=True)
    )
    for image, (_, trouble) in found.items():
        if trouble:
            job.ci.line(f"image: the digest of {image} can't be read, so ecs-cd won't verify it ({trouble})")
    return {name: known for name, image in named.items() if (known := found[image][0])}


def _by_digest(image: str, job: Job) -> tuple[str, str]:
    """The image by digest, or an empty text and the reason, if the reason is worth logging."""
    if "@" in image:
        return image, ""
    uri, tag = image_reference(image)
    place = repository(uri)
    if not place.account:  # not in ECR
        return "", ""
    try:
        known = _digest(place, tag, job)
    except (ClientError, BotoCoreError, Refused) as error:
        return "", code(error) or str(error)
    return (place.by_digest(known), "") if known else ("", "the image does not exist")


def _digest(repository: Repository, tag: str, job: Job) -> str:
    image = registry.images(job.aws, repository, [tag]).get(tag)
    return image.digest if image else ""
