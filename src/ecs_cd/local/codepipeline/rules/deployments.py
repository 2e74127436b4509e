"""CodeDeploy's deployments of ECS services, in the form of its API's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ecs_cd.deploy.rules import codedeploy
from ecs_cd.local.codepipeline.rules.infra import DeploymentGroup
from ecs_cd.model.lifecycle import LIFECYCLE_EVENTS

_ROLLS_BACK = {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}
_CONFIG = "CodeDeployDefault.ECSAllAtOnce"


@dataclass(frozen=True)
class Deployment:
    """A deployment. ``error`` is its code and message. Times are as botocore has them."""

    id: str
    group: DeploymentGroup
    appspec: str
    created: Any
    status: str = "InProgress"
    ended: Any = None
    error: tuple[str, str] | None = None
    rolled_back_by: str = ""
    rolls_back: str = ""

    def end(self, at: Any, error: tuple[str, str] | None = None) -> Deployment:
        """The deployment once it has ended; it failed if there is an error."""
        return replace(self, status="Failed" if error else "Succeeded", ended=at, error=error)


@dataclass(frozen=True)
class State:
    """All deployments by id, and the known groups by application and name."""

    groups: Mapping[tuple[str, str], DeploymentGroup] = field(default_factory=dict)
    deployments: Mapping[str, Deployment] = field(default_factory=dict)

    def know(self, group: DeploymentGroup) -> State:
        return replace(self, groups={**self.groups, (group.application, group.name): group})

    def keep(self, deployment: Deployment) -> State:
        return replace(self, deployments={**self.deployments, deployment.id: deployment})


def group_info(group: DeploymentGroup) -> dict[str, Any]:
    """GetDeploymentGroup's deploymentGroupInfo."""
    return {
        "applicationName": group.application,
        "deploymentGroupName": group.name,
        "deploymentConfigName": _CONFIG,
        "autoRollbackConfiguration": _ROLLS_BACK,
        "computePlatform": "ECS",
        "ecsServices": [{"serviceName": group.service, "clusterName": group.cluster}],
    }


def info(deployment: Deployment) -> dict[str, Any]:
    """GetDeployment's deploymentInfo."""
    code, message = deployment.error or ("", "")
    back = {
        **({"rollbackDeploymentId": deployment.rolled_back_by} if deployment.rolled_back_by else {}),
        **({"rollbackTriggeringDeploymentId": deployment.rolls_back} if deployment.rolls_back else {}),
    }
    return {
        "applicationName": deployment.group.application,
        "deploymentGroupName": deployment.group.name,
        "deploymentConfigName": _CONFIG,
        "deploymentId": deployment.id,
        "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": deployment.appspec}},
        "status": deployment.status,
        "createTime": deployment.created,
        "startTime": deployment.created,
        "creator": "codeDeployRollback" if deployment.rolls_back else "user",
        "autoRollbackConfiguration": _ROLLS_BACK,
        "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        "computePlatform": "ECS",
        **({"completeTime": deployment.ended} if deployment.ended else {}),
        **({"errorInformation": {"code": code, "message": message}} if deployment.error else {}),
        **({"rollbackInfo": back} if back else {}),
    }


def target_id(deployment: Deployment) -> str:
    """CodeDeploy's name for the service."""
    return codedeploy.target_id(deployment.group.cluster, deployment.group.service)


def target(deployment: Deployment, account: str, region: str) -> dict[str, Any]:
    """An entry of BatchGetDeploymentTargets' deploymentTargets. The replacement of the tasks is the event Install."""
    name = target_id(deployment)
    ecs_target = {
        "deploymentId": deployment.id,
        "targetId": name,
        "targetArn": f"arn:aws:ecs:{region}:{account}:service/{name.replace(':', '/')}",
        "lastUpdatedAt": deployment.ended or deployment.created,
        "lifecycleEvents": [_event(each, deployment) for each in LIFECYCLE_EVENTS],
        "status": deployment.status,
    }
    return {"deploymentTargetType": "ECSTarget", "ecsTarget": ecs_target}


def _event(name: str, deployment: Deployment) -> dict[str, Any]:
    return {"lifecycleEventName": name, **_progress(name, deployment)}


def _progress(name: str, deployment: Deployment) -> dict[str, Any]:
    times = {"startTime": deployment.created, **({"endTime": deployment.ended} if deployment.ended else {})}
    if deployment.status == "Succeeded":
        return {"status": "Succeeded", **times}
    if name == "BeforeInstall":
        return {"status": "Succeeded", "startTime": deployment.created, "endTime": deployment.created}
    if name != "Install":
        return {"status": "Skipped" if deployment.error else "Pending"}
    if not deployment.error:
        return {"status": "InProgress", **times}
    return {"status": "Failed", **times, "diagnostics": {"errorCode": "UnknownError", "message": deployment.error[1]}}
