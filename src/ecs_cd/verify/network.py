"""The network of tasks: subnets, security groups, and the way to ECR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ecs_cd.document.rules.document import OneOffTask
from ecs_cd.job.job import Job
from ecs_cd.model.references import account_of
from ecs_cd.verify import vpc
from ecs_cd.verify.asking import ask
from ecs_cd.verify.rules import capacity, needs, network, ports
from ecs_cd.verify.rules.finding import Finding, State
from ecs_cd.verify.rules.network import Setting
from ecs_cd.verify.subjects import Subject

Json = Mapping[str, Any]


def check(job: Job, subject: Subject) -> list[Finding]:
    """Of a service and of each target of a scheduled task. Of a one-off task, whose network is its service's, only the
    way to what not every task needs."""
    definition = subject.definition
    if definition is None:
        return []
    if isinstance(subject.entry, OneOffTask):
        found = [each for own in _of_service(subject.service) for each in _way(job, subject, own, beyond=True)]
        return [each for each in found if each.state is not State.OK]
    if subject.service is not None:
        findings = list(network.check_mode(subject.name, subject.service, definition))
        settings = _of_service(subject.service)
    else:
        findings, settings = [], [setting for target in subject.targets for setting in _of_target(target)]
    for setting in dict.fromkeys(settings) if ports.mode(definition) == "awsvpc" else ():
        findings += _check(job, subject, setting)
    return findings


def _of_service(service: Json | None) -> list[Setting]:
    found = network.awsvpc(service or {})
    account = account_of(str((service or {}).get("serviceArn", "")))
    fargate = capacity.launch(service or {}).kind == "FARGATE"
    return [network.setting(found, account, fargate=fargate)] if found else []


def _of_target(target: Json) -> Iterator[Setting]:
    """EventBridge names a launch type or capacity providers, or leaves that to the cluster."""
    parameters = target.get("EcsParameters") or {}
    found = (parameters.get("NetworkConfiguration") or {}).get("awsvpcConfiguration")
    if found:
        strategy = {str(each.get("capacityProvider")) for each in parameters.get("CapacityProviderStrategy", ())}
        fargate = parameters.get("LaunchType") == "FARGATE" or bool(strategy and strategy <= set(capacity.FARGATE))
        yield network.setting(found, fargate=fargate)


def _check(job: Job, subject: Subject, setting: Setting) -> list[Finding]:
    return [
        *ask(subject.name, network.SUBNETS, lambda: _subnets(job, subject, setting)),
        *ask(subject.name, network.GROUPS, lambda: _groups(job, subject, setting)),
        *_way(job, subject, setting, beyond=False),
    ]


def _subnets(job: Job, subject: Subject, setting: Setting) -> Iterator[Finding]:
    yield from network.check_subnets(subject.name, setting, vpc.subnets(job, subject.answers, setting))


def _groups(job: Job, subject: Subject, setting: Setting) -> Iterator[Finding]:
    subnets = vpc.subnets(job, subject.answers, setting)
    groups = vpc.security_groups(job, subject.answers, setting)
    yield from network.check_groups(subject.name, setting, subnets, groups)


def _way(job: Job, subject: Subject, setting: Setting, *, beyond: bool) -> list[Finding]:
    """On EC2, the instance pulls and logs, not the task."""
    return (
        ask(subject.name, network.WAY, lambda: _ways(job, subject, setting, beyond=beyond)) if setting.fargate else []
    )


def _ways(job: Job, subject: Subject, setting: Setting, *, beyond: bool) -> Iterator[Finding]:
    document, entry = subject.document, subject.entry
    images = {container: str(document.images[image]) for container, image in entry.containers.items()}
    wanted = needs.of(subject.definition or {}, images, job.aws.region)
    wanted = needs.beyond(wanted) if beyond else wanted
    if not (wanted.services or wanted.outside) or not vpc.subnets(job, subject.answers, setting):
        return
    yield from network.check_way(subject.name, setting, vpc.vpc(job, subject.answers, setting), wanted)
