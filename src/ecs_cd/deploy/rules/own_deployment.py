"""The deployment that ecs-cd started, among all deployments of a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.model import pace
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.model.verdict import InProgress, Outcome, Verdict


@dataclass(frozen=True)
class OwnDeployment:
    """A deployment that ecs-cd started, and what ran before it.

    ``id``: for a rolling update the ECS deployment's id (``ecs-svc/...``), for ECS's own blue/green the service
    deployment's ARN, for CodeDeploy the deployment's id (``d-...``). ``started_by`` is what ECS writes into the tasks
    that it starts for it; empty if unknown. ``previous_id`` is the ECS deployment or task set that was PRIMARY before,
    ``created_at`` is when ECS created this one, by ECS's own clock.

    ``unsettled``: it existed before this step, and did not run all its tasks, so that AWS's earlier success says too
    little. ``completed``: AWS has reported its success; whatever comes later replaces it. ``theirs``: a later
    deployment of another user that brings the same revision; its result is our result, but ecs-cd does not undo it.
    ``replaced``: another revision was PRIMARY since; a rollback that follows belongs to that. ``hook`` is where
    `continue` found it paused.
    """

    strategy: Strategy
    id: str
    task_definition: str
    previous_task_definition: str | None = None
    previous_id: str | None = None
    started_by: str = ""
    created_at: Any = None
    unsettled: bool = False
    completed: bool = False
    theirs: bool = False
    replaced: bool = False
    hook: str = ""


READ_AGAIN = InProgress("ECS does not list the service; reading it again")


def absent_since(before: float | None, service: Mapping[str, Any] | None, now: float) -> float | None:
    """Since when DescribeServices has not listed the service; ``None`` if it does. ``before``: the last answer."""
    return None if service is not None else now if before is None else before


def deleted(service: Mapping[str, Any] | None, absent_for: float) -> Verdict | None:
    """The verdict if DescribeServices says that the service is being deleted, or has not listed it for a while.

    One MISSING proves nothing: ECS answers so for services that exist. https://github.com/reproio/ecs_deploy/issues/60
    """
    if service is None and absent_for < pace.ABSENT:
        return None
    if service is not None and service.get("status") not in ("DRAINING", "INACTIVE"):
        return None
    state = "gone" if service is None else service["status"]
    return Verdict(Outcome.GONE, f"the service is {state}: it was deleted during the deployment")
