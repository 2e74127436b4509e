"""The deployment that is ours, among all that a service has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.model.lifecycle import Strategy
from ecs_cd.model.verdict import Outcome, Verdict


@dataclass(frozen=True)
class OwnDeployment:
    """A deployment of ours, and what ran before it.

    ``id``: of a rolling update the ECS deployment's (``ecs-svc/...``), of a native one the service deployment's ARN,
    of CodeDeploy's the deployment's (``d-...``). ``started_by`` is what ECS writes into the tasks that it starts for
    it; empty where that is not known. ``previous_id`` is the ECS deployment that was PRIMARY before, ``created_at`` is
    when ECS created ours, by its own clock.
    """

    strategy: Strategy
    id: str
    task_definition: str
    previous_task_definition: str | None = None
    previous_id: str | None = None
    started_by: str = ""
    created_at: Any = None


def deleted(service: Mapping[str, Any] | None) -> Verdict | None:
    """The verdict where DescribeServices says that the service is not there any more, or goes."""
    if service is not None and service.get("status") not in ("DRAINING", "INACTIVE"):
        return None
    state = "not there any more" if service is None else service["status"]
    return Verdict(Outcome.GONE, f"the service is {state}: somebody deleted it while we deployed")
