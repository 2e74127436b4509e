"""Reads the deployments of a service that have ended, as far back as AWS keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from ecs_cd.aws import codedeploy, service_deployments
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules import history
from ecs_cd.deploy.rules.history import PastDeployment
from ecs_cd.document.rules.document import CodeDeploy
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model import pace
from ecs_cd.model.batches import batches
from ecs_cd.tasks.rules.revisions import running

_MONTHS = timedelta(days=90)  # as long as ECS keeps service deployments


def by_service_deployments(job: Job, plan: DeploymentPlan) -> Sequence[PastDeployment]:
    """What ECS has done, for its rolling updates as for its blue/green deployments."""
    listed = service_deployments.listed(job.aws, plan.cluster, plan.name)
    return history.of_service_deployments(service_deployments.with_targets(job.aws, listed[: pace.HISTORY]))


def by_codedeploy(job: Job, plan: DeploymentPlan, names: CodeDeploy) -> Sequence[PastDeployment]:
    """What CodeDeploy has done: in the last three months, or else ever."""
    group = (names.application, names.deployment_group)
    _, now = codedeploy.deployment_ids(job.aws, *group, statuses=("Created",))  # the time by AWS's clock
    for since in (now - _MONTHS, None):
        ids, _ = codedeploy.deployment_ids(job.aws, *group, since=since)
        calls = batches(ids, codedeploy.DEPLOYMENTS_A_CALL)
        infos = concurrently(*(partial(codedeploy.deployments, job.aws, batch) for batch in calls))
        found = history.of_codedeploy([info for each in infos for info in each], plan.service)
        if history.last_success(found, str(running(plan.service))):
            break
    return found
