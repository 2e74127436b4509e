"""Who takes a lock and gives it back, and which lock."""

from __future__ import annotations

from ecs_cd.aws import sts
from ecs_cd.document import load
from ecs_cd.job.job import Job
from ecs_cd.model.errors import Refused


def who(job: Job) -> str:
    """The person or workflow that started the run, or outside of a CI system the ARN that AWS sees."""
    return job.run.actor or sts.caller(job.aws)[1]


def parameter(config: str, job: Job) -> str:
    """The name of the document's lock. Raises ``Refused`` if it has none."""
    name = load.load(config, job).lock
    if not name:
        raise Refused(
            "the document has no `lock`",
            "The infra repo adds it, such as `lock: /ecs-cd/my-app/production/lock` (docs/guides/locks.md).",
        )
    return name
