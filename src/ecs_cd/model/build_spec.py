"""How an image is built: everything but where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CACHES = ("registry", "gha", "inline", "none")


@dataclass(frozen=True)
class BuildSpec:
    """One image of the document. Everything means what it does in docker/build-push-action.

    ``name`` is the document's. ``context`` is a folder or a Git URL, ``file`` empty for the context's Dockerfile.
    ``build_args`` and ``labels`` are ``NAME=VALUE``. Of the secrets ``secrets`` has values, ``secret_envs`` names of
    environment variables and ``secret_files`` paths, each by the secret's id. ``cache`` is one of ``CACHES``;
    ``cache_from`` and ``cache_to`` are buildx's own words besides, as ``provenance`` and ``sbom`` are.
    """

    name: str
    context: str = "."
    file: str = ""
    target: str = ""
    build_args: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_envs: Mapping[str, str] = field(default_factory=dict)
    secret_files: Mapping[str, str] = field(default_factory=dict)
    cache: str = "none"
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    provenance: str = ""
    sbom: str = ""
