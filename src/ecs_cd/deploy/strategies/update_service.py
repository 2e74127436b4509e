"""What the strategies that UpdateService starts have in common."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecs, service_deployments
from ecs_cd.aws.errors import is_transient
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules import crashes, history, lost_response, rolling
from ecs_cd.deploy.rules.own_deployment import OwnDeployment, deleted
from ecs_cd.deploy.strategies.history import by_service_deployments
from ecs_cd.job.job import Job
from ecs_cd.job.mutation import carry_out
from ecs_cd.job.services import listed_services
from ecs_cd.model import pace
from ecs_cd.model.errors import Overtaken

_MARGIN = timedelta(seconds=5)  # how much younger a service deployment may be than its PRIMARY


def prepare(job: Job, plan: DeploymentPlan) -> DeploymentPlan:
    """Does nothing: the plan is complete."""
    return plan


def wait_budget(job: Job, plan: DeploymentPlan, timeout: float) -> float:
    """ECS's own waits are part of the timeout."""
    return timeout


def crashed_tasks(job: Job, plan: DeploymentPlan) -> int:
    """How many tasks of the PRIMARY deployment, this step's or not, ended by themselves lately."""
    current = rolling.primary(plan.service)
    name, revision = str(current.get("id")), str(current.get("taskDefinition"))
    theirs = OwnDeployment(plan.strategy, name, revision, started_by=name)
    arns = ecs.service_task_arns(job.aws, plan.cluster, plan.name, "STOPPED")
    tasks = ecs.tasks(job.aws, plan.cluster, arns[: pace.MOST_STOPPED_TASKS])
    return sum(crashes.died(task, theirs) and crashes.crashed(task) for task in tasks)


def ran_before(job: Job, plan: DeploymentPlan) -> str | None:
    """What the service runs before our deployment: never a revision that has not worked, so that it can go back there.

    If no deployment that the service lists has worked, ECS's history shows the last success; it may not be allowed.
    """
    found, current = plan.undoes or rolling.ran(plan.service), rolling.primary(plan.service)
    if found or not current:
        return found
    try:
        success = history.last_success(by_service_deployments(job, plan))
    except (ClientError, BotoCoreError) as error:
        if is_transient(error):
            raise
        success = None
    return (success.task_definition if success else None) or rolling.alive(current)


def update(job: Job, plan: DeploymentPlan, arn: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Calls UpdateService once. Returns the PRIMARY deployment before it, and after it, which is our deployment.

    After a lost answer, reads the service before repeating the call. If only other settings change, ECS may keep the
    current PRIMARY: then both are the same. Raises ``Overtaken`` instead of repeating the call over another deployment.
    """
    before = rolling.primary(plan.service)
    # Only force deploys the same revision again after it failed.
    again = before.get("taskDefinition") == arn and before.get("rolloutState") == "FAILED"

    def call() -> Mapping[str, Any]:
        updated = ecs.update_service(job.aws, plan.cluster, plan.name, arn, force=plan.force or again, more=plan.update)
        return rolling.primary(updated)

    def find_ours() -> Mapping[str, Any] | None:
        found = listed_services(job, plan.cluster, [plan.name])
        if gone := _gone(job, plan, arn, found.get(plan.name)):
            return gone
        ecs.check_active(found, plan.cluster, [plan.name])
        service = found[plan.name]
        theirs = lost_response.overtaken_by(plan.service, service, arn)
        ours = lost_response.started(plan.service, service, arn) or (_listed(job, plan, arn) if theirs else {})
        if theirs and not ours:
            raise Overtaken(f"{theirs} became PRIMARY, and ecs-cd does not replace it", "Run the deployment again.")
        return ours or None

    return before, carry_out("UpdateService", call, find_ours, job)


def _gone(job: Job, plan: DeploymentPlan, arn: str, service: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Our deployment if the service has been deleted since, while ECS still shows both."""
    if service is None or not deleted(service, 0.0):
        return {}
    return lost_response.started(plan.service, service, arn) or _listed(job, plan, arn)


def _listed(job: Job, plan: DeploymentPlan, arn: str) -> Mapping[str, Any]:
    """Our deployment if ECS lists its service deployment. DescribeServices drops one that was replaced at once."""
    since = rolling.primary(plan.service).get("createdAt")
    if since is None:
        return {}
    try:
        service = str(plan.service["serviceArn"])
        listed = service_deployments.listed(job.aws, plan.cluster, service, created_after=since)
        found = service_deployments.with_targets(job.aws, listed[: pace.NEWEST_LISTED])
    except ClientError as error:
        if is_transient(error):
            raise
        return {}  # a rolling update can do without this permission
    return lost_response.listed(found, arn, since + _MARGIN)
