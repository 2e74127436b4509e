"""ECS: task definitions, tasks, services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import botocore
from botocore.exceptions import ClientError

from ecs_cd.aws import as_written
from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws, Client, pages
from ecs_cd.model.batches import batches
from ecs_cd.model.errors import Refused

Json = dict[str, Any]

_NO_CLUSTER = ("ClusterNotFoundException",)
_PROTECTIONS_A_CALL = 10  # the maximum for GetTaskProtection
_SERVICES_A_CALL = 10  # the maximum for DescribeServices
TASKS_A_CALL = 100  # the maximum for DescribeTasks


def shapes(aws: Aws) -> tuple[Any, Any, str]:
    """Returns botocore's shapes of RegisterTaskDefinition's input and of a described task definition, and botocore's
    name and version."""
    model = aws.client("ecs").meta.service_model
    described = model.operation_model("DescribeTaskDefinition").output_shape.members["taskDefinition"]
    return model.operation_model("RegisterTaskDefinition").input_shape, described, f"botocore {botocore.__version__}"


def task_definition(aws: Aws, name: str) -> Json | None:
    """Returns DescribeTaskDefinition's response with tags; for a family, that of its newest active revision. Its body
    is under ``as_written.RESPONSE``.

    Returns ``None`` if it does not exist.
    """
    client = aws.client("ecs")
    as_written.keep(client, "DescribeTaskDefinition")
    try:
        answer: Json = client.describe_task_definition(taskDefinition=name, include=["TAGS"])
    except ClientError as error:
        if code(error) == "ClientException":  # "Unable to describe task definition."
            return None
        raise
    aws.revisions[str(answer["taskDefinition"]["taskDefinitionArn"])] = answer
    return answer


def known_task_definition(aws: Aws, arn: str) -> Json | None:
    """Returns what ``task_definition`` has read for this ARN in this session, or ``None``. Sends no request."""
    return aws.revisions.get(arn)


def register(aws: Aws, definition: Json) -> str:
    """Registers a revision and returns its ARN, with fields that botocore's model lacks as they are. Never retries."""
    client = aws.once("ecs")
    as_written.send(client, "RegisterTaskDefinition")
    answer = client.register_task_definition(**definition)
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def look_at_services(aws: Aws, cluster: str, names: Sequence[str]) -> dict[str, Json]:
    """Returns the services by the given names or ARNs, without those whose service or cluster does not exist. For
    polling: ten per call, no retries."""
    try:
        return _services(aws.once("ecs"), cluster, names)
    except ClientError as error:
        if code(error) in _NO_CLUSTER:
            return {}
        raise


def look_at_service(aws: Aws, cluster: str, name: str) -> Json | None:
    """Returns the service, or ``None`` if it or its cluster does not exist. For polling: no retries."""
    return look_at_services(aws, cluster, [name]).get(name)


def services(aws: Aws, cluster: str, names: Sequence[str]) -> dict[str, Json]:
    """Returns the services by the given names or ARNs, ten per call, without those that ECS does not list. Raises
    ``Refused`` if the cluster is missing."""
    try:
        return _services(aws.client("ecs"), cluster, names)
    except ClientError as error:
        if code(error) in _NO_CLUSTER:
            remedy = "Check `cluster` in the document, the region and the account."
            raise Refused(f"there is no active ECS cluster {cluster} in {aws.region}", remedy) from error
        raise


def cluster(aws: Aws, name: str) -> Json | None:
    """Returns the cluster by its name or ARN, or ``None`` if ECS does not know it."""
    found = aws.client("ecs").describe_clusters(clusters=[name])["clusters"]
    first: Json | None = next(iter(found), None)
    return first


def active_service(aws: Aws, cluster: str, name: str) -> Json:
    """Returns the service. Raises ``Refused`` if it or its cluster is missing or not ACTIVE."""
    found = services(aws, cluster, [name])
    check_active(found, cluster, [name])
    return found[name]


def check_active(found: Mapping[str, Json], cluster: str, names: Sequence[str]) -> None:
    """Raises ``Refused`` if one of these services is missing or not ACTIVE, and lists all such services."""
    states = {name: f"is {found[name]['status']}" if name in found else "is not there" for name in names}
    problems = [
        f"the ECS service {name} of cluster {cluster} {state}" for name, state in states.items() if state != "is ACTIVE"
    ]
    if problems:
        raise Refused(problems, "The infra repo creates it; check its name, its cluster and the region.")


