"""CodeDeploy's deployments of ECS services, in the form of its API's answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ecs_cd.deploy.rules import codedeploy
from ecs_cd.local.codepipeline.rules.infra import DeploymentGroup
from ecs_cd.model.lifecycle import LIFECYCLE_EVENTS

_ROLLS_BACK = {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}


@dataclass(frozen=True)
class Deployment:
    """A deployment. ``error`` is its code and message if it failed. Times are in seconds since the epoch."""

    id: str
    group: DeploymentGroup
    appspec: str
    created: float
    ended: float | None = None
    error: tuple[str, str] | None = None
    rolled_back_by: str = ""
    rolls_back: str = ""

    @property
    def status(self) -> str:
        return "InProgress" if self.ended is None else "Failed" if self.error else "Succeeded"


def group_info(group: DeploymentGroup) -> dict[str, Any]:
    """GetDeploymentGroup's deploymentGroupInfo."""
    return {
        "applicationName": group.application,
        "deploymentGroupName": group.name,
        "autoRollbackConfiguration": _ROLLS_BACK,
        "computePlatform": "ECS",
        "ecsServices": [{"serviceName": group.service, "clusterName": group.cluster}],
    }


def info(deployment: Deployment) -> dict[str, Any]:
    """An entry of BatchGetDeployments' deploymentsInfo."""
    code, message = deployment.error or ("", "")
    by, of = deployment.rolled_back_by, deployment.rolls_back
    back = {"rollbackDeploymentId": by} if by else {"rollbackTriggeringDeploymentId": of} if of else {}
    return {
        "applicationName": deployment.group.application,
        "deploymentGroupName": deployment.group.name,
        "deploymentId": deployment.id,
        "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": deployment.appspec}},
        "status": deployment.status,
        "createTime": deployment.created,
        "autoRollbackConfiguration": _ROLLS_BACK,
        "computePlatform": "ECS",
        **({"completeTime": deployment.ended} if deployment.ended is not None else {}),
        **({"errorInformation": {"code": code, "message": message}} if deployment.error else {}),
        **({"rollbackInfo": back} if back else {}),
    }


def target_id(deployment: Deployment) -> str:
    """CodeDeploy's name for the service."""
    return codedeploy.target_id(deployment.group.cluster, deployment.group.service)


def target(deployment: Deployment) -> dict[str, Any]:
    """An entry of BatchGetDeploymentTargets' deploymentTargets. The replacement of the tasks is the event Install."""
    ecs_target = {
        "deploymentId": deployment.id,
        "targetId": target_id(deployment),
        "lifecycleEvents": [{"lifecycleEventName": each, **_event(each, deployment)} for each in LIFECYCLE_EVENTS],
        "status": deployment.status,
    }
    return {"deploymentTargetType": "ECSTarget", "ecsTarget": ecs_target}


def _event(name: str, deployment: Deployment) -> dict[str, Any]:
    if deployment.status == "Succeeded" or name == "BeforeInstall":
        return {"status": "Succeeded"}
    if name != "Install":
        return {"status": "Skipped" if deployment.error else "Pending"}
    if not deployment.error:
        return {"status": "InProgress"}
    return {"status": "Failed", "diagnostics": {"errorCode": "UnknownError", "message": deployment.error[1]}}
