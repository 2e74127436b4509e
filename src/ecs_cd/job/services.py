"""The services that a verb starts from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecs_cd.aws import ecs
from ecs_cd.job.job import Job
from ecs_cd.model import pace


def active_services(job: Job, cluster: str, names: Sequence[str]) -> dict[str, Any]:
    """The services by the given names or ARNs. Raises ``Refused`` if the cluster or a service is missing or not ACTIVE,
    and lists all such services."""
    found = listed_services(job, cluster, names)
    ecs.check_active(found, cluster, names)
    return found


def listed_services(job: Job, cluster: str, names: Sequence[str]) -> dict[str, Any]:
    """The services that ECS lists, in any state. Reads again for a while if ECS does not list one: a new service, for
    example, may be listed late. Raises ``Refused`` if the cluster is missing."""
    until = job.clock.monotonic() + pace.ABSENT_AT_FIRST
    found = ecs.services(job.aws, cluster, names)
    if set(names) - set(found):
        missing = ", ".join(name for name in names if name not in found)
        job.ci.line(f"ECS does not list the service {missing}; reading it again")
    while set(names) - set(found) and job.clock.monotonic() < until:
        job.clock.sleep(pace.LOOK_EVERY)
        found = ecs.services(job.aws, cluster, names)
    return found


def active_service(job: Job, cluster: str, name: str) -> dict[str, Any]:
    """The service. Raises ``Refused`` if it or its cluster is missing or not ACTIVE."""
    found: dict[str, Any] = active_services(job, cluster, [name])[name]
    return found
