"""ECS service deployments, and the service revisions that they deploy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws, Client, pages
from ecs_cd.model.batches import batches

Json = dict[str, Any]

_A_CALL = 20  # the maximum for both Describe calls
_NOT_THERE = ("ServiceNotFoundException", "ClusterNotFoundException")


def look_at(aws: Aws, arns: Iterable[str]) -> dict[str, Json]:
    """Returns DescribeServiceDeployments' entries by ARN, without MISSING ones. For polling: no retries."""
    return _described(aws.once("ecs"), arns)


def described(aws: Aws, arns: Iterable[str]) -> dict[str, Json]:
    """Returns the same as ``look_at``, but retries transient errors."""
    return _described(aws.client("ecs"), arns)


def listed(
    aws: Aws,
    cluster: str,
    service: str,
    *,
    status: Sequence[str] = (),
    created_after: datetime | None = None,
    polling: bool = False,
) -> list[Json]:
    """Returns the service's deployments, newest first; empty if the service does not exist.

    ``created_after`` is a time by AWS's clock, from an AWS response. ``polling`` turns off retries.
    """
    client = aws.once("ecs") if polling else aws.client("ecs")
    request: Json = {"cluster": cluster, "service": service, **({"status": list(status)} if status else {})}
    try:
        found = _listed(client, request | ({"createdAt": {"after": created_after}} if created_after else {}))
    except ClientError as error:
        if code(error) in _NOT_THERE:
            return []
        # AWS refuses a time more than three months ago, and keeps no deployments from before it.
        # https://github.com/hashicorp/terraform-provider-aws/pull/43502
        if not created_after or code(error) != "InvalidParameterException":
            raise
        found = _listed(client, request)
    return sorted(found, key=lambda deployment: str(deployment.get("createdAt", "")), reverse=True)


def with_targets(aws: Aws, found: Sequence[Json], *, polling: bool = False) -> list[tuple[Json, str]]:
    """Pairs each of the ``listed`` with the ARN of the task definition that it deploys; empty if unknown."""
    revisions = [str(deployment.get("targetServiceRevisionArn", "")) for deployment in found]
    known = task_definitions(aws, filter(None, revisions), polling=polling)
    return [(deployment, known.get(revision, "")) for deployment, revision in zip(found, revisions, strict=True)]


def task_definitions(aws: Aws, revisions: Iterable[str], *, polling: bool = False) -> dict[str, str]:
    """Returns the task definition ARNs of service revisions, by revision ARN. ``polling`` turns off retries."""
    client = aws.once("ecs") if polling else aws.client("ecs")
    found: dict[str, str] = {}
    for batch in batches(list(dict.fromkeys(revisions)), _A_CALL):
        answer = client.describe_service_revisions(serviceRevisionArns=batch)
        found |= {
            str(revision["serviceRevisionArn"]): str(revision["taskDefinition"])
            for revision in answer["serviceRevisions"]
        }
    return found


def roll_back(aws: Aws, arn: str) -> None:
    """Calls StopServiceDeployment to roll back to the previous revision. Never retries."""
    aws.once("ecs").stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")


def proceed(aws: Aws, arn: str, hook: str, action: str) -> None:
    """Calls ContinueServiceDeployment for this hook: ``CONTINUE`` or ``ROLLBACK``. Never retries."""
    aws.once("ecs").continue_service_deployment(serviceDeploymentArn=arn, hookId=hook, action=action)


def _listed(client: Client, request: Json) -> list[Json]:
    found = pages(client.list_service_deployments, request)
    return [deployment for page in found for deployment in page["serviceDeployments"]]


def _described(client: Client, arns: Iterable[str]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for batch in batches(list(dict.fromkeys(arns)), _A_CALL):
        answer = client.describe_service_deployments(serviceDeploymentArns=batch)
        found |= {
            str(deployment["serviceDeploymentArn"]): deployment for deployment in answer.get("serviceDeployments", ())
        }
    return found
