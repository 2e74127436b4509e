"""ECR: what a repository holds, retagging without a pull, the login's token."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.session import Aws, Client, code
from ecs_cd.core.errors import Refused
from ecs_cd.core.references import Repository
from ecs_cd.core.tags import Mutability

# Without the index types ECR answers with the manifest of one platform.
_MANIFEST_TYPES = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
]


@dataclass(frozen=True)
class Image:
    """An image in ECR, with its manifest to the byte."""

    digest: str
    manifest: str
    media_type: str


def images(aws: Aws, repository: Repository, tags: Sequence[str]) -> dict[str, Image]:
    """The images that hold these tags, by tag; what is not there is left out.

    Raises ``Refused`` where the repository is not there.
    """
    tags = list(dict.fromkeys(tags))
    if not tags:
        return {}
    answer = _batch_get(aws, repository, [{"imageTag": tag} for tag in tags])
    if len(tags) == 1:
        return dict(zip(tags, map(_image, answer["images"]), strict=False))
    there = {str(found["imageId"].get("imageTag")): _image(found) for found in answer["images"]}
    absent = {failure["imageId"].get("imageTag") for failure in answer.get("failures", ())}
    for tag in set(tags) - set(there) - absent:
        there |= images(aws, repository, [tag])  # of two tags of one image the answer named but one
    return there


def manifest(aws: Aws, repository: Repository, digest: str) -> str:
    """The manifest of the image with this digest; an empty object where it is not there."""
    answer = _batch_get(aws, repository, [{"imageDigest": digest}])
    return next((_image(found).manifest for found in answer["images"]), "{}")


def mutability(aws: Aws, repository: Repository) -> Mutability:
    """Which tags of the repository can move. Raises ``Refused`` where the repository is not there."""
    name = _name(repository)
    request = {"repositoryNames": [name.pop("repositoryName")], **name}
    try:
        found = _client(aws, repository).describe_repositories(**request)["repositories"][0]
    except ClientError as error:
        raise _missing(error, repository) from error
    filters = found.get("imageTagMutabilityExclusionFilters", ())
    return Mutability(found.get("imageTagMutability", "MUTABLE"), tuple(f["filter"] for f in filters))


def tag(aws: Aws, repository: Repository, image: Image, name: str) -> None:
    """Gives the image one more tag. That the tag holds the image already is success."""
    media_type = {"imageManifestMediaType": image.media_type} if image.media_type else {}
    try:
        _client(aws, repository).put_image(
            **_name(repository),
            imageManifest=image.manifest,
            imageTag=name,
            imageDigest=image.digest,
            **media_type,
        )
    except ClientError as error:
        if code(error) == "ImageTagAlreadyExistsException":
            raise Refused(f"the tag `{name}` of {repository} belongs to another image and can't move") from error
        if code(error) != "ImageAlreadyExistsException":
            raise


def login(aws: Aws, repository: Repository) -> tuple[str, str]:
    """User name and password for ``docker login``; the password is good for 12 hours."""
    answer = _client(aws, repository).get_authorization_token()
    token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
    user, _, password = token.partition(":")
    return user, password


def _batch_get(aws: Aws, repository: Repository, ids: Sequence[dict[str, str]]) -> dict[str, Any]:
    request = {**_name(repository), "imageIds": list(ids), "acceptedMediaTypes": _MANIFEST_TYPES}
    try:
        answer: dict[str, Any] = _client(aws, repository).batch_get_image(**request)
        return answer
    except ClientError as error:
        raise _missing(error, repository) from error


def _image(found: dict[str, Any]) -> Image:
    return Image(found["imageId"]["imageDigest"], found["imageManifest"], found.get("imageManifestMediaType", ""))


def _client(aws: Aws, repository: Repository) -> Client:
    return aws.client("ecr", region=repository.region)


def _name(repository: Repository) -> dict[str, Any]:
    account = {"registryId": repository.account} if repository.account else {}
    return {"repositoryName": repository.name, **account}


def _missing(error: ClientError, repository: Repository) -> Exception:
    if code(error) == "RepositoryNotFoundException":
        return Refused(f"there is no ECR repository {repository}", "The infra repo creates it; check its name.")
    return error
