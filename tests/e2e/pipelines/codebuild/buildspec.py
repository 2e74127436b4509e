"""A buildspec, read strictly: a key that CodeBuild does not have, or that this runner does not carry out, is an error.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
# What the image aws/codebuild/standard:7.0 has. The test's container has the distribution's Python instead.
RUNTIMES = {"python": ("3.9", "3.10", "3.11", "3.12", "3.13")}


class BuildspecError(Exception):
    """What is wrong with a buildspec."""


@dataclass(frozen=True)
class Files:
    """What an artifact or a report group takes from the build's folder."""

    files: tuple[str, ...]
    base: str = ""


@dataclass(frozen=True)
class Buildspec:
    """``secrets`` are the references of secrets-manager, ``reports`` is by report group."""

    variables: Mapping[str, str]
    parameters: Mapping[str, str]
    secrets: Mapping[str, str]
    exported: tuple[str, ...]
    commands: Mapping[str, tuple[str, ...]]
    artifact: Files | None
    reports: Mapping[str, Files]


def parse(text: str) -> Buildspec:
    """Raises ``BuildspecError`` if the text is no buildspec that the runner carries out in full."""
    spec = _section(yaml.safe_load(text), "the buildspec", ("version", "env", "phases", "artifacts", "reports"))
    if spec.get("version") != 0.2:
        raise BuildspecError(f"version: {spec.get('version')!r} is not 0.2")
    keys = ("shell", "variables", "parameter-store", "secrets-manager", "exported-variables")
    env = _section(spec.get("env") or {}, "env", keys)
    if env.get("shell", "bash") != "bash":
        raise BuildspecError(f"env.shell: {env['shell']!r} is not run here")
    phases = _section(spec["phases"], "phases", PHASES)
    return Buildspec(
        _texts(env.get("variables"), "env.variables"),
        _texts(env.get("parameter-store"), "env.parameter-store"),
        _texts(env.get("secrets-manager"), "env.secrets-manager"),
        _list(env.get("exported-variables", []), "env.exported-variables"),
        {name: _commands(phases[name], name) for name in PHASES if name in phases},
        _files(spec["artifacts"], "artifacts") if "artifacts" in spec else None,
        {group: _report(each, group) for group, each in _section(spec.get("reports") or {}, "reports").items()},
    )


def _section(value: Any, where: str, known: Collection[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BuildspecError(f"{where}: must be a mapping, but is {value!r}")
    unknown = [key for key in value if known is not None and key not in known]
    if unknown:
        raise BuildspecError(f"{where}: unknown {', '.join(map(str, unknown))}")
    return value


def _texts(value: Any, where: str) -> dict[str, str]:
    found = _section(value or {}, where)
    if not all(isinstance(each, str) for each in found.values()):
        raise BuildspecError(f"{where}: every value must be a text: {found}")
    return found


def _list(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise BuildspecError(f"{where}: must be a list of texts, but is {value!r}")
    return tuple(value)


def _commands(value: Any, name: str) -> tuple[str, ...]:
    phase = _section(value, f"phases.{name}", ("runtime-versions", "commands"))
    for runtime, version in _section(phase.get("runtime-versions", {}), f"phases.{name}.runtime-versions").items():
        if name != "install" or version not in RUNTIMES.get(runtime, ()):
            raise BuildspecError(f"phases.{name}.runtime-versions: the image has no {runtime} {version!r}")
    return _list(phase.get("commands", []), f"phases.{name}.commands")


def _files(value: Any, where: str, more: Collection[str] = ()) -> Files:
    section = _section(value, where, ("files", "base-directory", *more))
    return Files(_list(section.get("files"), f"{where}.files"), section.get("base-directory", ""))


def _report(value: Any, group: str) -> Files:
    if value.get("file-format") != "JUNITXML":
        raise BuildspecError(f"reports.{group}.file-format: {value.get('file-format')!r} is not read here")
    return _files(value, f"reports.{group}", ("file-format",))
