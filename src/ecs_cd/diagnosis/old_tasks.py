"""Why tasks of earlier revisions still run: they drain, or are protected from scale-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.model.references import short

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
_STOPPING = {
    "DEACTIVATING": "draining its load balancer connections",
    "STOPPING": "stopping",
    "DEPROVISIONING": "stopped; ECS is releasing its network",
}
OLD_TASKS = "They drain (deregistration delay, `stopTimeout`), or are protected from scale-in."
_STEPS = {
    "protected": "Its app ends the protection with UpdateTaskProtection, or the protection expires.",
    "DEACTIVATING": "ECS waits for the target group's deregistration delay.",
    "STOPPING": "ECS waits for the container's `stopTimeout`.",
}


def of_earlier(tasks: Sequence[Mapping[str, Any]], task_definition: str) -> list[Mapping[str, Any]]:
    """The tasks of other revisions that have not stopped."""
    return [
        task
        for task in tasks
        if task.get("taskDefinitionArn") != task_definition and task.get("lastStatus") != "STOPPED"
    ]


def finding(tasks: Sequence[Mapping[str, Any]], protected_until: Mapping[str, Any]) -> Finding | None:
    """Why these tasks still run; ``None`` without any. ``protected_until``: when a protection expires, by task ARN."""
    if not tasks:
        return None
    kinds = [_kind(task, protected_until) for task in tasks]
    lines = tuple(_line(task, protected_until) for task in tasks)
    several = f"{len(tasks)} tasks of earlier revisions still run"
    steps = dict.fromkeys(step for kind in kinds if (step := _STEPS.get(kind)))
    return Finding(several if len(tasks) > 1 else "a task of an earlier revision still runs", lines, " ".join(steps))


def _kind(task: Mapping[str, Any], protected_until: Mapping[str, Any]) -> str:
    return "protected" if str(task.get("taskArn")) in protected_until else str(task.get("lastStatus"))


def _line(task: Mapping[str, Any], protected_until: Mapping[str, Any]) -> str:
    arn, status = str(task.get("taskArn")), str(task.get("lastStatus"))
    name = f"task {short(arn)} of {short(str(task.get('taskDefinitionArn', '')))}"
    if arn in protected_until:
        return f"{name}: protected from scale-in until {protected_until[arn]}"
    return f"{name}: {_STOPPING.get(status, f'{status}; ECS has not stopped it yet')}"
