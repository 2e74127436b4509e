"""commit-status: shows an execution of a pipeline as the status of its commit on GitHub."""

from __future__ import annotations

from ecs_cd.handoff import commit_status
from ecs_cd.inputs.commit_status import CommitStatus
from ecs_cd.job.job import Job
from ecs_cd.steps.step import Step, run_step

STEP = Step("Commit status")


def run(inputs: CommitStatus, job: Job) -> int:
    """The verb; its exit code, which says whether GitHub has the status, not what the status is."""
    return run_step(STEP, lambda: commit_status.execute(inputs, job), job)
