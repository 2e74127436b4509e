"""Minimal valid ECS answers, in AWS's words, so that a timeline reads as a few lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .clock import moment
from .script import Answer, error
from .wire import Params

PREFIX = "arn:aws:ecs:ap-northeast-1:123456789012"
CLUSTER = "my-cluster"
DIGEST = "sha256:" + "a" * 64
IMAGE = f"123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/my-app@{DIGEST}"
LOGS = {"awslogs-region": "ap-northeast-1", "awslogs-stream-prefix": "ecs"}


def task_definition_arn(revision: str) -> str:
    """ "web:7" in full."""
    return f"{PREFIX}:task-definition/{revision}"


# --- what ECS says of a deployment (rolloutStateReason) and of a service (its events) ---


def in_progress(deployment_id: str) -> str:
    return f"ECS deployment {deployment_id} in progress."


def completed(deployment_id: str) -> str:
    return f"ECS deployment {deployment_id} completed."


def rolling_back(deployment_id: str) -> str:
    return f"ECS deployment circuit breaker: rolling back to deploymentId {deployment_id}."


BREAKER_TRIPPED = "ECS deployment circuit breaker: tasks failed to start."


def event(message: str, seconds: float = 0, service: str = "web") -> Params:
    """ "has started 1 tasks: (task abc)." as an event of the service, with ECS's prefix."""
    text = f"(service {service}) {message}"
    return {"id": f"event-{seconds:g}-{message}"[:36], "createdAt": moment(seconds), "message": text}


# --- snapshots ---


def deployment(
    id: str = "ecs-svc/1",
    status: str = "PRIMARY",
    task_definition: str = "web:1",
    rollout_state: str = "COMPLETED",
    reason: str | None = None,
    *,
    desired: int = 1,
    running: int | None = None,
    pending: int = 0,
    failed: int = 0,
    created: float = 0,
    **more: Any,
) -> Params:
    """A completed deployment runs its desired count; any other runs nothing unless ``running`` says otherwise."""
    words = {"IN_PROGRESS": in_progress(id), "COMPLETED": completed(id), "FAILED": BREAKER_TRIPPED}
    return {
        "id": id,
        "status": status,
        "taskDefinition": task_definition_arn(task_definition),
        "desiredCount": desired,
        "runningCount": running if running is not None else desired if rollout_state == "COMPLETED" else 0,
        "pendingCount": pending,
        "failedTasks": failed,
        "rolloutState": rollout_state,
        "rolloutStateReason": reason or words.get(rollout_state, ""),
        "createdAt": moment(created),
        "updatedAt": moment(created),
        **more,
    }


def service(
    name: str = "web",
    *,
    deployments: Sequence[Params] | None = None,
    events: Sequence[Params] = (),
    desired: int = 1,
    cluster: str = CLUSTER,
    **more: Any,
) -> Params:
    """A Fargate service with a circuit breaker; its task definition and counts come from its deployments."""
    all_deployments = list(deployments) if deployments is not None else [deployment(desired=desired)]
    primary = next((item for item in all_deployments if item["status"] == "PRIMARY"), {})
    return {
        "serviceArn": f"{PREFIX}:service/{cluster}/{name}",
        "serviceName": name,
        "clusterArn": f"{PREFIX}:cluster/{cluster}",
        "status": "ACTIVE",
        "desiredCount": desired,
        "runningCount": sum(item["runningCount"] for item in all_deployments),
        "pendingCount": sum(item["pendingCount"] for item in all_deployments),
        "launchType": "FARGATE",
        "platformVersion": "LATEST",
        "taskDefinition": primary.get("taskDefinition", task_definition_arn(f"{name}:1")),
        "deploymentController": {"type": "ECS"},
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "maximumPercent": 200,
            "minimumHealthyPercent": 100,
        },
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": ["subnet-1"],
                "securityGroups": ["sg-1"],
                "assignPublicIp": "DISABLED",
            }
        },
        "deployments": all_deployments,
        "events": list(events),
        "loadBalancers": [],
        "createdAt": moment(),
        **more,
    }


