"""Which phase follows which, and what of a project isn't carried out here.

https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UPLOAD = "UPLOAD_ARTIFACTS"
FINALIZING = "FINALIZING"
_NEXT = {"INSTALL": "PRE_BUILD", "PRE_BUILD": "BUILD", "BUILD": "POST_BUILD", "POST_BUILD": UPLOAD}
_SOURCES = ("CODEPIPELINE", "NO_SOURCE")
_TYPES = ("LINUX_CONTAINER", "ARM_CONTAINER")
_NOT_RUN = ("secondarySources", "fileSystemLocations", "buildBatchConfig")


def after(phase: str, failed: bool, on_failure: str) -> str:
    """The phase after one that ran commands. Without `on-failure` a build that failed goes to POST_BUILD."""
    if not failed or on_failure == "CONTINUE":
        return _NEXT[phase]
    if on_failure == "ABORT":
        return FINALIZING
    return _NEXT[phase] if phase in ("BUILD", "POST_BUILD") else FINALIZING


def message(status: str, phase: str, code: str, words: str) -> str:
    """How CodePipeline describes a build that did not succeed."""
    where = f". Phase: {phase}, Code: {code}, Message: {words}" if phase else ""
    return f"Build terminated with state: {status}{where}"


def problems(project: Mapping[str, Any]) -> list[str]:
    """What a project has that builds here would leave out."""
    found = [f"{key} is not run here" for key in _NOT_RUN if project.get(key)]
    source = project.get("source", {}).get("type", "NO_SOURCE")
    if source not in _SOURCES:
        found.append(f"source.type: {source} is not run here, only {', '.join(_SOURCES)}")
    kind = project.get("environment", {}).get("type", _TYPES[0])
    if kind not in _TYPES:
        found.append(f"environment.type: {kind} is not run here, only {', '.join(_TYPES)}")
    return found


def image(given: str, project: Mapping[str, Any]) -> str:
    """The image of a build: ``given``, or else the project's, with AWS's own images from ECR Public."""
    declared = given or str(project.get("environment", {}).get("image", ""))
    return f"public.ecr.aws/codebuild/{declared[14:]}" if declared.startswith("aws/codebuild/") else declared
