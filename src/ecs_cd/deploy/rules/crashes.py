"""Tasks that die: whose they are, whether they count, and when ECS would start them forever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecs_cd.deploy.rules.own_deployment import OwnDeployment

# Not a failure of the app: whatever ended the task, ECS starts it again.
_ENDED_FROM_OUTSIDE = ("SpotInterruption", "TerminationNotice", "InfrastructureHealth", "UserInitiated")


def died(task: Mapping[str, Any], own: OwnDeployment) -> bool:
    """Whether a stopped task belongs to our deployment and died. Scaling in does not count."""
    ours = task.get("taskDefinitionArn") == own.task_definition
    started_by = str(task.get("startedBy", ""))
    of_another = bool(own.started_by) and started_by.startswith("ecs-svc/") and started_by != own.started_by
    scaled_in = (
        task.get("stopCode") == "ServiceSchedulerInitiated"
        and "scaling activity" in str(task.get("stoppedReason", "")).lower()
    )
    return ours and not of_another and not scaled_in and task.get("lastStatus") == "STOPPED"


def crashed(task: Mapping[str, Any]) -> bool:
    """Whether a dead task ended by itself or failed its health check, and was not ended by its host or by a user."""
    return task.get("stopCode") not in _ENDED_FROM_OUTSIDE


def crash_limit(desired: int) -> int:
    """How many tasks may die before ecs-cd calls it a failure if no circuit breaker does.

    The circuit breaker's own rule: half the desired count, at least 3, at most 200.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    return min(200, max(3, -(-desired // 2)))


def hopeless(deployment: Mapping[str, Any], service: Mapping[str, Any], deaths: int) -> bool:
    """Whether ECS would retry forever: tasks are desired, none runs, many died, and no circuit breaker counts them.

    ECS resets failedTasks and counts no more once a task has run; then the breaker never trips. Twice the limit rules
    out that failedTasks only lags.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
    """
    desired = int(service.get("desiredCount", 0))
    if not desired or deployment.get("runningCount"):
        return False
    if not counts_failures(deployment, service) or deployment.get("rolloutState") == "COMPLETED":
        return deaths >= crash_limit(desired)
    return not deployment.get("failedTasks") and deaths >= 2 * crash_limit(desired)


def never_settles(deployment: Mapping[str, Any], service: Mapping[str, Any], deaths: int) -> bool:
    """Whether tasks die as fast as ECS starts them, although some run: until a health check fails, for example.

    Too weak for a verdict about our own deployment, which may recover, but reason enough not to wait for another's.
    """
    counted = counts_failures(deployment, service) and deployment.get("failedTasks")
    return misses_tasks(deployment, service) and not counted and deaths >= 2 * crash_limit(service["desiredCount"])


def misses_tasks(deployment: Mapping[str, Any], service: Mapping[str, Any]) -> bool:
    return int(deployment.get("runningCount", 0)) < int(service.get("desiredCount", 0))


def counts_failures(deployment: Mapping[str, Any], service: Mapping[str, Any]) -> bool:
    """Whether a circuit breaker watches the deployment; ECS has none for a service behind a Classic Load Balancer."""
    return bool(breaker(service).get("enable") and deployment.get("rolloutState"))


def breaker(service: Mapping[str, Any]) -> Mapping[str, Any]:
    breaker: Mapping[str, Any] = service.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {})
    return breaker
