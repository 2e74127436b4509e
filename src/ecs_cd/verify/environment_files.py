"""Whether the environment files that a task definition names are in S3. Doesn't read what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ecs_cd.aws import s3
from ecs_cd.job.job import Job
from ecs_cd.verify.asking import ask
from ecs_cd.verify.rules import environment_files
from ecs_cd.verify.rules.finding import Finding, ok, wrong
from ecs_cd.verify.subjects import Subject

CHECK = "environment-files"


def check(job: Job, subject: Subject) -> list[Finding]:
    """A line for each file."""
    files = environment_files.named(subject.definition) if subject.definition else {}
    return [
        finding
        for where, arn in files.items()
        for finding in ask(subject.name, CHECK, partial(_file, where, arn, subject, job))
    ]


def _file(where: str, arn: str, subject: Subject, job: Job) -> Iterator[Finding]:
    place = environment_files.place(arn)
    if place is None:
        words = f"{where} is not the ARN of an object in S3 whose name ends with .env"
        yield wrong(subject.name, CHECK, words, "Correct it in the template.")
    elif subject.answers.get(("object", place), lambda: s3.has(job.aws, place)):
        yield ok(subject.name, CHECK, f"{place} exists")
    else:
        yield wrong(subject.name, CHECK, f"there is no {place}", "Upload it, or correct its ARN in the template.")
