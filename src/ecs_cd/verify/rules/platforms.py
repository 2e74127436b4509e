"""Whether images run on the platform that a task definition asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ecs_cd.verify.rules.finding import Finding, not_checkable, ok, wrong

PLATFORM = "platform"
_MACHINES = {"X86_64": "amd64", "ARM64": "arm64"}
_ATTESTATION = "vnd.docker.reference.type"


def wanted(definition: Mapping[str, Any]) -> str:
    """The platform of the task, such as ``linux/arm64``: X86_64 and LINUX unless runtimePlatform says otherwise. Empty
    for an architecture that is newer than this release."""
    platform = definition.get("runtimePlatform") or {}
    system = str(platform.get("operatingSystemFamily") or "LINUX")
    machine = _MACHINES.get(str(platform.get("cpuArchitecture") or "X86_64"), "")
    return f"{'windows' if system.startswith('WINDOWS') else 'linux'}/{machine}" if machine else ""


def field(definition: Mapping[str, Any]) -> str:
    """How a finding refers to the task's platform."""
    written = (definition.get("runtimePlatform") or {}).get("cpuArchitecture")
    return "runtimePlatform" if written else "runtimePlatform, X86_64 by default,"


def of_index(manifest: str) -> list[str] | None:
    """The platforms in this manifest, without attestations; ``None`` if it is of a single image, and doesn't say."""
    try:
        content = json.loads(manifest)
    except ValueError:
        return None
    entries = content.get("manifests") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        return None
    images = [
        each for each in entries if isinstance(each, dict) and _ATTESTATION not in (each.get("annotations") or {})
    ]
    return [name for each in images if (name := _name(each.get("platform")))] or None


def config_digest(manifest: str) -> str:
    """The digest of a single image's configuration; empty if the manifest has none."""
    try:
        content = json.loads(manifest)
        return str(content["config"]["digest"])
    except (ValueError, LookupError, TypeError):
        return ""


def of_config(config: str) -> list[str] | None:
    """The platform in the configuration of a single image; ``None`` if it doesn't say."""
    try:
        content = json.loads(config)
    except ValueError:
        return None
    name = _name(content)
    return [name] if name else None


def _name(platform: Any) -> str:
    """Without the variant: amd64 and arm64 run on ECS whatever it is. Empty if this is no platform."""
    found = platform if isinstance(platform, dict) else {}
    name = f"{found.get('os') or 'linux'}/{found.get('architecture') or 'unknown'}"
    return name if re.fullmatch(r"[a-z0-9]{1,20}/(?!unknown)[a-z0-9]{1,20}", name) else ""


def judge(
    subject: str, container: str, image: str, found: Sequence[str] | None, definition: Mapping[str, Any]
) -> Iterator[Finding]:
    """Whether an image in a registry runs in this task; ``found`` are its platforms, ``None`` if unknown."""
    asked = wanted(definition)
    if not asked:
        yield not_checkable(subject, PLATFORM, "this release does not know the template's cpuArchitecture")
    elif found is None:
        text = f"container {container}: the registry does not say which platform {image} is for"
        yield not_checkable(subject, PLATFORM, text)
    elif asked in found:
        yield ok(subject, PLATFORM, f"container {container}: {image} is for {asked}")
    else:
        listed = ", ".join(dict.fromkeys(found)) or "no platform"
        yield wrong(
            subject,
            PLATFORM,
            f"container {container}: {image} is for {listed}, and {field(definition)} asks for {asked}",
            _remedy(found, asked),
        )


def planned(
    subject: str, container: str, image: str, platforms: Sequence[str], definition: Mapping[str, Any], file: str
) -> Iterator[Finding]:
    """Whether the app's file builds the image, which is not pushed yet, for this task's platform."""
    asked = wanted(definition)
    if not asked:
        return
    if not platforms:
        if asked != "linux/amd64":
            text = f"container {container}: image {image} is not pushed yet, and {file} names no platforms for it"
            remedy = f"Add {asked} to images.{image}.platforms in {file}, or build on a runner for it."
            yield not_checkable(subject, PLATFORM, text, remedy)
        return
    listed = [platform if platform.count("/") < 2 else platform.rpartition("/")[0] for platform in platforms]
    where = f"{file}, images.{image}.platforms"
    if asked in listed:
        yield ok(subject, PLATFORM, f"container {container}: {where} has {asked}")
    else:
        yield wrong(
            subject,
            PLATFORM,
            f"container {container}: {where} is {', '.join(platforms)}, and {field(definition)} asks for {asked}",
            f"Add {asked} to {where}, or change runtimePlatform in the template.",
        )


def _remedy(found: Sequence[str], asked: str) -> str:
    machine = asked.partition("/")[2]
    architecture = next((name for name, known in _MACHINES.items() if f"linux/{known}" in found), "")
    other = f", or set runtimePlatform.cpuArchitecture to {architecture} in the template" if architecture else ""
    return f"Build the image for {asked} (`platforms` of build-push, on a runner for {machine} or with QEMU){other}."
