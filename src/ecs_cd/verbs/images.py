"""images: the document's images, as the matrix of a job that builds them."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout

from ecs_cd.ci.text import unbroken
from ecs_cd.document import load
from ecs_cd.images import build_spec
from ecs_cd.images.rules import matrix as rows
from ecs_cd.inputs.images import Images
from ecs_cd.job.job import Job


def run(inputs: Images, job: Job) -> int:
    """The verb; its exit code. Standard output has only the matrix, for scripts that read it."""
    with redirect_stdout(sys.stderr):
        document = load.load(inputs.config, job)
        written = build_spec.platforms(document, job) if inputs.runs_on else {}
        matrix = json.dumps(rows.matrix(document.images, written, inputs.runs_on, file=build_spec.FILE))
        if job.ci.keeps_outputs:  # a terminal gets it below
            job.ci.outputs({"matrix": matrix, "hand-off": json.dumps(document.pipeline is not None)})
    with unbroken():
        print(matrix, flush=True)
    return 0
