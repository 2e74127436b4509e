"""Which images a verb works with: those that a CodePipeline pipeline hands over, or the commit's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ecs_cd.ci import input_artifacts
from ecs_cd.document.rules.document import Document
from ecs_cd.images.rules import handed_over as rules
from ecs_cd.images.rules.handed_over import HandedOver, Statement
from ecs_cd.inputs.common import ImagesFrom
from ecs_cd.job import checkout
from ecs_cd.job.job import Job
from ecs_cd.job.workspace import read_file, real
from ecs_cd.model.errors import Refused, checked


def find(inputs: ImagesFrom, document: Document, job: Job, *, needed: bool = True) -> HandedOver:
    """The images that the pipeline hands over, by digest, and their commit; only the commit if none are handed over.

    Raises ``Refused`` if images are expected, but not handed over, or if their sources contradict each other. Reads
    nothing if no image is ``needed``, or outside of a build that a pipeline started unless the inputs ask for it.
    """
    by = input_artifacts.pipeline(job.environ)
    if not needed or not (inputs.images_from == "pipeline" or (inputs.images_from == "auto" and by)):
        return HandedOver(commit=_commit(inputs, by, document, job))
    expected = inputs.images_from == "pipeline" or (document.pipeline is not None and document.pipeline.name == by)
    stated = checked(*_sources(document, job, expected=expected))
    sha = [Statement("the input sha", commit=inputs.sha)] if inputs.sha else []
    found = rules.together([*sha, *(each for statements in stated for each in statements)])
    if not found.digests:
        if expected:
            raise rules.nothing_handed_over()
        return HandedOver(commit=_commit(inputs, by, document, job))
    job.ci.line(f"images: handed over in {', '.join(found.sources)}")
    job.ci.line(f"commit: {found.commit or 'not known; the images are known by digest'}")
    return found


def _commit(inputs: ImagesFrom, by: str, document: Document, job: Job) -> str:
    """The commit whose images to use; in a pipeline also that of its variable."""
    if by and document.pipeline and not inputs.sha:
        for stated in rules.of_commit_variable(document.pipeline, job.environ):
            return checkout.commit(stated.commit, job, source=stated.source)
    return checkout.commit(inputs.sha, job)


def _sources(document: Document, job: Job, *, expected: bool) -> Iterator[Callable[[], list[Statement]]]:
    """Everything that can say which images to use. ``expected``: the document's variables must be set."""
    pipeline = document.pipeline
    if pipeline and (expected or rules.any_variable(pipeline, job.environ)):
        yield partial(rules.of_variables, pipeline, job.environ, document.images)
    if pipeline:
        yield partial(rules.of_commit_variable, pipeline, job.environ)
    for artifact, folder in input_artifacts.folders(job.environ).items():
        for file in filter(rules.is_source, _listed(folder)):
            yield partial(_of_file, file, folder, artifact, document)


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208  # their names are all we need
    except OSError as error:
        raise Refused(f"the input artifact in {folder} can't be read: {error.strerror or error}") from error


def _of_file(file: str, folder: str, artifact: str, document: Document) -> list[Statement]:
    path, source = Path(folder, file), rules.source(file, artifact)
    if not real(path).is_relative_to(real(folder)):
        raise Refused(f"{source}: is a symlink out of the artifact", rules.REMEDY)
    if not path.is_file():
        raise Refused(f"{source}: is not a file", rules.REMEDY)
    try:
        text = read_file(str(path), what=f"{source}:")
    except Refused as refused:
        raise Refused(refused.problems, rules.REMEDY) from None
    return [rules.of_file(file, text, artifact, document.images, document.pipeline)]
