"""How an image is built, except for where it is pushed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CACHES = ("registry", "gha", "inline", "none")


@dataclass(frozen=True)
class BuildSpec:
    """One image of the document. The fields mean the same as in docker/build-push-action.

    ``name`` is the name in the document. ``context`` is a folder or a Git URL. An empty ``file`` means the Dockerfile
    of the context. ``build_args`` and ``labels`` are ``NAME=VALUE``. Three fields map the ids of secrets: ``secrets``
    to values, ``secret_envs`` to names of environment variables, ``secret_files`` to paths. ``cache`` is one of
    ``CACHES``. ``cache_from`` and ``cache_to`` add to it in the syntax of buildx, which ``provenance`` and ``sbom``
    use as well.
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
