"""docker buildx bake: several builds in one BuildKit session."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ecs_cd.images.rules import buildx
from ecs_cd.images.rules.buildx import Build

# Makes bake read files from the same places as `docker buildx build`. Since 0.20, bake asks before it leaves the
# working directory, and older versions don't know the flag that allows it.
ENVIRON = {"BUILDX_BAKE_ENTITLEMENTS_FS": "0", "BUILDX_BAKE_FILE_RELATIVE_PATHS": "0"}

_NO_TARGET = re.compile(r"[^A-Za-z0-9_-]")
_FAILED = re.compile(r"^(?:ERROR|error): target ([A-Za-z0-9_-]+): ", re.MULTILINE)
_STEP = re.compile(r"^#(?P<number>[0-9]+) \[(?P<target>[A-Za-z0-9_-]+)[] ]", re.MULTILINE)
# If one target's failure cuts off the push of another, that push repeats the error of the whole build.
_STEP_FAILED = re.compile(r"^#(?P<number>[0-9]+) ERROR: (?!failed to solve: )(?P<why>.+)", re.MULTILINE)
_BLOCK = re.compile(r"^------\n > \[([A-Za-z0-9_-]+)[] ]", re.MULTILINE)


def targets(names: Iterable[str]) -> dict[str, str]:
    """A target name for each of these names, as similar as bake allows."""
    found: dict[str, str] = {}
    for name in names:
        target = _NO_TARGET.sub("-", name)
        while target in found.values():
            target += "_"
        found[name] = target
    return found


def definition(builds: Mapping[str, Build], *, folder: str, environ: Mapping[str, str]) -> str:
    """The bake file as JSON: one target for each build, by target name.

    Paths are relative to ``folder``, because bake would look for a Dockerfile in the context. A build argument without
    a value takes it from the environment, as in `docker buildx build`.
    """
    return json.dumps({"target": {name: _target(build, folder, environ) for name, build in builds.items()}}, indent=2)


def argv(targets: Iterable[str], *, file: str, metadata_file: str) -> list[str]:
    """The command that builds and pushes these targets."""
    options = [f"--file={file}", "--progress=plain", f"--metadata-file={metadata_file}"]
    return ["docker", "buildx", "bake", "--push", *options, *targets]


def digests(metadata: str) -> dict[str, str]:
    """The digest of each pushed target, from the text of the metadata file."""
    found = {target: buildx.digest_of(result) for target, result in buildx.content(metadata).items()}
    return {target: digest for target, digest in found.items() if digest}


def failed(lines: Sequence[str]) -> set[str]:
    """The targets that failed, according to the last lines of the output.

    The last error names them; in versions where it doesn't, the step whose message the error repeats does, else the
    blocks that show failed steps. These blocks may include steps that another target's failure cut off.
    """
    text = "\n".join(lines)
    steps = {step["number"]: step["target"] for step in _STEP.finditer(text)}
    last = next((line for line in reversed(lines) if line.startswith("ERROR: ")), "")
    blamed = {steps.get(step["number"], "") for step in _STEP_FAILED.finditer(text) if last.endswith(step["why"])}
    return set(_FAILED.findall(text)) or blamed - {""} or set(_BLOCK.findall(text))


def escaped(text: str) -> str:
    """The text escaped for bake: every string in a bake file, including names, is an HCL template.

    https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md#template-literals
    """
    return text.replace("${", "$${").replace("%{", "%%{")


def _target(build: Build, folder: str, environ: Mapping[str, str]) -> dict[str, Any]:
    remote = buildx.is_remote(build.context)
    place = build.context if remote else posixpath.join(folder, build.context)
    file = build.file if remote or not build.file else posixpath.join(folder, build.file)
    attestations = {"provenance": build.provenance, "sbom": build.sbom}
    words: dict[str, Any] = {
        "context": place,
        "dockerfile": file,
        "target": build.target,
        "tags": list(build.references),
        "platforms": list(build.platforms),
        "args": _arguments(build.build_args, environ),
        "labels": dict(build.labels),
        "contexts": buildx.contexts(build),
        "secret": buildx.secrets(build),
        "cache-from": list(build.cache_from),
        "cache-to": list(build.cache_to),
        "attest": [_attestation(kind, how) for kind, how in attestations.items() if how],
    }
    return {name: _escaped(value) for name, value in words.items() if value}


def _arguments(entries: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in entries)
    values = {name: value if separator else environ.get(name) for name, separator, value in pairs}
    return {name: value for name, value in values.items() if value is not None}


def _attestation(kind: str, how: str) -> str:
    """The attestation that --provenance or --sbom stands for."""
    switched = {"true": "disabled=false", "1": "disabled=false", "false": "disabled=true", "0": "disabled=true"}
    return f"type={kind},{switched.get(how.lower(), how)}"


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {escaped(name): escaped(text) for name, text in value.items()}
    if isinstance(value, list):
        return [escaped(text) for text in value]
    return escaped(value)
