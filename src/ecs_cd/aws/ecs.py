"""ECS: task definitions, tasks, services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws, Client, pages
from ecs_cd.model.errors import Refused

Json = dict[str, Any]

_NO_CLUSTER = ("ClusterNotFoundException",)
_SERVICES_A_CALL = 10  # the most that DescribeServices takes


def shapes(aws: Aws) -> tuple[Any, Any]:
    """botocore's shapes of RegisterTaskDefinition's input and of a described task definition."""
    model = aws.client("ecs").meta.service_model
    described = model.operation_model("DescribeTaskDefinition").output_shape.members["taskDefinition"]
    return model.operation_model("RegisterTaskDefinition").input_shape, described


def task_definition(aws: Aws, name: str) -> Json | None:
    """DescribeTaskDefinition's answer, tags included; of a family its newest active revision.

    ``None`` where it is not there.
    """
    try:
        answer: Json = aws.client("ecs").describe_task_definition(taskDefinition=name, include=["TAGS"])
        return answer
    except ClientError as error:
        if code(error) == "ClientException":  # "Unable to describe task definition."
            return None
        raise


def register(aws: Aws, definition: Json) -> str:
    """Registers a revision; its ARN. Repeats nothing."""
    answer = aws.once("ecs").register_task_definition(**definition)
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def look_at_services(aws: Aws, cluster: str, names: Sequence[str]) -> dict[str, Json]:
    """The services by the names or ARNs that were given, ten a call, asked once, for polling; what is not there,
    with its cluster or without, is left out."""
    try:
        return _services(aws.once("ecs"), cluster, names)
    except ClientError as error:
        if code(error) in _NO_CLUSTER:
            return {}
        raise


def look_at_service(aws: Aws, cluster: str, name: str) -> Json | None:
    """The service, asked once, for polling; ``None`` where it or its cluster is not there."""
    return look_at_services(aws, cluster, [name]).get(name)


def active_services(aws: Aws, cluster: str, names: Sequence[str]) -> dict[str, Json]:
    """The services by the names or ARNs that were given, ten a call.

    Raises ``Refused`` where one of them or the cluster is not there, or not ACTIVE: all of these at once.
    """
    try:
        found = _services(aws.client("ecs"), cluster, names)
    except ClientError as error:
        if code(error) in _NO_CLUSTER:
            remedy = "Check `cluster` in the document, the region and the account."
            raise Refused(f"there is no active ECS cluster {cluster} in {aws.region}", remedy) from error
        raise
    states = {name: f"is {found[name]['status']}" if name in found else "is not there" for name in names}
    problems = [
        f"the ECS service {name} of cluster {cluster} {state}" for name, state in states.items() if state != "is ACTIVE"
    ]
    if problems:
        raise Refused(problems, "The infra repo creates it; check its name, its cluster and the region.")
    return found


def active_service(aws: Aws, cluster: str, name: str) -> Json:
    """The service. Raises ``Refused`` where it or its cluster is not there, or not ACTIVE."""
    return active_services(aws, cluster, [name])[name]


def update_service(aws: Aws, cluster: str, name: str, arn: str, *, force: bool, more: Mapping[str, Any]) -> Json:
    """UpdateService with a task definition and ``more`` of its members; the service as it is then. Repeats nothing."""
    forced = {"forceNewDeployment": True} if force else {}
    answer = aws.once("ecs").update_service(cluster=cluster, service=name, taskDefinition=arn, **forced, **more)
    updated: Json = answer["service"]
    return updated


def run_task(aws: Aws, request: Mapping[str, Any]) -> tuple[Json | None, list[Json]]:
    """The task that RunTask started, or else its ``failures``. Repeats nothing."""
    answer = aws.once("ecs").run_task(**request)
    return next(iter(answer.get("tasks", ())), None), list(answer.get("failures", ()))


def started_by(aws: Aws, cluster: str, family: str, name: str) -> str | None:
    """The ARN of the family's task that was started with this ``startedBy``, running or stopped.

    Not by ListTasks' own filter for it, which goes with no other, and so leaves out stopped tasks.
    """
    for status in ("RUNNING", "STOPPED"):
        arns = _list_tasks(aws.client("ecs"), cluster=cluster, family=family, desiredStatus=status)
        found = (one for one in tasks(aws, cluster, arns) if one.get("startedBy") == name)
        first = next(found, None)
        if first:
            return str(first["taskArn"])
    return None


def task(aws: Aws, cluster: str, arn: str) -> Json | None:
    """The task; ``None`` where ECS does not list it (just after RunTask that passes)."""
    return next(iter(tasks(aws, cluster, [arn])), None)


def stop_task(aws: Aws, cluster: str, arn: str, reason: str) -> None:
    aws.client("ecs").stop_task(cluster=cluster, task=arn, reason=reason)


def tasks(aws: Aws, cluster: str, arns: Sequence[str]) -> list[Json]:
    """The tasks with these ARNs, a hundred a call; what ECS does not list is left out."""
    chunks = (list(arns[start : start + 100]) for start in range(0, len(arns), 100))
    return [
        found
        for chunk in chunks
        for found in aws.once("ecs").describe_tasks(cluster=cluster, tasks=chunk).get("tasks", ())
    ]


def service_task_arns(aws: Aws, cluster: str, name: str, status: str) -> list[str]:
    """The ARNs of the service's tasks with this desired status: ``RUNNING`` or ``STOPPED``."""
    return _list_tasks(aws.once("ecs"), cluster=cluster, serviceName=name, desiredStatus=status)


def _services(client: Client, cluster: str, names: Sequence[str]) -> dict[str, Json]:
    chunks = [list(names[start : start + _SERVICES_A_CALL]) for start in range(0, len(names), _SERVICES_A_CALL)]
    with ThreadPoolExecutor(max_workers=min(5, len(chunks)) or 1) as pool:
        answers = list(pool.map(lambda chunk: client.describe_services(cluster=cluster, services=chunk), chunks))
    found: dict[str, Json] = {}
    for service in (one for answer in answers for one in answer["services"]):
        found |= {str(service["serviceName"]): service, str(service["serviceArn"]): service}
    return {name: found[name] for name in names if name in found}


def _list_tasks(client: Client, **request: str) -> list[str]:
    return [arn for page in pages(client.list_tasks, request) for arn in page["taskArns"]]
