"""Loads the document from its source into its typed form."""

from __future__ import annotations

from ecs_cd.aws import ssm
from ecs_cd.document.rules import document
from ecs_cd.document.rules.document import Document
from ecs_cd.job.job import Job
from ecs_cd.job.workspace import read_file
from ecs_cd.model.references import region_of


def load(source: str, job: Job) -> Document:
    """Loads the document that the input ``config`` names: an SSM parameter, or ``file:path``."""
    if source.startswith("file:"):
        found = document.load(read_file(source.removeprefix("file:"), what="the document"), where=source)
        job.ci.line(f"config: {source}")
        return found
    text, version = ssm.parameter(job.aws, source)
    found = document.load(text, where=f"the SSM parameter {source}")
    job.ci.line(f"config: the SSM parameter {source}, version {version}, in {region_of(source) or job.aws.region}")
    return found
