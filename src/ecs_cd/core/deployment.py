"""The deployment that is ours, among all that a service has."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.core.strategy import Strategy


@dataclass(frozen=True)
class Mine:
    """A deployment of ours, and what ran before it.

    ``id``: of a rolling update the ECS deployment's (``ecs-svc/...``), of a native one the service deployment's ARN,
    of CodeDeploy's the deployment's (``d-...``). ``started_by`` is what ECS writes into the tasks that it starts for
    it; empty where that is not known. ``previous_id`` is the ECS deployment that was PRIMARY before.
    """

    strategy: Strategy
    id: str
    task_definition: str
    previous_task_definition: str | None = None
    previous_id: str | None = None
    started_by: str = ""
