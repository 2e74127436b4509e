"""Whether the app's file in the checkout fits the document."""

from __future__ import annotations

from collections.abc import Iterator

from ecs_cd.images import build_spec
from ecs_cd.job.job import Job
from ecs_cd.verify.asking import ask
from ecs_cd.verify.rules.finding import Finding, ok
from ecs_cd.verify.subjects import Found

NAME, CHECK = "app file", "app-file"


def check(job: Job, found: Found) -> list[Finding]:
    """Nothing if the checkout has no such file: it is optional. Nothing without a document, whose images it names."""
    if not found.document.images:
        return []
    return ask(NAME, CHECK, lambda: _look(job, found), remedy=f"Correct {build_spec.FILE}.")


def _look(job: Job, found: Found) -> Iterator[Finding]:
    if build_spec.check_file(found.document, job):
        yield ok(NAME, CHECK, f"{build_spec.FILE} is valid, and the document has its images")
