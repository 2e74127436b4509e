"""Port mappings and health checks of a template. Makes no calls."""

from __future__ import annotations

from ecs_cd.job.job import Job
from ecs_cd.verify.rules import ports
from ecs_cd.verify.rules.finding import Finding
from ecs_cd.verify.subjects import Subject


def check(job: Job, subject: Subject) -> list[Finding]:
    """The findings about the subject's task definition."""
    return list(ports.check(subject.name, subject.definition)) if subject.definition else []
