"""The images of a task definition: those that are in ECR exist, and run on the task's platform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecr
from ecs_cd.aws.errors import action, denied
from ecs_cd.document.rules import app_file
from ecs_cd.images import build_spec, registry
from ecs_cd.job.job import Job
from ecs_cd.job.workspace import read_file
from ecs_cd.model.build_spec import BuildSpec
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import Image, Repository, image_reference, repository
from ecs_cd.verify.asking import ask
from ecs_cd.verify.rules import platforms
from ecs_cd.verify.rules.finding import Finding, not_checkable, wrong
from ecs_cd.verify.subjects import Subject

IMAGE = "image"
_SHORT = len("sha256:") + 12  # of a digest


def check(job: Job, subject: Subject) -> list[Finding]:
    """The findings about each container's image. Says nothing about images of other registries."""
    if subject.definition is None:
        return []
    found: list[Finding] = []
    for container in subject.definition["containerDefinitions"]:
        name = str(container["name"])
        if name in subject.entry.containers and name not in subject.images:
            found += ask(subject.name, platforms.PLATFORM, partial(_planned, subject, name))
        else:
            image = str(subject.images.get(name) or container.get("image", ""))
            found += ask(subject.name, IMAGE, partial(_pushed, job, subject, name, image))
    return found


def _planned(subject: Subject, container: str) -> Iterator[Finding]:
    """An image that the commit's build has yet to push."""
    image = subject.entry.containers[container]
    spec = subject.answers.get("app file", _app_file).get(image, BuildSpec(image))
    definition = subject.definition or {}
    yield from platforms.planned(subject.name, container, image, spec.platforms, definition, build_spec.FILE)


def _app_file() -> Mapping[str, BuildSpec]:
    """Empty if it can't be read, too: app_file.py says so."""
    place = build_spec.file()
    try:
        return app_file.load(read_file(str(place), what="the app's file"), where=build_spec.FILE) if place else {}
    except Refused:
        return {}


def _pushed(job: Job, subject: Subject, container: str, image: str) -> Iterator[Finding]:
    uri, tag = image_reference(image)
    place = repository(uri)
    if place.account is None:
        return
    problem = f"container {container}: {image} is not in ECR"
    try:
        found = subject.answers.get(("image", image), lambda: _read(job, place, tag))
    except ecr.MissingRepository as missing:
        found, problem = None, f"container {container}: {missing.problems[0]}"
    if found is None:
        yield _absent(job, subject, place, problem)
        return
    known = subject.answers.get(("platforms", image), lambda: _platforms(job, place, found))
    shown = f"{place.name}@{tag[:_SHORT]}" if "@" in image else f"{place.name}:{tag}"
    yield from platforms.judge(subject.name, container, shown, known, subject.definition or {})


def _absent(job: Job, subject: Subject, place: Repository, problem: str) -> Finding:
    """An image of the template that is not in ECR."""
    if not subject.document.images:
        remedy = "Nothing to do if another step puts in the image."
        return not_checkable(subject.name, IMAGE, f"{problem}; it may be a placeholder", remedy)
    try:
        fetched = _fetched(job, subject, place)
    except (ClientError, BotoCoreError) as error:
        remedy = f"Allow the role that runs verify {action(error)}." if denied(error) else "Check it by hand."
        text = f"{problem}; whether a pull through cache fetches it can't be read"
        return not_checkable(subject.name, IMAGE, text, remedy)
    if fetched:
        remedy = "Pull it once, to see whether the cache can fetch it."
        return not_checkable(subject.name, IMAGE, f"{problem} yet; a pull through cache fetches it", remedy)
    return wrong(subject.name, IMAGE, problem, "Create and push it, or correct `image` in the template.")


def _fetched(job: Job, subject: Subject, place: Repository) -> bool:
    """Whether ECR fetches images of this repository from another registry, and creates it."""
    question = ("pull through cache", place.account, place.region)
    prefixes = subject.answers.get(question, lambda: ecr.pull_through_prefixes(job.aws, place))
    return any(prefix == "ROOT" or place.name.startswith(f"{prefix}/") for prefix in prefixes)


def _read(job: Job, place: Repository, tag: str) -> Image | None:
    look = registry.by_digest if tag.startswith("sha256:") else registry.images
    return look(job.aws, place, [tag]).get(tag)


def _platforms(job: Job, place: Repository, image: Image) -> list[str] | None:
    """The manifest of a single image does not say its platform: the configuration does."""
    digest = platforms.config_digest(image.manifest)
    if not digest:
        return platforms.of_index(image.manifest)
    return platforms.of_config(ecr.config(job.aws, place, digest))
