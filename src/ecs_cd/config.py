"""The document: from its source to its typed form."""

from __future__ import annotations

from pathlib import Path

from ecs_cd.aws import ssm
from ecs_cd.core import document
from ecs_cd.core.document import Document
from ecs_cd.core.errors import Refused
from ecs_cd.core.references import region_of
from ecs_cd.job import Job


def load(source: str, job: Job) -> Document:
    """The document behind the input ``config``: an SSM parameter, or ``file:path``."""
    if source.startswith("file:"):
        found = document.load(read_file(source.removeprefix("file:"), what="the document"), where=source)
        job.ci.line(f"config: {source}")
        return found
    text, version = ssm.parameter(job.aws, source)
    found = document.load(text, where=f"the SSM parameter {source}")
    job.ci.line(f"config: the SSM parameter {source}, version {version}, in {region_of(source) or job.aws.region}")
    return found


def read_file(path: str, *, what: str) -> str:
    """A text file of the workspace. Raises ``Refused`` where it can't be read."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        remedy = "A path is relative to the job's workspace; is there an actions/checkout step before this one?"
        raise Refused(f"{what} {path} can't be read: {why}", remedy) from error
