"""CodeDeploy's blue/green deployments of an ECS service, as AWS returns them: groups, deployments, targets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import ecs
from .clock import moment
from .wire import Params

APPLICATION, GROUP = f"AppECS-{ecs.CLUSTER}-web", f"DgpECS-{ecs.CLUSTER}-web"
EVENTS = (
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
)
LOAD_BALANCER = {
    "targetGroupArn": "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/blue/1",
    "containerName": "app",
    "containerPort": 80,
}
ROLLS_BACK = {"enabled": True, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]}


def task_set(status: str = "PRIMARY", task_definition: str = "web:1", deployment: str = "d-OLD", **more: Any) -> Params:
    """As DescribeServices returns it; CodeDeploy writes its deployment into ``externalId``."""
    return {
        "id": f"ecs-svc/{deployment}",
        "status": status,
        "taskDefinition": ecs.task_definition_arn(task_definition),
        "externalId": deployment,
        "startedBy": "CODE_DEPLOY",
        "computedDesiredCount": 1,
        "runningCount": 1,
        "pendingCount": 0,
        "loadBalancers": [LOAD_BALANCER],
        **more,
    }


def service(*task_sets: Params, **more: Any) -> Params:
    """A service of the controller CODE_DEPLOY, which has task sets instead of deployments."""
    more = {"deploymentController": {"type": "CODE_DEPLOY"}, "loadBalancers": [LOAD_BALANCER], **more}
    return ecs.service(deployments=[], taskSets=list(task_sets) or [task_set()], **more)


def group(*, minutes: int = 0, ready: int = 0, **more: Any) -> Params:
    """GetDeploymentGroup's answer. ``minutes`` until the old tasks end, ``ready`` minutes for a user to continue."""
    info = {
        "applicationName": APPLICATION,
        "deploymentGroupName": GROUP,
        "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
        "computePlatform": "ECS",
        "ecsServices": [{"serviceName": "web", "clusterName": ecs.CLUSTER}],
        "blueGreenDeploymentConfiguration": blue_green(minutes, ready),
    }
    return {"deploymentGroupInfo": {**info, **more}}


def blue_green(minutes: int = 0, ready: int = 0) -> Params:
    action = {"actionOnTimeout": "STOP_DEPLOYMENT" if ready else "CONTINUE_DEPLOYMENT"}
    return {
        "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": minutes},
        "deploymentReadyOption": {**action, "waitTimeInMinutes": ready},
    }


def appspec(task_definition: str = "web:2", port: int = 80) -> Params:
    """A small AppSpec for a task definition."""
    info = {"ContainerName": "app", "ContainerPort": port}
    properties = {"TaskDefinition": ecs.task_definition_arn(task_definition), "LoadBalancerInfo": info}
    return {"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}]}


def deployment(
    id: str = "d-NEW",
    status: str = "InProgress",
    task_definition: str = "web:2",
    *,
    error: tuple[str, str] | None = None,
    rollback: str = "",
    minutes: int = 0,
    ready: int = 0,
    created: float = 0,
    **more: Any,
) -> Params:
    """An entry of BatchGetDeployments; ``rollback`` is the id of the deployment that rolls it back."""
    text = json.dumps(appspec(task_definition))
    said = f"Deployment {id} terminated. Automatic rollback is triggered with a DeploymentId {rollback}."
    return {
        "deploymentId": id,
        "applicationName": APPLICATION,
        "deploymentGroupName": GROUP,
        "status": status,
        "computePlatform": "ECS",
        "creator": "user",
        "createTime": moment(created),
        "revision": {
            "revisionType": "AppSpecContent",
            "appSpecContent": {"content": text, "sha256": hashlib.sha256(text.encode()).hexdigest()},
        },
        "blueGreenDeploymentConfiguration": blue_green(minutes, ready),
        **({"errorInformation": {"code": error[0], "message": error[1]}} if error else {}),
        **({"rollbackInfo": {"rollbackDeploymentId": rollback, "rollbackMessage": said}} if rollback else {}),
        **more,
    }


def events(current: str = "", state: str = "InProgress", message: str = "") -> list[Params]:
    """All lifecycle events: those before ``current`` have Succeeded, those after it are Pending; without it, all
    have Succeeded."""
    at = EVENTS.index(current) if current else len(EVENTS)
    after = "Skipped" if state == "Failed" else "Pending"
    states = {name: "Succeeded" if n < at else state if n == at else after for n, name in enumerate(EVENTS)}
    diagnostics: dict[str, Params] = {current: {"errorCode": "ScriptFailed", "message": message}} if message else {}
    return [
        {
            "lifecycleEventName": name,
            "status": status,
            **({"diagnostics": diagnostics[name]} if name in diagnostics else {}),
        }
        for name, status in states.items()
    ]


def ecs_target(
    current: str = "",
    state: str = "InProgress",
    *,
    weight: float | None = None,
    running: int = 1,
    desired: int = 1,
    message: str = "",
    status: str = "InProgress",
    lifecycle: Sequence[Params] | None = None,
) -> Params:
    """The ``ecsTarget``; ``weight`` is Green's share of the traffic, all of it after AllowTraffic."""
    moved = not current or EVENTS.index(current) > EVENTS.index("AllowTraffic")
    part = weight if weight is not None else 100.0 if moved else 0.0
    sets = [("Blue", "ecs-svc/d-OLD", 100 - part, desired), ("Green", "ecs-svc/d-NEW", part, running)]
    return {
        "targetId": f"{ecs.CLUSTER}:web",
        "status": status,
        "lifecycleEvents": list(lifecycle) if lifecycle is not None else events(current, state, message),
        "taskSetsInfo": [
            {
                "taskSetLabel": label,
                "identifer": id,
                "trafficWeight": traffic,
                "desiredCount": desired,
                "runningCount": count,
                "pendingCount": 0,
            }
            for label, id, traffic, count in sets
        ],
    }


def target(current: str = "", state: str = "InProgress", **more: Any) -> Params:
    """BatchGetDeploymentTargets' answer."""
    return {
        "deploymentTargets": [{"deploymentTargetType": "ECSTarget", "ecsTarget": ecs_target(current, state, **more)}]
    }


def described(*deployments: Params) -> Callable[[Params], Params]:
    """BatchGetDeployments: the requested ones."""
    by_id = {each["deploymentId"]: each for each in deployments}

    def answer(params: Mapping[str, Any]) -> Params:
        return {"deploymentsInfo": [by_id[id] for id in params["deploymentIds"] if id in by_id]}

    return answer
