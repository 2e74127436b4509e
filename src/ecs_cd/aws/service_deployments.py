"""ECS service deployments, and the service revisions that they go to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.session import Aws, Client, code

Json = dict[str, Any]

_A_CALL = 20  # the most that the two Describe calls take
_NOT_THERE = ("ServiceNotFoundException", "ClusterNotFoundException")


def look_at(aws: Aws, arns: Iterable[str]) -> dict[str, Json]:
    """DescribeServiceDeployments' entries by their ARNs, asked once, for polling; what is MISSING is left out."""
    return _described(aws.once("ecs"), arns)


def described(aws: Aws, arns: Iterable[str]) -> dict[str, Json]:
    """The same, asked again where a call fails for a reason that passes."""
    return _described(aws.client("ecs"), arns)


def listed(
    aws: Aws, cluster: str, service: str, *, status: Sequence[str] = (), created_after: datetime | None = None
) -> list[Json]:
    """The service's deployments, the newest first; none where the service is not there.

    ``created_after`` is a time of AWS's own clock, as it stands in its answers.
    """
    client = aws.client("ecs")
    request: Json = {"cluster": cluster, "service": service}
    request |= {"status": list(status)} if status else {}
    request |= {"createdAt": {"after": created_after}} if created_after else {}
    found: list[Json] = []
    while True:
        try:
            page = client.list_service_deployments(**request)
        except ClientError as error:
            if code(error) in _NOT_THERE:
                return []
            raise
        found += page["serviceDeployments"]
        if not page.get("nextToken"):
            return sorted(found, key=lambda one: str(one.get("createdAt", "")), reverse=True)
        request["nextToken"] = page["nextToken"]


def task_definitions(aws: Aws, revisions: Iterable[str]) -> dict[str, str]:
    """The ARNs of the task definitions of service revisions, by the revisions' own."""
    found: dict[str, str] = {}
    for chunk in _chunks(revisions):
        answer = aws.client("ecs").describe_service_revisions(serviceRevisionArns=chunk)
        found |= {str(one["serviceRevisionArn"]): str(one["taskDefinition"]) for one in answer["serviceRevisions"]}
    return found


def roll_back(aws: Aws, arn: str) -> None:
    """StopServiceDeployment, back to the revision of before. Repeats nothing."""
    aws.once("ecs").stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")


def proceed(aws: Aws, arn: str, hook: str, action: str) -> None:
    """ContinueServiceDeployment at this hook: ``CONTINUE`` or ``ROLLBACK``. Repeats nothing."""
    aws.once("ecs").continue_service_deployment(serviceDeploymentArn=arn, hookId=hook, action=action)


def _described(client: Client, arns: Iterable[str]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for chunk in _chunks(arns):
        answer = client.describe_service_deployments(serviceDeploymentArns=chunk)
        found |= {str(one["serviceDeploymentArn"]): one for one in answer.get("serviceDeployments", ())}
    return found


def _chunks(arns: Iterable[str]) -> list[list[str]]:
    distinct = list(dict.fromkeys(arns))
    return [distinct[start : start + _A_CALL] for start in range(0, len(distinct), _A_CALL)]