def container(name: str = "app", status: str = "RUNNING", **more: Any) -> Params:
    """Pass exitCode and reason as ECS returns them; a container that never ran has no exitCode."""
    return {"name": name, "image": IMAGE, "imageDigest": DIGEST, "lastStatus": status, **more}


def task(
    id: str = "abc",
    status: str = "RUNNING",
    *,
    containers: Sequence[Params] | None = None,
    task_definition: str = "web:1",
    started_by: str = "ecs-svc/1",
    cluster: str = CLUSTER,
    created: float = 0,
    **more: Any,
) -> Params:
    """A service's task, unless `group` says otherwise; for a stopped task, pass stopCode, stoppedReason, stoppedAt."""
    return {
        "taskArn": f"{PREFIX}:task/{cluster}/{id}",
        "clusterArn": f"{PREFIX}:cluster/{cluster}",
        "taskDefinitionArn": task_definition_arn(task_definition),
        "group": "service:web",
        "launchType": "FARGATE",
        "lastStatus": status,
        "desiredStatus": "STOPPED" if status == "STOPPED" else "RUNNING",
        "startedBy": started_by,
        "containers": list(containers) if containers is not None else [container(status=status)],
        "createdAt": moment(created),
        **more,
    }


def task_definition(
    family: str = "web", revision: int = 1, *, containers: Sequence[str] = ("app",), **more: Any
) -> Params:
    """As DescribeTaskDefinition returns it, output-only members included; logs go to /ecs/<family>."""
    logs = {"logDriver": "awslogs", "options": {"awslogs-group": f"/ecs/{family}", **LOGS}}
    return {
        "taskDefinitionArn": task_definition_arn(f"{family}:{revision}"),
        "family": family,
        "revision": revision,
        "status": "ACTIVE",
        "containerDefinitions": [
            {"name": name, "image": IMAGE, "essential": True, "logConfiguration": logs} for name in containers
        ],
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "compatibilities": ["EC2", "FARGATE"],
        "cpu": "256",
        "memory": "512",
        "volumes": [],
        "placementConstraints": [],
        "registeredAt": moment(),
        "registeredBy": "arn:aws:iam::123456789012:role/cd",
        **more,
    }


# --- answers that look at the request ---


def described(member: str, *items: Params) -> Callable[[Params], Params]:
    """DescribeServices ("services") or DescribeTasks ("tasks"): the requested items, or MISSING."""
    by_name = {item[f"{member[:-1]}Arn"].rpartition("/")[2]: item for item in items}

    def answer(params: Params) -> Params:
        asked = [name.rpartition("/")[2] for name in params[member]]
        parent = f"{PREFIX}:{member[:-1]}/{params.get('cluster', 'default')}"
        missing = [f"{parent}/{name}" for name in asked if name not in by_name]
        return {
            member: [by_name[name] for name in asked if name in by_name],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in missing],
        }

    return answer


@dataclass
class RunTask:
    """RunTask as in ECS: a clientToken starts one task; a different request with the same token is a conflict."""

    started: list[Params] = field(default_factory=list)
    requests: list[Params] = field(default_factory=list)

    def __call__(self, params: Params) -> Answer:
        # boto3 fills in a clientToken where the caller gives none: there is always one.
        for request, known in zip(self.requests, self.started, strict=True):
            if request == params:
                return {"tasks": [known], "failures": []}
            if request["clientToken"] == params["clientToken"]:
                return error("ConflictException", "clientToken in use", resourceIds=[known["taskArn"]])
        revision = params["taskDefinition"].rpartition("/")[2]
        new = task(
            f"task-{len(self.started) + 1}",
            "PROVISIONING",
            task_definition=revision,
            started_by=params.get("startedBy", ""),
            group=params.get("group", f"family:{revision.partition(':')[0]}"),
        )
        self.requests.append(params)
        self.started.append(new)
        return {"tasks": [new], "failures": []}
