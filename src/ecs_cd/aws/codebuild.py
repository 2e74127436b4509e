"""CodeBuild: builds, with their phases and logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecs_cd.aws.session import Aws
from ecs_cd.model.batches import batches

Json = dict[str, Any]

BUILDS_A_CALL = 100  # the maximum for BatchGetBuilds


def look_at_builds(aws: Aws, ids: Sequence[str]) -> list[Json]:
    """Returns the builds with these ids, without those that CodeBuild does not know. For polling: no retries."""
    found: list[Json] = aws.once("codebuild").batch_get_builds(ids=list(ids))["builds"]
    return found


def builds(aws: Aws, ids: Sequence[str]) -> list[Json]:
    """The same, with retries."""
    found = (aws.client("codebuild").batch_get_builds(ids=list(batch)) for batch in batches(ids, BUILDS_A_CALL))
    return [build for answer in found for build in answer["builds"]]
