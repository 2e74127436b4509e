"""iam: prints the policies of a role that runs verbs with this document."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout

from ecs_cd.ci.text import unbroken
from ecs_cd.document import load
from ecs_cd.iam import policies
from ecs_cd.inputs.iam import Iam
from ecs_cd.job.job import Job


def run(inputs: Iam, job: Job) -> int:
    """The verb; its exit code. Standard output has only the policies, for commands that read them."""
    with redirect_stdout(sys.stderr):
        text = policies.text(inputs, load.load(inputs.config, job), job)
    with unbroken():
        print(text, flush=True)
    return 0
