"""CodeBuild: builds, with their phases and logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecs_cd.aws.session import Aws

Json = dict[str, Any]


def look_at_builds(aws: Aws, ids: Sequence[str]) -> list[Json]:
    """Returns the builds with these ids, without those that CodeBuild does not know. For polling: no retries."""
    found: list[Json] = aws.once("codebuild").batch_get_builds(ids=list(ids))["builds"]
    return found
