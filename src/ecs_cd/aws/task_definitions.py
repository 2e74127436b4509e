"""ECS: the revisions of a family, and which of them are running."""

from __future__ import annotations

from ecs_cd.aws.session import Aws, pages
from ecs_cd.model import references


def active(aws: Aws, family: str) -> list[str]:
    """Returns the ARNs of the family's ACTIVE revisions, newest first."""
    request = {"familyPrefix": family, "status": "ACTIVE", "sort": "DESC"}
    found = pages(aws.client("ecs").list_task_definitions, request)
    # The documentation says that familyPrefix is a whole family; deregistering must not rely on that.
    return [arn for page in found for arn in page["taskDefinitionArns"] if references.family(arn) == family]


def running(aws: Aws, cluster: str, family: str) -> set[str]:
    """Returns the task definition ARNs of all the family's tasks in this cluster, whatever started them. Tasks that are
    still starting count: their desired status is RUNNING."""
    client = aws.client("ecs")
    request = {"cluster": cluster, "family": family, "desiredStatus": "RUNNING"}
    chunks = [page["taskArns"] for page in pages(client.list_tasks, request)]  # at most 100, in both calls
    answers = [client.describe_tasks(cluster=cluster, tasks=arns) for arns in chunks if arns]
    return {str(task["taskDefinitionArn"]) for answer in answers for task in answer["tasks"]}


def deregister(aws: Aws, arn: str) -> None:
    """Makes a revision INACTIVE. Safe to retry: ECS returns the same for an inactive revision."""
    aws.client("ecs").deregister_task_definition(taskDefinition=arn)
