"""ECR: a repository's images, retagging without a pull, scans, the login token. ECR public is a separate service."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code, transient_as_unreadable
from ecs_cd.aws.session import Aws, Client, pages
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import MANIFEST_TYPES, Image, Mutability, Repository, is_aws

_CONFIG_AT_MOST = 4 * 1024 * 1024  # bytes


class MissingRepository(Refused):
    """A repository that doesn't exist."""


def images(aws: Aws, repository: Repository, tags: Sequence[str]) -> dict[str, Image]:
    """Returns the images with these tags, by tag, without the tags that do not exist.

    Raises ``Refused`` if the repository does not exist.
    """
    tags = list(dict.fromkeys(tags))
    if not tags:
        return {}
    answer = _batch_get(aws, repository, [{"imageTag": tag} for tag in tags])
    if len(tags) == 1:
        return dict(zip(tags, map(_image, answer["images"]), strict=False))
    found = [(entry["imageId"].get("imageTag", ""), _image(entry)) for entry in answer["images"]]
    there = {tag: image for tag, image in found if tag in tags}
    absent = {failure["imageId"].get("imageTag") for failure in answer.get("failures", ())}
    # If two tags are of one image, the response may name only one. With several images, ask for each unnamed tag.
    unnamed = set(tags) - set(there) - absent
    if len({image.digest for _, image in found}) == 1:
        return there | dict.fromkeys(unnamed, found[0][1])
    for tag in unnamed:
        there |= images(aws, repository, [tag])
    return there


def by_digest(aws: Aws, repository: Repository, digests: Sequence[str]) -> dict[str, Image]:
    """Returns the images with these digests, by digest, without the digests that do not exist.

    Raises ``Refused`` if the repository does not exist.
    """
    ids = [{"imageDigest": digest} for digest in dict.fromkeys(digests)]
    found = map(_image, _batch_get(aws, repository, ids)["images"]) if ids else ()
    return {image.digest: image for image in found}


def manifest(aws: Aws, repository: Repository, digest: str) -> str:
    """Returns the manifest of the image with this digest, or an empty JSON object if the image does not exist."""
    answer = _batch_get(aws, repository, [{"imageDigest": digest}])
    return next((_image(found).manifest for found in answer["images"]), "{}")


def tags(aws: Aws, repository: Repository, digest: str) -> list[str]:
    """Returns the tags of the image with this digest; none if the image does not exist."""
    try:
        answer = _client(aws, repository).describe_images(**_name(repository), imageIds=[{"imageDigest": digest}])
    except ClientError as error:
        if code(error) in ("ImageNotFoundException", "RepositoryNotFoundException"):
            return []
        raise
    return [str(name) for image in answer["imageDetails"] for name in image.get("imageTags", ())]


def config(aws: Aws, repository: Repository, digest: str) -> str:
    """Returns the configuration of an image of one platform, given the configuration's digest; empty if it can't be
    downloaded."""
    from urllib.request import urlopen

    answer = _client(aws, repository).get_download_url_for_layer(**_name(repository), layerDigest=digest)
    url = str(answer["downloadUrl"])
    if not url.startswith(("https://", "http://")):
        return ""
    try:
        with urlopen(url, timeout=pace.REGISTRY_TIMEOUT) as response:
            content: bytes = response.read(_CONFIG_AT_MOST)
    except (OSError, ValueError):
        return ""
    return content.decode(errors="replace") if f"sha256:{hashlib.sha256(content).hexdigest()}" == digest else ""


def mutability(aws: Aws, repository: Repository) -> Mutability:
    """Returns which tags of the repository can move. Raises ``Refused`` if the repository does not exist."""
    name = _name(repository)
    request = {"repositoryNames": [name.pop("repositoryName")], **name}
    try:
        found = _client(aws, repository).describe_repositories(**request)["repositories"][0]
    except ClientError as error:
        raise _missing(error, repository) from error
    filters = found.get("imageTagMutabilityExclusionFilters", ())
    return Mutability(found.get("imageTagMutability", "MUTABLE"), tuple(f["filter"] for f in filters))


def creation_templates(aws: Aws, repository: Repository) -> list[dict[str, Any]]:
    """Returns the repository creation templates of the repository's registry, which must be the caller's own."""
    client = _client(aws, repository)
    found = list(pages(client.describe_repository_creation_templates, {}))
    if repository.account not in (None, found[0].get("registryId")):
        return []
    return [template for page in found for template in page.get("repositoryCreationTemplates", ())]


def tag(aws: Aws, repository: Repository, image: Image, name: str) -> None:
    """Adds a tag to the image. Succeeds if the image already has the tag."""
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
            raise Refused(
                f"the tag `{name}` of {repository} belongs to another image and can't move",
                "Use another tag, or exclude it from the repository's immutable tags.",
            ) from error
        if code(error) != "ImageAlreadyExistsException":
            raise


