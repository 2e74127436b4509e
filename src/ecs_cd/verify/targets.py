"""Load balancers of a service: target groups, health checks, listener rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import codedeploy, elbv2
from ecs_cd.deploy.rules.codedeploy import names
from ecs_cd.document.rules.document import Service
from ecs_cd.job.job import Job
from ecs_cd.model.errors import Refused
from ecs_cd.verify import vpc
from ecs_cd.verify.asking import ask
from ecs_cd.verify.rules import network, targets
from ecs_cd.verify.rules.finding import Finding
from ecs_cd.verify.rules.targets import NOWHERE, Attached, Tasks
from ecs_cd.verify.subjects import Subject

Json = Mapping[str, Any]


def check(job: Job, subject: Subject) -> list[Finding]:
    """The load balancers, service registries and port names of a service that exists."""
    service, definition = subject.service, subject.definition
    if not isinstance(subject.entry, Service) or service is None or definition is None:
        return []
    found = [*targets.check_ports(subject.name, service, definition)]
    found += targets.check_connect(subject.name, service, definition)
    tasks = _tasks(job, subject, service)
    pairs: list[Attached] = []
    found += ask(subject.name, targets.GROUP, lambda: _of_codedeploy(job, subject, pairs))
    for one in targets.paired(targets.attached(service), pairs):
        found += _of_group(job, subject, one, tasks)
    for kind, arn in targets.listeners(service):
        found += ask(subject.name, targets.LISTENER, partial(_listener, job, subject, kind, arn))
    return found


def _tasks(job: Job, subject: Subject, service: Json) -> Tasks:
    """Where awsvpc tasks are. If EC2 can't be asked, the findings of network.py say so."""
    found = network.awsvpc(service)
    if not found:
        return NOWHERE
    setting = network.setting(found)
    try:
        subnets = vpc.subnets(job, subject.answers, setting)
        groups = vpc.security_groups(job, subject.answers, setting)
    except (ClientError, BotoCoreError):
        return NOWHERE
    zones = sorted({str(each["AvailabilityZone"]) for each in subnets if each.get("AvailabilityZone")})
    return Tasks(str(subnets[0]["VpcId"]) if subnets else "", zones, groups)


def _of_group(job: Job, subject: Subject, one: Attached, tasks: Tasks) -> list[Finding]:
    """Each call has its own finding if it is denied."""
    known: list[Attached] = []
    name = subject.name
    found = ask(name, targets.GROUP, lambda: _group(job, subject, one, tasks, known))
    for each in known:
        found += ask(name, targets.GROUP, partial(_balancer, job, subject, each, tasks))
        found += ask(name, targets.HEALTH, partial(_health, job, subject, each))
    return found


def _group(job: Job, subject: Subject, one: Attached, tasks: Tasks, known: list[Attached]) -> Iterator[Finding]:
    """Adds the target group to ``known`` if it exists."""
    service, definition = subject.service or {}, subject.definition or {}
    group = _described(job, subject, one.id)
    other = _described(job, subject, one.other) if one.other and group else None
    routed = any((each or {}).get("LoadBalancerArns") for each in (group, other))
    one = replace(one, group=group, routed=routed)
    known.extend([one] if group else [])
    yield from targets.check_group(subject.name, one, service, definition, tasks)


def _balancer(job: Job, subject: Subject, one: Attached, tasks: Tasks) -> Iterator[Finding]:
    for arn in (one.group or {}).get("LoadBalancerArns", ()):
        found = subject.answers.get(("load balancer", arn), partial(elbv2.load_balancer, job.aws, arn))
        if found:
            yield from targets.check_balancer(subject.name, one, found, subject.definition or {}, tasks)


def _health(job: Job, subject: Subject, one: Attached) -> Iterator[Finding]:
    arn = str((one.group or {})["TargetGroupArn"])
    health = subject.answers.get(("target health", arn), lambda: elbv2.health(job.aws, arn))
    yield from targets.check_health(subject.name, one, health)


def _described(job: Job, subject: Subject, id: str) -> Json | None:
    look = elbv2.target_group if id.startswith("arn:") else elbv2.target_group_named
    return subject.answers.get(("target group", id), lambda: look(job.aws, id))


def _of_codedeploy(job: Job, subject: Subject, pairs: list[Attached]) -> Iterator[Finding]:
    """Adds the target groups between which CodeDeploy moves the traffic to ``pairs``. Finds nothing itself: services.py
    checks that the deployment group exists."""
    service, entry = subject.service or {}, subject.entry
    if (service.get("deploymentController") or {}).get("type") != "CODE_DEPLOY" or not isinstance(entry, Service):
        return
    own = names(entry.codedeploy, subject.cluster, str(service["serviceName"]))
    try:
        group = codedeploy.deployment_group(job.aws, own.application, own.deployment_group)
    except Refused:
        return
    pairs.extend(targets.of_codedeploy(group, service, [each.name for each in targets.attached(service)]))
    yield from ()


def _listener(job: Job, subject: Subject, kind: str, arn: str) -> Iterator[Finding]:
    yield from targets.check_listener(subject.name, kind, arn, elbv2.rule_actions(job.aws, arn))
