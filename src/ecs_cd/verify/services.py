"""Whether a service exists, and how a failed deployment of it ends."""

from __future__ import annotations

from collections.abc import Iterator

from ecs_cd.deploy import strategies
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.document.rules.document import OneOffTask, Service
from ecs_cd.job.job import Job
from ecs_cd.model.errors import Refused
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.verify.asking import ask
from ecs_cd.verify.rules import ending, services
from ecs_cd.verify.rules.finding import Finding, not_checkable, ok, wrong
from ecs_cd.verify.subjects import Subject, listed

_GROUP = "Correct the service's `codedeploy` in the document, or the deployment group in the infra repo."


def check(job: Job, subject: Subject) -> list[Finding]:
    """The service itself; of a one-off task, the service whose network settings it uses."""
    entry = subject.entry
    if isinstance(entry, OneOffTask):
        return ask(subject.name, services.SERVICE, lambda: _beside(entry, subject))
    if not isinstance(entry, Service):
        return []
    found = ask(subject.name, services.SERVICE, lambda: _service(entry, subject))
    if subject.service and services.strategy(subject.service) is Strategy.CODE_DEPLOY:
        found += ask(subject.name, services.CODEDEPLOY, lambda: _codedeploy(entry, subject, job), remedy=_GROUP)
    return found


def _service(entry: Service, subject: Subject) -> Iterator[Finding]:
    if missing := _without_cluster(subject):
        yield missing
        return
    yield from services.check(subject.name, entry, subject.cluster, subject.service)
    yield from ending.check_definition(subject.name, subject.definition or {}, entry.containers)


def _beside(entry: OneOffTask, subject: Subject) -> Iterator[Finding]:
    name = subject.document.services[entry.service].name
    if missing := _without_cluster(subject):
        yield missing
    elif subject.service and subject.service.get("status") == "ACTIVE":
        yield ok(subject.name, services.SERVICE, f"it has the network settings of the service {name}")
    else:
        words = f"it has the network settings of the service {name}, which is not active"
        yield wrong(subject.name, services.SERVICE, words, f"Create it, or name another in {entry.path}.service.")


def _without_cluster(subject: Subject) -> Finding | None:
    """Raises AWS's error if the services could not be read."""
    try:
        listed(subject.answers)
    except Refused as refused:
        return not_checkable(subject.name, services.SERVICE, refused.problems[0], "See the line of the cluster.")
    return None


def _codedeploy(entry: Service, subject: Subject, job: Job) -> Iterator[Finding]:
    """What deploy checks of CodeDeploy before it starts."""
    service, definition = subject.service or {}, subject.definition
    if definition is None:
        yield not_checkable(subject.name, services.CODEDEPLOY, "the template can't be read", "See its line.")
        return
    now = job.clock.monotonic()
    plan = DeploymentPlan(entry, subject.cluster, definition, service, now, Strategy.CODE_DEPLOY)
    strategies.of(plan).prepare(job, plan)
    yield ok(subject.name, services.CODEDEPLOY, "the deployment group deploys the service")