def offer(aws: Aws, repository: Repository, image: Image) -> None:
    """Gives a manifest that no push has brought to the registry of a local AWS, whose PutImage serves it by tag only.

    ECR needs nothing. If the registry doesn't take it, PutImage or the pull reports that.
    """
    from urllib.request import Request, urlopen

    if repository.account or not has(aws, repository):
        return
    url = f"http://{repository.host}/v2/{repository.name}/manifests/{image.digest}"
    headers = {"Content-Type": image.media_type}
    with (
        suppress(OSError),
        urlopen(Request(url, image.manifest.encode(), headers, method="PUT"), timeout=pace.REGISTRY_TIMEOUT),
    ):
        pass


def has(aws: Aws, repository: Repository) -> bool:
    """Whether the repository can be in ECR: its host says so, or a local AWS emulates ECR for any host."""
    return bool(repository.account) or not is_aws(aws.client("ecr", region=repository.region).meta.endpoint_url)


def login(aws: Aws, repository: Repository) -> tuple[str, str]:
    """Returns the user name and password for ``docker login``, valid for 12 hours.

    They are valid for every registry in the region that the caller may access, including other accounts':
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
    """
    answer = _client(aws, repository).get_authorization_token()
    token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
    user, _, password = token.partition(":")
    return user, password


# ---- scans ----


def scan(aws: Aws, repository: Repository, digest: str) -> list[dict[str, Any]] | None:
    """Returns all pages of DescribeImageScanFindings for an image, or ``None`` if ECR has no scan of it."""
    request = {**_name(repository), "imageId": {"imageDigest": digest}, "maxResults": 1000}
    with transient_as_unreadable():
        try:
            found = [aws.once("ecr", region=repository.region).describe_image_scan_findings(**request)]
        except ClientError as error:
            if code(error) == "ScanNotFoundException":
                return None
            raise
        while token := found[-1].get("nextToken"):
            found.append(_client(aws, repository).describe_image_scan_findings(**request, nextToken=token))
    return found


def start_scan(aws: Aws, repository: Repository, digest: str) -> None:
    """Starts a scan. Basic scanning allows one per image every 24 hours."""
    client = aws.once("ecr", region=repository.region)
    client.start_image_scan(**_name(repository), imageId={"imageDigest": digest})


def scan_frequency(aws: Aws, repository: Repository) -> str:
    """Returns ``SCAN_ON_PUSH``, ``CONTINUOUS_SCAN`` or ``MANUAL``; empty if unknown, as for other accounts."""
    answer = _client(aws, repository).batch_get_repository_scanning_configuration(repositoryNames=[repository.name])
    for found in answer.get("scanningConfigurations", ()):
        if repository.account in (None, found["repositoryArn"].split(":")[4]):  # ours may have the same name
            return str(found["scanFrequency"])
    return ""


def _batch_get(aws: Aws, repository: Repository, ids: Sequence[dict[str, str]]) -> dict[str, Any]:
    request = {**_name(repository), "imageIds": list(ids), "acceptedMediaTypes": list(MANIFEST_TYPES)}
    try:
        answer: dict[str, Any] = _client(aws, repository).batch_get_image(**request)
        return answer
    except ClientError as error:
        raise _missing(error, repository) from error


def _image(found: dict[str, Any]) -> Image:
    return Image(found["imageId"]["imageDigest"], found["imageManifest"], found.get("imageManifestMediaType", ""))


def pull_through_prefixes(aws: Aws, repository: Repository) -> list[str]:
    """Returns the prefixes of this registry's pull through cache rules; ``ROOT`` is the one for every name."""
    client, own = _client(aws, repository), {"registryId": repository.account} if repository.account else {}
    found = pages(client.describe_pull_through_cache_rules, own)
    return [str(rule["ecrRepositoryPrefix"]) for page in found for rule in page["pullThroughCacheRules"]]


def _client(aws: Aws, repository: Repository) -> Client:
    """Raises ``Refused`` if the repository is not in ECR: the call would find one of the same name there."""
    if not has(aws, repository):
        raise Refused(
            f"{repository} is not in ECR",
            "ecs-cd finds and tags images through ECR's API: name an ECR repository in the document.",
        )
    return aws.client("ecr", region=repository.region)


def _name(repository: Repository) -> dict[str, Any]:
    account = {"registryId": repository.account} if repository.account else {}
    return {"repositoryName": repository.name, **account}


def _missing(error: ClientError, repository: Repository) -> Exception:
    if code(error) == "RepositoryNotFoundException":
        return MissingRepository(
            f"there is no ECR repository {repository}", "The infra repo creates it; check its name."
        )
    return error
