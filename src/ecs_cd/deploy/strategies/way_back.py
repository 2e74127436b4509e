"""The way back to what ran before one of our deployments."""

from __future__ import annotations

from dataclasses import replace

from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.job.job import Job
from ecs_cd.job.services import active_service
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import short
from ecs_cd.tasks.rules.revisions import running


def way_back(job: Job, tracked: TrackedDeployment) -> tuple[DeploymentPlan, str]:
    """The plan to deploy, with the service as it is now, and the revision.

    Raises ``Refused`` if nothing ran before, or if another deployment has replaced it.
    """
    own, plan = tracked.own, tracked.plan
    service = active_service(job, plan.cluster, plan.name)
    current, previous = running(service), own.previous_task_definition
    if current not in (own.task_definition, previous):
        raise Refused(f"{short(str(current))} has replaced it; ecs-cd leaves that deployment alone")
    if previous in (None, own.task_definition):
        raise Refused(f"service {plan.name} ran nothing before {short(own.task_definition)} to go back to")
    return replace(plan, service=service, update={}, force=False), str(previous)
