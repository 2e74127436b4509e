"""Which services of the document a verb works with."""

from __future__ import annotations

from collections.abc import Sequence

from ecs_cd.document.rules.document import Document, Service, choose
from ecs_cd.job.job import Job
from ecs_cd.model.errors import Refused


def targets(wanted: Sequence[str], document: Document, job: Job) -> list[Service]:
    """The services that the input ``service`` names, or all, in the order in which they start.

    Raises ``Refused`` if there are none, or if two are the same ECS service.
    """
    if not document.services:
        raise Refused("the document has no services", "The infra repo lists the services to deploy under `services`.")
    names = dict.fromkeys(wanted) or document.services
    found = [document.services[choose("service", name, document.services)] for name in names]
    _each_once(found)
    how = "from the input service" if wanted else "all of the document" if len(found) > 1 else "the only service"
    for service in found:
        job.ci.line(f"service: {service.key} ({how}), {document.cluster}/{service.name}")
    return found


def _each_once(services: Sequence[Service]) -> None:
    keys: dict[str, list[str]] = {}
    for service in services:
        keys.setdefault(service.name, []).append(f"services.{service.key}")
    twice = [f"{' and '.join(each)} are the same ECS service, {name}" for name, each in keys.items() if len(each) > 1]
    if twice:
        raise Refused(
            twice, "One deployment would replace the other: remove one entry, or name one service in the input service."
        )
