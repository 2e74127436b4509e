"""Picks the registry by the repository's host: ECR, ECR public, or the one of a local AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecr, ecr_public
from ecs_cd.aws.ecr import MissingRepository
from ecs_cd.aws.errors import explain
from ecs_cd.aws.session import Aws
from ecs_cd.images.rules import creation_template
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model.references import Image, Mutability, Repository

T = TypeVar("T")


@dataclass(frozen=True)
class Login:
    """The arguments of ``docker login`` for one registry; a build may do without an ``optional`` one."""

    host: str
    user: str
    password: str = field(repr=False)
    optional: bool = False


def logins(job: Job, repositories: Iterable[Repository]) -> list[Login]:
    """One login for each registry that AWS issues a token for.

    Requests one token per region, as it is valid for the registries of all accounts in that region. Logins to other
    registries, such as ghcr.io, come from the caller's own Docker configuration.
    """
    hosts = {place.host: place for place in repositories if place.public or ecr.has(job.aws, place)}
    regions = {(place.public, place.region): place for place in hosts.values()}
    tokens = concurrently(*(partial(_login, job.aws, place) for place in regions.values()))
    by_region = dict(zip(regions, tokens, strict=True))
    return [Login(host, *by_region[place.public, place.region]) for host, place in hosts.items()]


def images(aws: Aws, repository: Repository, tags: Sequence[str]) -> dict[str, Image]:
    """The images with these tags, by tag; omits missing images and attestations.

    On an engine with the containerd store, buildx before 0.14 pushes the parts of an index under the tag of the index,
    and only then the index itself. A push that is cut off in between leaves an attestation under the tag, not an image.
    Raises ``Refused`` if the repository doesn't exist.
    """
    found = ecr_public.images(aws, repository, tags) if repository.public else ecr.images(aws, repository, tags)
    return {tag: image for tag, image in found.items() if not image.attestation}


def by_digest(aws: Aws, repository: Repository, digests: Sequence[str]) -> dict[str, Image]:
    """The images with these digests, by digest; omits missing images and attestations. Raises ``Refused`` if the
    repository doesn't exist."""
    service = ecr_public if repository.public else ecr
    found = service.by_digest(aws, repository, digests)
    return {digest: image for digest, image in found.items() if not image.attestation}


def existing(aws: Aws, repository: Repository, tags: Sequence[str]) -> dict[str, Image]:
    """The same, and empty if the repository doesn't exist."""
    try:
        return images(aws, repository, tags)
    except MissingRepository:
        return {}


def manifest(aws: Aws, repository: Repository, digest: str) -> str:
    """The manifest of the image with this digest; an empty object if the image is missing."""
    return ecr_public.manifest(aws, repository, digest) if repository.public else ecr.manifest(aws, repository, digest)


def put(aws: Aws, repository: Repository, image: Image, name: str) -> None:
    """Adds an image that no push has brought, under this tag. Succeeds too if the image already has the tag."""
    if not repository.public:
        ecr.offer(aws, repository, image)
    tag(aws, repository, image, name)


def tag(aws: Aws, repository: Repository, image: Image, name: str) -> None:
    """Adds a tag to the image. Succeeds too if the image already has the tag."""
    (ecr_public.tag if repository.public else ecr.tag)(aws, repository, image, name)


def mutability(aws: Aws, repository: Repository) -> Mutability:
    """Which tags of the repository can move: in ECR public, all. Raises ``Refused`` if the repository doesn't exist."""
    if not repository.public:
        return ecr.mutability(aws, repository)
    ecr_public.check(aws, repository)
    return Mutability()


def or_missing(call: Callable[[], T]) -> T | MissingRepository:
    """The result of the call, or its exception if the repository doesn't exist."""
    try:
        return call()
    except MissingRepository as missing:
        return missing


def created_on_push(job: Job, repository: Repository, missing: MissingRepository) -> Mutability:
    """Which tags can move in a missing repository once a push has created it. Raises ``missing`` if no push does."""
    try:
        created = creation_template.mutability(repository.name, ecr.creation_templates(job.aws, repository))
    except (ClientError, BotoCoreError) as error:
        job.ci.line(f"can't read whether a push creates {repository}: {explain(error)}")
        raise missing from error
    if created is None:
        raise missing
    job.ci.line(f"{repository} does not exist yet; a repository creation template lets the push create it")
    return created


def _login(aws: Aws, repository: Repository) -> tuple[str, str]:
    return ecr_public.login(aws) if repository.public else ecr.login(aws, repository)
