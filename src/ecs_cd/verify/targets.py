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
    for one in targets.attached(service):
        found += ask(subject.name, targets.GROUP, partial(_group, job, subject, one, tasks))
    found += ask(subject.name, targets.GROUP, lambda: _of_codedeploy(job, subject, tasks))
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


def _group(job: Job, subject: Subject, one: Attached, tasks: Tasks) -> Iterator[Finding]:
    service, definition = subject.service or {}, subject.definition or {}
    group = _described(job, subject, one.id)
    other = _described(job, subject, one.other) if one.other and group else None
    used = list((group or {}).get("LoadBalancerArns", ()))
    routed = bool(used or (other or {}).get("LoadBalancerArns"))
    one = replace(one, group=group, routed=routed)
    if used:
        balancer = subject.answers.get(("load balancer", used[0]), lambda: elbv2.load_balancer(job.aws, used[0]))
        one = replace(one, balancer=balancer)
    if group:
        one = replace(one, health=elbv2.health(job.aws, str(group["TargetGroupArn"])))
    yield from targets.check_group(subject.name, one, service, definition, tasks)


def _described(job: Job, subject: Subject, id: str) -> Json | None:
    look = elbv2.target_group if id.startswith("arn:") else elbv2.target_group_named
    return subject.answers.get(("target group", id), lambda: look(job.aws, id))


def _of_codedeploy(job: Job, subject: Subject, tasks: Tasks) -> Iterator[Finding]:
    """The target groups between which CodeDeploy moves the traffic; that the deployment group exists is checked by
    services.py."""
    service, entry = subject.service or {}, subject.entry
    if (service.get("deploymentController") or {}).get("type") != "CODE_DEPLOY" or not isinstance(entry, Service):
        return
    own = names(entry.codedeploy, subject.cluster, str(service["serviceName"]))
    try:
        group = codedeploy.deployment_group(job.aws, own.application, own.deployment_group)
    except Refused:
        return
    for one in targets.of_codedeploy(group, service, [each.name for each in targets.attached(service)]):
        yield from _group(job, subject, one, tasks)


def _listener(job: Job, subject: Subject, kind: str, arn: str) -> Iterator[Finding]:
    yield from targets.check_listener(subject.name, kind, arn, elbv2.rule_actions(job.aws, arn))
