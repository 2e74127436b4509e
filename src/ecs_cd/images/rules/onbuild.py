"""ONBUILD triggers: instructions in a base image's configuration that BuildKit runs in a stage that starts from it.

They may take content from anywhere, and no Dockerfile of the checkout shows them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.images.rules import dockerfile
from ecs_cd.images.rules.buildx import without_variant
from ecs_cd.images.rules.dockerfile import NotReusable

_FLAGS = {
    "",
    *(f"{start}{side}PLATFORM{end}" for side in ("TARGET", "BUILD") for start, end in (("$", ""), ("${", "}"))),
}
_MACHINES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64", "arm64": "linux/arm64"}


@dataclass(frozen=True)
class Parents:
    """The images by digest that stages start from, and which of their platforms may be used; empty for any."""

    images: tuple[str, ...] = ()
    platforms: frozenset[str] = frozenset()


NO_PARENTS = Parents()


def platforms(flags: Iterable[str], targets: Collection[str], machine: str) -> frozenset[str]:
    """Which platforms of base images a build may use, by FROM's flags; empty if that is unknown.

    ``machine`` is the builder's architecture, empty if unknown. Without ``targets``, the build is for this machine.
    """
    builder = _MACHINES.get(machine)
    if not builder or not _FLAGS.issuperset(flags):
        return frozenset()
    return frozenset(map(without_variant, (*targets, builder)))


def children(index: Mapping[str, Any], wanted: Collection[str]) -> list[str]:
    """The digests of an index's manifests for these platforms; of all platforms if none is found or wanted."""
    found = {
        str(
            manifest["digest"]
        ): f"{manifest.get('platform', {}).get('os')}/{manifest.get('platform', {}).get('architecture')}"
        for manifest in index["manifests"]
        if "vnd.docker.reference.type" not in (manifest.get("annotations") or {})  # an attestation
    }
    return [digest for digest, platform in found.items() if platform in wanted] or list(found)


def triggers(config: Mapping[str, Any]) -> list[str]:
    """The triggers in an image's configuration; like Go, ignores the case of keys, of which there may be several."""
    lists = (found for inner in _values(config, "config") for found in _values(inner or {}, "onbuild"))
    return [str(trigger) for found in lists for trigger in found or ()]


def uncertain(found: Iterable[str]) -> bool:
    """Whether any of these triggers may take content from outside of the build's context and stages."""
    for trigger in found:
        try:
            if dockerfile.images(trigger, {}):
                return True
        except NotReusable:
            return True
    return False


def _values(mapping: Mapping[str, Any], wanted: str) -> list[Any]:
    return [value for name, value in mapping.items() if name.lower() == wanted]
