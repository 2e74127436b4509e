"""Whether the cluster can run one more task: task counts, capacity providers, container instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import autoscaling, container_instances, ecs
from ecs_cd.document.rules.document import Service
from ecs_cd.job.job import Job
from ecs_cd.verify.asking import ask
from ecs_cd.verify.rules import capacity
from ecs_cd.verify.rules.capacity import Capacity, Launch
from ecs_cd.verify.rules.finding import Finding
from ecs_cd.verify.subjects import Subject

Json = Mapping[str, Any]


def check(job: Job, subject: Subject) -> list[Finding]:
    """Of a service, and of a one-off task, which starts as its service's tasks do."""
    service, definition = subject.service, subject.definition
    if service is None or definition is None:
        return []
    how, own = capacity.launch(service), isinstance(subject.entry, Service)
    found = [*capacity.check_launch(subject.name, how, definition)]
    if own:
        found += [*capacity.check_counts(subject.name, service)]
        found += ask(subject.name, capacity.PROVIDERS, lambda: _providers(job, subject, how))
    idle = own and service.get("schedulingStrategy") != "DAEMON" and not service.get("desiredCount")
    if how.kind != "FARGATE" and not idle:
        found += ask(subject.name, capacity.INSTANCES, lambda: _instances(job, subject, how, service if own else {}))
    return found


def _providers(job: Job, subject: Subject, how: Launch) -> Iterator[Finding]:
    if how.providers:
        cluster = subject.answers.get("cluster", lambda: ecs.cluster(job.aws, subject.cluster)) or {}
        attached = [str(name) for name in cluster.get("capacityProviders", ())]
        found = Capacity(attached=attached, providers=_described(job, subject, how))
        yield from capacity.check_providers(subject.name, how, found)


def _described(job: Job, subject: Subject, how: Launch) -> list[dict[str, Any]]:
    names = tuple(name for name in how.providers if name not in capacity.FARGATE)
    return subject.answers.get(
        ("providers", names), lambda: container_instances.providers(job.aws, subject.cluster, names) if names else []
    )


def _instances(job: Job, subject: Subject, how: Launch, service: Json) -> Iterator[Finding]:
    definition = subject.definition or {}
    constraints = capacity.expressions(service, definition)
    found = Capacity(
        providers=_described(job, subject, how),
        groups=_groups(job, subject, how),
        instances=subject.answers.get(
            ("instances", *constraints), lambda: container_instances.active(job.aws, subject.cluster, constraints)
        ),
    )
    yield from capacity.check_room(subject.name, service, definition, how, found)


def _groups(job: Job, subject: Subject, how: Launch) -> list[dict[str, Any]] | None:
    """``None`` if they can't be read: they only matter if no instance has room."""
    settings = [each.get("autoScalingGroupProvider") or {} for each in _described(job, subject, how)]
    arns = tuple(str(each["autoScalingGroupArn"]) for each in settings if each.get("autoScalingGroupArn"))
    try:
        return subject.answers.get(("groups of", arns), lambda: autoscaling.groups(job.aws, arns))
    except (ClientError, BotoCoreError):
        return None
