"""Asks the registries about base images before a build, through buildx and with the build's logins."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ecs_cd.images import docker
from ecs_cd.images.rules import onbuild
from ecs_cd.images.rules.content import Key
from ecs_cd.images.rules.onbuild import Parents
from ecs_cd.job.job import concurrently


def moved(key: Key, environ: Mapping[str, str]) -> str:
    """Which base image has another digest than in the key, or can't be read; empty if none.

    A build by digest never asks for the tag again, and only a pull of the tag makes a pull-through cache look whether
    there is a newer image upstream. So this asks as a pull does.
    """
    digests = concurrently(*(lambda tag=tag: _digest(docker.raw(tag, environ)) for tag in key.bases))
    asked = zip(key.bases.items(), digests, strict=True)
    return next((tag for (tag, image), digest in asked if image.partition("@")[2] != digest), "")


def doubt(parents: Parents, environ: Mapping[str, str]) -> str:
    """Why the ONBUILD triggers of base images may change what is built; empty if they don't."""
    doubts = concurrently(*(lambda image=image: _doubt(image, parents, environ) for image in parents.images))
    return next(filter(None, doubts), "")


def _doubt(image: str, parents: Parents, environ: Mapping[str, str]) -> str:
    name, _, digest = image.partition("@")
    try:
        top = _read(name, digest, environ)
        manifests = [top]
        if "manifests" in top:
            manifests = [_read(name, child, environ) for child in onbuild.children(top, parents.platforms)]
        configs = [_read(name, manifest["config"]["digest"], environ) for manifest in manifests]
        found = [trigger for config in configs for trigger in onbuild.triggers(config)]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return f"the configuration of the base image {image} can't be read, and may have ONBUILD triggers"
    return f"the base image {image} has an ONBUILD trigger whose content may change" if onbuild.uncertain(found) else ""


def _read(name: str, digest: str, environ: Mapping[str, str]) -> Any:
    """The JSON with this digest, a manifest or a configuration. Raises ``ValueError`` if the registry lacks it."""
    text = docker.raw(f"{name}@{digest}", environ)
    if _digest(text) != digest:
        raise ValueError(f"not the content of {digest}")
    return json.loads(text)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
