"""docker buildx: turns inputs into a command line, and the metadata file into a digest."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.ci.rules.child_environment import AWS, CACHE_TOKEN
from ecs_cd.model.references import DIGEST

_REMOTE = re.compile(r"^(?:https?://|git://|git@|ssh://|github\.com/)|^-$")

_URL_WITH_TOKEN = re.compile(r"https?://(?:[^/?#]*@|[^#]*\?)")
_CACHE_TYPE = re.compile(r"(?:^|,)\s*type=(\w+)")
_CACHE_CREDENTIALS = {"gha": CACHE_TOKEN, "s3": AWS}
_SECRET_SETTING = re.compile(r"(?:^|,)\s*\w*(?:secret|token|password)\w*=", re.IGNORECASE)


@dataclass(frozen=True)
class Build:
    """What to build. Every field except ``references`` has the same meaning as in docker/build-push-action.

    ``secrets`` maps an id to its source in buildx's syntax: ``src=FILE`` or ``env=NAME``. ``bases`` maps a base image,
    as the Dockerfile names it, to the image by digest that replaces it.
    """

    context: str
    references: Sequence[str]
    file: str = ""
    target: str = ""
    platforms: Sequence[str] = ()
    build_args: Sequence[str] = ()
    cache_from: Sequence[str] = ()
    cache_to: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    provenance: str = ""
    sbom: str = ""
    bases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cache:
    """Where buildx reads and writes cached layers, in its own syntax."""

    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


def registry_cache(reference: str) -> Cache:
    """The cache of all stages in a registry, in a format that ECR accepts. A failed write doesn't fail the build."""
    kept = f"type=registry,ref={reference},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true"
    return Cache((f"type=registry,ref={reference}",), (kept,))


def gha_cache(scope: str) -> Cache:
    """The cache of all stages in GitHub's cache. A failed write doesn't fail the build."""
    return Cache((f"type=gha,scope={scope}",), (f"type=gha,scope={scope},mode=max,ignore-error=true",))


def inline_cache(reference: str) -> Cache:
    """The cache of the last stage, inside the image itself. Reads it from ``reference``, if set."""
    return Cache((f"type=registry,ref={reference}",) if reference else (), ("type=inline",))


def variables(build_args: Iterable[str], secret_envs: Iterable[str], caches: Iterable[str]) -> set[str]:
    """The variables that a build reads, apart from Docker's own: names, or prefixes that end in ``_``."""
    kinds = {found[1] for cache in caches if (found := _CACHE_TYPE.search(cache))}
    tokens = {token for kind, token in _CACHE_CREDENTIALS.items() if kind in kinds}
    return {*secret_envs, *(arg for arg in build_args if "=" not in arg), *tokens}


def confidential(build: Build) -> bool:
    """Whether the command line would show a token: in the context's URL, or in the settings of a cache."""
    settings = (*build.cache_from, *build.cache_to)
    return bool(_URL_WITH_TOKEN.match(build.context)) or any(map(_SECRET_SETTING.search, settings))


def argv(build: Build, *, metadata_file: str) -> list[str]:
    """The command, without a shell. Build arguments and secrets are in buildx's syntax."""
    words = [
        "docker",
        "buildx",
        "build",
        "--push",
        "--progress=plain",
        f"--metadata-file={metadata_file}",
    ]
    words += [f"--tag={reference}" for reference in build.references]
    words += [f"--file={build.file}"] if build.file else []
    words += [f"--target={build.target}"] if build.target else []
    words += [f"--platform={','.join(build.platforms)}"] if build.platforms else []
    words += [f"--build-arg={arg}" for arg in build.build_args]
    words += [f"--cache-from={source}" for source in build.cache_from]
    words += [f"--cache-to={target}" for target in build.cache_to]
    words += [f"--label={name}={value}" for name, value in build.labels.items()]
    words += [f"--secret={secret}" for secret in secrets(build)]
    words += [f"--provenance={build.provenance}"] if build.provenance else []
    words += [f"--sbom={build.sbom}"] if build.sbom else []
    words += [f"--build-context={name}={place}" for name, place in contexts(build).items()]
    return [*words, "--", build.context]


def contexts(build: Build) -> dict[str, str]:
    """The images that replace base images: https://docs.docker.com/build/concepts/context/#named-contexts"""
    return {name: f"docker-image://{image}" for name, image in build.bases.items()}


def secrets(build: Build) -> list[str]:
    """The build's secrets in buildx's syntax: one CSV row each."""
    return [_csv_row(f"id={name}", source) for name, source in build.secrets.items()]


def platforms(inspected: str) -> set[str]:
    """The platforms in the output of `docker buildx inspect`, as ``linux/arm64``; ignores variants.

    Empty if the output lists no platforms, as with a builder that has not started yet.
    """
    lists = (line.partition(":")[2] for line in inspected.splitlines() if line.startswith("Platforms:"))
    words = (word.split()[0].rstrip("*") for listed in lists for word in listed.split(",") if word.strip())
    return {without_variant(word) for word in words}


def missing_platforms(wanted: Sequence[str], available: Container[str]) -> list[str]:
    """The wanted platforms that the builder lacks."""
    return [platform for platform in wanted if without_variant(platform) not in available]


def without_variant(platform: str) -> str:
    """``linux/arm`` of ``linux/arm/v7``."""
    return "/".join(platform.split("/")[:2])


def is_remote(context: str) -> bool:
    """Whether the context is not a local folder but a Git URL, a tarball's URL or standard input."""
    return bool(_REMOTE.match(context))


def digest(metadata: str) -> str:
    """The digest of the pushed image, from the text of the metadata file; empty without a digest."""
    return digest_of(content(metadata))


def content(metadata: str) -> dict[str, Any]:
    """The parsed content of a metadata file; empty if it is not valid."""
    try:
        found = json.loads(metadata)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def digest_of(result: Any) -> str:
    """The digest in BuildKit's result of one build; empty without a digest."""
    found = str(result.get("containerimage.digest", "")) if isinstance(result, dict) else ""
    return found if DIGEST.fullmatch(found) else ""


def _csv_row(*fields: str) -> str:
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow(fields)
    return row.getvalue()
