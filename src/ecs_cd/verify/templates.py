"""Whether ECS would register what the templates say."""

from __future__ import annotations

from ecs_cd.job.job import Job
from ecs_cd.verify.rules import registering
from ecs_cd.verify.rules.finding import Finding
from ecs_cd.verify.subjects import Subject


def check(job: Job, subject: Subject) -> list[Finding]:
    """Makes no call: subjects.py has read the template."""
    if subject.definition is None:
        return []
    fargate = registering.on_fargate(subject.definition, subject.service)
    return list(registering.check(subject.name, subject.to_run, fargate=fargate))
