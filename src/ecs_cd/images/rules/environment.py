"""What buildx takes from the environment and from Docker's configuration without being asked to.

The names come from the sources of buildx and BuildKit; docs/guides/builds.md lists all that reaches a build.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ecs_cd.images.rules.dockerfile import NotReusable

# They change the image: timestamps and a build argument, attestations, labels.
_IN_KEY = (
    "SOURCE_DATE_EPOCH",
    "BUILDX_NO_DEFAULT_ATTESTATIONS",
    "BUILDX_NO_DEFAULT_OCI_ARTIFACT",
    "BUILDX_GIT_LABELS",
    "BUILDX_GIT_CHECK_DIRTY",
    "BUILDX_GIT_INFO",
)
# They change the log, the metadata file, how bake reads files, or the builder, which `content_key` checks.
_WITHOUT_EFFECT = {
    "BUILDKIT_COLORS", "BUILDKIT_PROGRESS", "BUILDKIT_TTY_LOG_LINES", "BUILDX_BAKE_ENTITLEMENTS_FS",
    "BUILDX_BAKE_FILE_RELATIVE_PATHS", "BUILDX_BUILDER", "BUILDX_CONFIG", "BUILDX_EXPERIMENTAL",
    "BUILDX_METADATA_PROVENANCE", "BUILDX_METADATA_WARNINGS", "BUILDX_NO_DEFAULT_LOAD", "BUILDX_VERSION",
    "BUILDKIT_VERSION",
}  # fmt: skip
_OTHERS = re.compile(r"(?:EXPERIMENTAL_)?(?:BUILDX|BUILDKIT)_.*", re.DOTALL)


def facts(environ: Mapping[str, str], docker_config: Mapping[str, Any]) -> dict[str, str]:
    """What of the environment and of Docker's configuration changes an image. Raises ``NotReusable``.

    A variable that only a later buildx knows may name a file or hold a secret, so its value is not recorded.
    """
    for name in sorted(environ):
        if _OTHERS.fullmatch(name) and name not in _WITHOUT_EFFECT and name not in _IN_KEY:
            raise NotReusable(f"the environment has {name}, whose effect on a build ecs-cd doesn't know")
    found = {name: environ[name] for name in _IN_KEY if environ.get(name)}
    return found | _proxies(docker_config)


def _proxies(docker_config: Mapping[str, Any]) -> dict[str, str]:
    """The proxies that buildx passes as build arguments; the engine's address selects the entry."""
    proxies = docker_config.get("proxies")
    if not proxies:
        return {}
    text = json.dumps(proxies, sort_keys=True)
    if "@" in text:
        raise NotReusable("the proxies of Docker's configuration contain a password, which no hash may include")
    return {"proxies": text}
