"""What runs after a local run, and which services don't stay up.

ministack calls a deployment complete as soon as its containers run for a moment. ECS would wait for a steady state, so
`local run` looks for tasks that have ended by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecs_cd.aws import ecs, logs
from ecs_cd.aws.session import Aws
from ecs_cd.diagnosis import stopped_tasks
from ecs_cd.diagnosis.evidence import StoppedTask
from ecs_cd.diagnosis.findings import task_failed
from ecs_cd.local import place, plan
from ecs_cd.local.machine import Say
from ecs_cd.local.place import Stack
from ecs_cd.tasks.logs import log_stream


def show(stack: Stack, aws: Aws, since: float, say: Say) -> list[str]:
    """Lists each service's tasks, with addresses that this machine can reach if Docker runs directly on it.

    Returns the services of whose current revision a task has ended by itself ``since`` then (seconds since the epoch).
    """
    failing = []
    for key, name in stack.services.items():
        tasks = ecs.tasks(aws, stack.cluster, ecs.service_task_arns(aws, stack.cluster, name, "RUNNING"))
        deployed = [task for task in tasks if not _pauses(task)]
        if tasks and not deployed:
            say(f"{key}: nothing is deployed to {name} yet; its task does nothing")
        elif not tasks:
            say(f"{key}: no task of {name} runs")
        for task in deployed:
            images = ", ".join(container.get("image", "") for container in task.get("containers", ()))
            say(f"{key}: a task of {name} runs at {_place(task, aws)}: {images}")
        if ended := _ended(aws, stack.cluster, name, since):
            failing.append(key)
            found = task_failed(_with_log(ended[-1], aws))
            say(f"{key}: {len(ended)} task{'s' * (len(ended) > 1)} of {name} ended after the start: {found.words}")
            say(f"  -> {found.next_step}")
    return failing


def _ended(aws: Aws, cluster: str, name: str, since: float) -> list[Mapping[str, Any]]:
    """The tasks of the service's current revision that have ended by themselves since then, in order."""
    service = ecs.look_at_service(aws, cluster, name) or {}
    tasks = ecs.tasks(aws, cluster, ecs.service_task_arns(aws, cluster, name, "STOPPED"))
    ended = [
        task
        for task in tasks
        if task["taskDefinitionArn"] == service.get("taskDefinition")
        and task.get("stopCode") == "EssentialContainerExited"
        and "stoppedAt" in task
        and task["stoppedAt"].timestamp() > since
    ]
    return sorted(ended, key=lambda task: float(task["stoppedAt"].timestamp()))


def _with_log(task: Mapping[str, Any], aws: Aws) -> StoppedTask:
    """The task with the last lines of the container that took it down."""
    names = [str(each.get("name", "")) for each in stopped_tasks.failed_containers(task)]
    found = (log_stream(_definition(task, aws), name, str(task["taskArn"])) for name in names)
    log = next((each for each in found if each), None)
    return StoppedTask(task, logs.tail(aws, log)) if log else StoppedTask(task)


def _definition(task: Mapping[str, Any], aws: Aws) -> Mapping[str, Any]:
    answer = aws.client("ecs").describe_task_definition(taskDefinition=task["taskDefinitionArn"])
    definition: Mapping[str, Any] = answer["taskDefinition"]
    return definition


def _place(task: Mapping[str, Any], aws: Aws) -> str:
    """The address of a task, with its ports."""
    address = plan.address(task)
    if not address:
        return "no address"
    ports = plan.ports(_definition(task, aws))
    return ", ".join(f"{address}:{port}" for port in ports) or address


def _pauses(task: Mapping[str, Any]) -> bool:
    """Whether the task is that of a service without a deployment so far."""
    return any(f"/{place.PLACEHOLDER}:" in container.get("image", "") for container in task.get("containers", ()))
