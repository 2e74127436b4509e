"""Whether the log groups of the awslogs driver exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from ecs_cd.aws import logs
from ecs_cd.job.job import Job
from ecs_cd.verify.asking import ask
from ecs_cd.verify.rules import log_groups
from ecs_cd.verify.rules.finding import Finding, ok, wrong
from ecs_cd.verify.rules.log_groups import LogGroup
from ecs_cd.verify.subjects import Subject

CHECK = "log-groups"


def check(job: Job, subject: Subject) -> list[Finding]:
    """A line for each log group."""
    found: list[Finding] = []
    for problem in log_groups.problems(subject.definition or {}):
        found.append(wrong(subject.name, CHECK, problem, "Add it in the template."))
    named = log_groups.named(subject.definition or {})
    for group in dict.fromkeys(replace(each, streams="") for each in named):
        found += ask(subject.name, CHECK, partial(_group, group, subject, job))
    return found


def _group(group: LogGroup, subject: Subject, job: Job) -> Iterator[Finding]:
    question = ("log group", group.name, group.region)
    where = f"the log group {group.name} in {group.region}"
    if subject.answers.get(question, lambda: logs.has_group(job.aws, group.name, group.region)):
        yield ok(subject.name, CHECK, f"{where} exists")
    elif group.created:
        yield ok(subject.name, CHECK, f"{where} does not exist; ECS creates it (awslogs-create-group)")
    else:
        remedy = "Create it in the infra repo, or set awslogs-create-group in the template."
        yield wrong(subject.name, CHECK, f"{where} does not exist, so no task starts", remedy)
