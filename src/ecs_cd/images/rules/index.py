"""One image of several platforms: an index of images that different jobs have built and pushed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ecs_cd.model import platforms
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import Image

_OCI = "application/vnd.oci.image.index.v1+json"
_DOCKER = "application/vnd.docker.distribution.manifest.list.v2+json"
_ATTESTATION = "vnd.docker.reference.type"
_DELETE = "Another build has taken this tag: delete it in ECR, and run the job again."


def check(platform: str, listed: Mapping[str, Sequence[str]], commit: str, reuse: str) -> None:
    """Raises ``Refused`` if jobs can't build these images, with their platforms, one platform each."""
    problems = []
    if not commit:
        problems.append("platform: no commit is known, and an image's platforms are joined by it")
    if reuse != "commit":
        problems.append(f"platform: an image's platforms are joined by the commit, so `reuse: {reuse}` is impossible")
    for name, given in listed.items():
        problems += [f"platforms: image `{name}` has {each} twice" for each in platforms.repeated(given)]
        if not given:
            problems.append(f"platform: image `{name}` has no `platforms`, so it isn't known which ones to join")
        elif platform not in map(platforms.normalized, given):
            problems.append(f"platform: image `{name}` is not built for {platform}, but for {', '.join(given)}")
    if problems:
        raise Refused(problems)


def part(platform: str, listed: Sequence[str]) -> str:
    """The platform that a job builds alone, as it is listed; empty if it builds the whole image."""
    found = [each for each in listed if platforms.normalized(each) == platform]
    return found[0] if found and len(listed) > 1 else ""


def tag(commit: str, platform: str) -> str:
    """The tag of the commit's image for one platform, before the repository's prefix and suffix."""
    return f"{commit}-{slug(platform)}"


def slug(platform: str) -> str:
    """The platform in a tag, such as ``linux-arm64``."""
    return platforms.normalized(platform).replace("/", "-")


def joined(children: Mapping[str, Image], places: Mapping[str, str]) -> Image:
    """The index of these images, by platform: the same bytes for the same images in the same order.

    Each image is a manifest of one platform, or an index of one with its attestations, which the index keeps.
    Raises ``Refused`` if one is neither, or is of another platform; ``places`` says where each is, for the message.
    """
    images, attestations = [], []
    for platform, image in children.items():
        content = _content(image, places[platform])
        found = content.get("manifests")
        entries = [_described(image, content, platform)] if found is None else _entries(found)
        own = [each for each in entries if _ATTESTATION not in (each.get("annotations") or {})]
        names = [_name(each.get("platform")) for each in own]
        if names != [platforms.normalized(platform)]:
            raise Refused(
                f"{places[platform]} is not one image for {platform}, but has {', '.join(names) or 'none'}", _DELETE
            )
        images += own
        attestations += [each for each in entries if each not in own]
    docker = all(image.media_type.startswith("application/vnd.docker.") for image in children.values())
    media_type = _DOCKER if docker else _OCI
    text = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": [*images, *attestations]}, indent=2)
    return Image(f"sha256:{hashlib.sha256(text.encode()).hexdigest()}", text, media_type)


def _content(image: Image, place: str) -> dict[str, Any]:
    try:
        found = json.loads(image.manifest)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not ("manifests" in found or "config" in found):
        raise Refused(f"{place} is no image", _DELETE)
    return found


def _entries(found: Any) -> list[dict[str, Any]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _described(image: Image, content: Mapping[str, Any], platform: str) -> dict[str, Any]:
    """A descriptor of an image's manifest. The manifest doesn't say its platform, but the build was for it alone."""
    system, machine, *variant = platforms.normalized(platform).split("/")
    return {
        "mediaType": content.get("mediaType") or image.media_type,
        "digest": image.digest,
        "size": len(image.manifest.encode()),
        "platform": {"architecture": machine, "os": system, **({"variant": variant[0]} if variant else {})},
    }


def _name(platform: Any) -> str:
    given = platform if isinstance(platform, dict) else {}
    parts = (str(given.get(key) or "") for key in ("os", "architecture", "variant"))
    return platforms.normalized("/".join(filter(None, parts)))
