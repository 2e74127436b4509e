"""What `continue` and `rollback` share: services as they are, and their deployments followed to a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecs_cd import config, follow, images, release, templates
from ecs_cd.aws import ecs
from ecs_cd.core import document, strategy
from ecs_cd.core.document import Service
from ecs_cd.core.errors import Refused
from ecs_cd.core.references import RegisteredTaskDefinition, short
from ecs_cd.core.strategy import Until
from ecs_cd.following import Following
from ecs_cd.interface import Existing
from ecs_cd.job import Job, Result
from ecs_cd.plan import Plan, Policy


def plans(inputs: Existing, job: Job) -> list[Plan]:
    """The services that are meant, as they are: those of the document, or ``cluster`` and ``service``."""
    cluster, wanted = _wanted(inputs, job)
    services = ecs.active_services(job.aws, cluster, [each.name for each in wanted])
    now, found = job.clock.monotonic(), []
    for target in wanted:
        service = services[target.name]
        kind = strategy.strategy(service)
        strategy.check(inputs.wait_until, kind, target.name)
        job.ci.line(f"service: {target.key}, {cluster}/{service['serviceName']}, {kind.value}")
        found.append(Plan(target, cluster, {}, service, now, kind))
    return found


def _wanted(inputs: Existing, job: Job) -> tuple[str, list[Service]]:
    if inputs.config and inputs.cluster:
        raise Refused("cluster: does not go together with config, which names it")
    if inputs.config:
        known = config.load(inputs.config, job)
        keys = dict.fromkeys(inputs.service) or known.services
        return known.cluster, [known.services[document.choose("service", key, known.services)] for key in keys]
    if not inputs.service:
        raise Refused("config: is missing", "Give config, the document; or cluster and service.")
    names = dict.fromkeys(inputs.service)
    # What is registered for it stands in the service itself.
    return inputs.cluster or "default", [
        Service(short(name), name, RegisteredTaskDefinition(short(name)), {}) for name in names
    ]


def with_definition(plan: Plan, arn: str, job: Job) -> Plan:
    """With what is registered as ``arn``, and the digests that have to run then."""
    definition = templates.registered(arn, job) or {"containerDefinitions": []}
    return replace(plan, definition=definition, images=images.by_digest(definition, job))


def conclude(inputs: Existing, group: Sequence[Following], job: Job) -> Result:
    """Follows them to the end, with the proof."""
    policy = Policy(until=Until(inputs.wait_until), timeout=inputs.deployment_timeout, fail_fast=inputs.fail_fast)
    follow.follow(job, group, policy)
    follow.prove(job, group)
    causes = release.findings(group, job)
    return release.result(release.verdict_on(group), group, causes, job)
