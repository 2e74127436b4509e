"""images: the document's images, as the matrix of a job that builds them."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout

from ecs_cd.ci.text import unbroken
from ecs_cd.document import load
from ecs_cd.inputs.images import Images
from ecs_cd.job.job import Job


def run(inputs: Images, job: Job) -> int:
    """The verb; its exit code. Standard output has only the matrix, for scripts that read it."""
    with redirect_stdout(sys.stderr):
        document = load.load(inputs.config, job)
        matrix = json.dumps({"image": list(document.images)})
        if job.ci.keeps_outputs:  # a terminal gets it below
            job.ci.outputs({"matrix": matrix, "hand-off": json.dumps(document.pipeline is not None)})
    with unbroken():
        print(matrix, flush=True)
    return 0
