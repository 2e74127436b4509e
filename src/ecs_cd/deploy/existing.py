"""What `continue` and `rollback` share: reading existing services, and following their deployments to a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ecs_cd.deploy import release
from ecs_cd.deploy.begin import Starter
from ecs_cd.deploy.digests import verify_digests
from ecs_cd.deploy.follow import follow
from ecs_cd.deploy.plan import DeploymentPlan, Policy
from ecs_cd.deploy.rolled_back import verify_rollbacks
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.document import load
from ecs_cd.document.rules import document
from ecs_cd.document.rules.document import Service
from ecs_cd.images import resolve
from ecs_cd.inputs.common import Existing
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.job.services import active_services
from ecs_cd.locks.gate import Gate
from ecs_cd.model import lifecycle
from ecs_cd.model.errors import Refused
from ecs_cd.model.lifecycle import Until
from ecs_cd.model.references import RegisteredTaskDefinition, Repository, short
from ecs_cd.tasks import templates


@dataclass(frozen=True)
class Selection:
    """Which services are meant. ``repositories``: of the document's images, by their names in it."""

    cluster: str
    services: Sequence[Service]
    repositories: Mapping[str, Repository] = field(default_factory=dict)
    gate: Gate = field(default_factory=Gate)


def select(inputs: Existing, job: Job) -> Selection:
    """The services of the document, or those that ``cluster`` and ``service`` name."""
    if inputs.config and inputs.cluster:
        raise Refused("cluster: can't be combined with config, which names the cluster")
    if inputs.config:
        known = load.load(inputs.config, job)
        keys = dict.fromkeys(inputs.service) or known.services
        services = [known.services[document.choose("service", key, known.services)] for key in keys]
        return Selection(known.cluster, services, known.images, Gate(known, inputs.override, job))
    if not inputs.service:
        raise Refused("config: is missing", "Set config (the document), or cluster and service.")
    # The service itself shows what is registered for it.
    named = [
        Service(short(name), name, RegisteredTaskDefinition(short(name)), {}) for name in dict.fromkeys(inputs.service)
    ]
    return Selection(inputs.cluster or "default", named)


def plans(selection: Selection, inputs: Existing, job: Job) -> list[DeploymentPlan]:
    """The selected services as they are."""
    cluster, wanted = selection.cluster, selection.services
    services = active_services(job, cluster, [each.name for each in wanted])
    now = job.clock.monotonic()

    def plan(target: Service) -> DeploymentPlan:
        kind = lifecycle.strategy(services[target.name])
        lifecycle.check(inputs.wait_until, kind, target.name)
        return DeploymentPlan(target, cluster, {}, services[target.name], now, kind)

    found: list[DeploymentPlan] = concurrently(*(partial(plan, each) for each in wanted))
    for each in found:
        job.ci.line(f"service: {each.target.key}, {cluster}/{each.name}, {each.strategy.value}")
    return found


def with_definition(plan: DeploymentPlan, arn: str, job: Job) -> DeploymentPlan:
    """The plan with the definition registered as ``arn``, and the digests that must run then; none if it is unknown."""
    found = templates.known(arn, job) or (templates.registered(arn, job) if arn else None)
    definition = found or {"containerDefinitions": []}
    return replace(plan, definition=definition, images=resolve.by_digest(definition, job))


def _policy(inputs: Existing) -> Policy:
    """Cancelling the job stops none of these deployments: the user has explicitly asked for them."""
    return Policy(until=Until(inputs.wait_until), timeout=inputs.deployment_timeout, fail_fast=inputs.fail_fast)


def carry_out(
    inputs: Existing, deployments: Sequence[tuple[TrackedDeployment, Callable[[], OwnDeployment]]], job: Job
) -> tuple[Sequence[TrackedDeployment], Result]:
    """Requests these deployments and follows each to its result, and verifies the digests."""
    policy, deadline = _policy(inputs), job.clock.monotonic() + inputs.deployment_timeout
    starter = Starter(job, policy, deadline)
    with release.remembered(starter, job):
        for tracked, call in deployments:
            starter.request(tracked, call)
        group = starter.group
        follow(job, group, policy, deadline)
        verify_digests(job, group)
        verify_rollbacks(job, group)
        causes = release.findings(group, job)
    return group, release.result(release.verdict_on(group), group, causes, job)
