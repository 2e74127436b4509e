"""Whether the document's CodePipeline pipeline exists, and takes the images as the document says."""

from __future__ import annotations

from collections.abc import Iterator

from ecs_cd.document.rules.document import Document
from ecs_cd.document.rules.pipeline import Pipeline
from ecs_cd.handoff import plan
from ecs_cd.job.job import Job
from ecs_cd.verify.asking import ask
from ecs_cd.verify.rules.finding import Finding, ok
from ecs_cd.verify.subjects import Found

CHECK = "pipeline"


def check(job: Job, found: Found) -> list[Finding]:
    """What hand-off checks before it starts the pipeline."""
    pipeline = found.document.pipeline
    if pipeline is None:
        return []
    name = f"pipeline {pipeline.name}"
    return ask(name, CHECK, lambda: _pipeline(name, pipeline, found.document, job))


def _pipeline(name: str, pipeline: Pipeline, document: Document, job: Job) -> Iterator[Finding]:
    plan.check(plan.goal("", pipeline), document, pipeline, job)
    yield ok(name, CHECK, "it exists, and hand-off can give it the images and follow it")
