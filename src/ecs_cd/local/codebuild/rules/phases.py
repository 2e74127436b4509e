"""Which phase follows which, and a build's image.

https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UPLOAD = "UPLOAD_ARTIFACTS"
FINALIZING = "FINALIZING"
_NEXT = {"INSTALL": "PRE_BUILD", "PRE_BUILD": "BUILD", "BUILD": "POST_BUILD", "POST_BUILD": UPLOAD}


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


def image(given: str, project: Mapping[str, Any]) -> str:
    """The image of a build: ``given``, or else the project's, with AWS's own images from ECR Public."""
    declared = given or str(project.get("environment", {}).get("image", ""))
    return f"public.ecr.aws/codebuild/{declared[14:]}" if declared.startswith("aws/codebuild/") else declared
