"""ECR public, with the functions of ``ecr``. Its API has no manifests, so they come from the registry itself."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws, Client
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import MANIFEST_TYPES, Image, Repository

# https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html
_REGION = "us-east-1"


def images(aws: Aws, repository: Repository, tags: Sequence[str]) -> dict[str, Image]:
    """Returns the images with these tags, by tag, without manifests and without the tags that do not exist.

    Raises ``Refused`` if the repository does not exist or belongs to another account.
    """
    return _images(aws, repository, "imageTag", tags)


def by_digest(aws: Aws, repository: Repository, digests: Sequence[str]) -> dict[str, Image]:
    """Returns the images with these digests, by digest, like ``images``."""
    return _images(aws, repository, "imageDigest", digests)


def check(aws: Aws, repository: Repository) -> None:
    """Raises ``Refused`` if the repository does not exist."""
    try:
        _client(aws).describe_repositories(repositoryNames=[_name(repository)])
    except ClientError as error:
        raise _missing(error, repository) from error


def tag(aws: Aws, repository: Repository, image: Image, name: str) -> None:
    """Adds a tag to the image. Succeeds if the image already has the tag."""
    media_type = {"imageManifestMediaType": image.media_type} if image.media_type else {}
    try:
        _client(aws).put_image(
            repositoryName=_name(repository),
            imageManifest=image.manifest or manifest(aws, repository, image.digest),
            imageTag=name,
            imageDigest=image.digest,
            **media_type,
        )
    except ClientError as error:
        if code(error) != "ImageAlreadyExistsException":
            raise


def login(aws: Aws) -> tuple[str, str]:
    """Returns the user name and password for ``docker login``, valid for 12 hours."""
    user, _, password = base64.b64decode(_token(aws)).decode().partition(":")
    return user, password


def manifest(aws: Aws, repository: Repository, digest: str) -> str:
    """Returns the exact bytes of the manifest with this digest, or an empty JSON object if it does not exist."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    url = f"https://{repository.host}/v2/{repository.name}/manifests/{digest}"
    request = Request(url, headers={"Accept": ", ".join(MANIFEST_TYPES)})
    request.add_unredirected_header("Authorization", f"Bearer {_token(aws)}")
    try:
        with urlopen(request, timeout=pace.REGISTRY_TIMEOUT) as response:
            content: bytes = response.read()
    except HTTPError as error:
        if error.code == 404:
            return "{}"
        raise Refused(f"{repository.host} answered the request for a manifest of {repository} with {error}") from error
    except OSError as error:
        raise Refused(f"{repository.host} can't be reached: {error}") from error
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
        raise Refused(f"what {repository.host} sent is not the manifest of {repository.by_digest(digest)}")
    return content.decode()


def _images(aws: Aws, repository: Repository, kind: str, names: Sequence[str]) -> dict[str, Image]:
    found = {name: image for name in dict.fromkeys(names) if (image := _image(aws, repository, {kind: name}))}
    if found:  # the API reads this account's registry, whatever the alias is
        _check_alias(aws, repository)
    return found


def _image(aws: Aws, repository: Repository, image_id: dict[str, str]) -> Image | None:
    """Looks up one image per call: in a call with several, one missing image fails them all."""
    try:
        answer = _client(aws).describe_images(repositoryName=_name(repository), imageIds=[image_id])
    except ClientError as error:
        if code(error) == "ImageNotFoundException":
            return None
        raise _missing(error, repository) from error
    found = answer["imageDetails"][0]
    return Image(found["imageDigest"], "", found.get("imageManifestMediaType", ""))


def _check_alias(aws: Aws, repository: Repository) -> None:
    answer = _client(aws).describe_registries()
    aliases = [alias["name"] for registry in answer["registries"] for alias in registry["aliases"]]
    if repository.name.partition("/")[0] not in aliases:
        raise Refused(
            f"{repository} is not in the ECR public registry of this account, which is {' or '.join(aliases)}",
            "Sign in to the account that owns the repository, or correct the alias after the host.",
        )


def _token(aws: Aws) -> str:
    return str(_client(aws).get_authorization_token()["authorizationData"]["authorizationToken"])


def _client(aws: Aws) -> Client:
    return aws.client("ecr-public", region=_REGION)


def _name(repository: Repository) -> str:
    """The repository's name without the alias, which stands for the registry."""
    name = repository.name.partition("/")[2]
    if not name:
        raise Refused(f"{repository} lacks a name: it must be {repository.host}/ALIAS/NAME")
    return name


def _missing(error: ClientError, repository: Repository) -> Exception:
    if code(error) == "RepositoryNotFoundException":
        return Refused(
            f"there is no ECR public repository {repository}", "The infra repo creates it; check its name and account."
        )
    return error
