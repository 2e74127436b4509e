"""ECS: the revisions of a family, and what runs of them."""

from __future__ import annotations

from ecs_cd.aws.session import Aws, pages
from ecs_cd.model.references import family as family_of


def active(aws: Aws, family: str) -> list[str]:
    """The ARNs of the family's ACTIVE revisions, the newest first."""
    request = {"familyPrefix": family, "status": "ACTIVE", "sort": "DESC"}
    found = pages(aws.client("ecs").list_task_definitions, request)
    # The documentation says that familyPrefix is a whole family; what we deregister shall not hang on it.
    return [arn for page in found for arn in page["taskDefinitionArns"] if family_of(arn) == family]


def running(aws: Aws, cluster: str, family: str) -> set[str]:
    """The ARNs of the task definitions of the family's tasks in this cluster, whoever started them; tasks that are
    only about to run count, because RUNNING is what ECS wants of them."""
    client = aws.client("ecs")
    request = {"cluster": cluster, "family": family, "desiredStatus": "RUNNING"}
    chunks = [page["taskArns"] for page in pages(client.list_tasks, request)]  # a hundred at most, in both calls
    answers = [client.describe_tasks(cluster=cluster, tasks=arns) for arns in chunks if arns]
    return {str(task["taskDefinitionArn"]) for answer in answers for task in answer["tasks"]}


def deregister(aws: Aws, arn: str) -> None:
    """Makes a revision INACTIVE. Of one that is so already ECS says the same, so that it may be repeated."""
    aws.client("ecs").deregister_task_definition(taskDefinition=arn)
