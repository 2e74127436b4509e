"""Joins the images that jobs have built for one platform each into the commit's image, once all of them are in ECR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecs_cd.images import registry
from ecs_cd.images.build import Done
from ecs_cd.images.build_plan import BuildPlan
from ecs_cd.images.rules import index
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import Image


def join(done: Sequence[Done], job: Job) -> list[Done]:
    """The same images; instead of one for one platform, the image of all of them, if this job is the last.

    Two jobs that end at the same moment both join: the index depends only on its images, so they write the same. Raises
    ``Refused`` if an image is not what its tag says, or if a tag can't move.
    """
    return concurrently(*(lambda each=each: _joined(each, each.plan.whole, job) for each in done))


def _joined(done: Done, whole: BuildPlan | None, job: Job) -> Done:
    if whole is None:
        return done
    tags = {platform: whole.platform_tag(platform) for platform in whole.spec.platforms}
    missing: list[str] = []
    for pause in pace.PUSHED_LOOKS:  # ECR may list the image that another job has just pushed a little later
        if pause:
            job.clock.sleep(pause)
        found = registry.existing(job.aws, whole.repository, list(tags.values()))
        missing = [platform for platform, tag in tags.items() if tag not in found]
        if not missing:
            return _pushed(done, whole, {platform: found[tag] for platform, tag in tags.items()}, job)
    job.ci.line(
        f"image `{whole.name}` is not complete: {', '.join(missing)} is not in ECR yet; the job that builds the last "
        "platform joins them"
    )
    return done


def _pushed(done: Done, whole: BuildPlan, children: dict[str, Image], job: Job) -> Done:
    full = {platform: _with_manifest(image, whole, job) for platform, image in children.items()}
    tags = {platform: whole.platform_tag(platform) for platform in full}
    image = index.joined(full, {platform: f"the tag `{tag}` of {whole.repository}" for platform, tag in tags.items()})
    for name in whole.tagging.names:
        _tag(whole, image, name, job)
    of = ", ".join(f"{platform} {child.digest}" for platform, child in full.items())
    job.ci.line(f"image `{whole.name}` is joined: {whole.repository.by_digest(image.digest)} of {of}")
    return Done(replace(whole, tagging=replace(whole.tagging, reuse=done.plan.tagging.reuse)), image.digest)


def _tag(whole: BuildPlan, image: Image, name: str, job: Job) -> None:
    """An immutable repository refuses a tag that it has, also if another job has written the same image."""
    try:
        registry.put(job.aws, whole.repository, image, name)
    except Refused:
        there = registry.existing(job.aws, whole.repository, [name]).get(name)
        if there is None or there.digest != image.digest:
            raise


def _with_manifest(image: Image, whole: BuildPlan, job: Job) -> Image:
    """ECR Public's API has no manifests."""
    return (
        image if image.manifest else replace(image, manifest=registry.manifest(job.aws, whole.repository, image.digest))
    )