def update_service(aws: Aws, cluster: str, name: str, arn: str, *, force: bool, more: Mapping[str, Any]) -> Json:
    """Calls UpdateService with a task definition and ``more`` parameters; returns the service. Never retries."""
    forced, client = {"forceNewDeployment": True} if force else {}, aws.once("ecs")
    as_written.send(client, "UpdateService")
    answer = client.update_service(cluster=cluster, service=name, taskDefinition=arn, **forced, **more)
    updated: Json = answer["service"]
    return updated


def run_task(aws: Aws, request: Mapping[str, Any]) -> tuple[Json | None, list[Json]]:
    """Calls RunTask and returns the task, or else its ``failures``. Never retries."""
    client = aws.once("ecs")
    as_written.send(client, "RunTask")
    answer = client.run_task(**request)
    return next(iter(answer.get("tasks", ())), None), list(answer.get("failures", ()))


def started_by(aws: Aws, cluster: str, family: str, name: str) -> str | None:
    """Returns the ARN of the family's task with this ``startedBy``, running or stopped.

    ListTasks' own ``startedBy`` filter can't be combined with another, so it would miss stopped tasks.
    """
    for status in ("RUNNING", "STOPPED"):
        arns = _list_tasks(aws.client("ecs"), cluster=cluster, family=family, desiredStatus=status)
        found = (task for task in tasks(aws, cluster, arns) if task.get("startedBy") == name)
        first = next(found, None)
        if first:
            return str(first["taskArn"])
    return None


def tasks_of_family(aws: Aws, cluster: str, family: str) -> tuple[list[Json], set[str]]:
    """Returns the tasks of the family: those that run, and those that stopped within the last hour. Also returns the
    ARNs of those that ECS lists, but does not describe."""
    # In this order: a task that stops in between is in at least one of the lists.
    running, stopped = (
        _list_tasks(aws.client("ecs"), cluster=cluster, family=family, desiredStatus=status)
        for status in ("RUNNING", "STOPPED")
    )
    arns = list(dict.fromkeys([*running, *stopped]))
    found = tasks(aws, cluster, arns)
    return found, set(arns) - {str(task["taskArn"]) for task in found}


def task(aws: Aws, cluster: str, arn: str) -> Json | None:
    """Returns the task, or ``None`` if ECS does not list it, which is transient just after RunTask."""
    return next(iter(tasks(aws, cluster, [arn])), None)


def stop_task(aws: Aws, cluster: str, arn: str, reason: str) -> None:
    aws.client("ecs").stop_task(cluster=cluster, task=arn, reason=reason)


def tasks(aws: Aws, cluster: str, arns: Sequence[str]) -> list[Json]:
    """Returns the tasks with these ARNs, ``TASKS_A_CALL`` per call, without those that ECS does not list."""
    return [
        found
        for batch in batches(arns, TASKS_A_CALL)
        for found in aws.once("ecs").describe_tasks(cluster=cluster, tasks=batch).get("tasks", ())
    ]


def service_task_arns(aws: Aws, cluster: str, name: str, status: str) -> list[str]:
    """Returns the ARNs of the service's tasks with this desired status: ``RUNNING`` or ``STOPPED``."""
    return _list_tasks(aws.once("ecs"), cluster=cluster, serviceName=name, desiredStatus=status)


def protected_until(aws: Aws, cluster: str, arns: Sequence[str]) -> Json:
    """Returns until when these tasks are protected from scale-in, by ARN; not protected ones are left out."""
    found = aws.once("ecs").get_task_protection(cluster=cluster, tasks=list(arns)[:_PROTECTIONS_A_CALL])
    tasks = found.get("protectedTasks", ())
    return {str(task["taskArn"]): task.get("expirationDate") for task in tasks if task.get("protectionEnabled")}


def _services(client: Client, cluster: str, names: Sequence[str]) -> dict[str, Json]:
    calls = batches(names, _SERVICES_A_CALL)
    with ThreadPoolExecutor(max_workers=min(5, len(calls)) or 1) as pool:
        answers = list(pool.map(lambda batch: client.describe_services(cluster=cluster, services=batch), calls))
    found: dict[str, Json] = {}
    for service in (service for answer in answers for service in answer["services"]):
        found |= {str(service["serviceName"]): service, str(service["serviceArn"]): service}
    return {name: found[name] for name in names if name in found}


def _list_tasks(client: Client, **request: str) -> list[str]:
    return [arn for page in pages(client.list_tasks, request) for arn in page["taskArns"]]
