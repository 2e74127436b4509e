"""CodeDeploy: deployment groups, deployments, and the ECS service that a deployment updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws, Client, pages
from ecs_cd.model.batches import batches
from ecs_cd.model.errors import Refused

Json = dict[str, Any]

DEPLOYMENTS_A_CALL = 25  # the maximum for BatchGetDeployments
_NOT_YET = ("DeploymentNotStartedException", "DeploymentTargetDoesNotExistException")


def deployment_group(aws: Aws, application: str, group: str) -> Json:
    """Returns the deployment group. Raises ``Refused`` if it or its application does not exist."""
    client = aws.client("codedeploy")
    try:
        answer = client.get_deployment_group(applicationName=application, deploymentGroupName=group)
    except ClientError as error:
        missing = {
            "ApplicationDoesNotExistException": ("application", application),
            "DeploymentGroupDoesNotExistException": ("deployment group", f"{group} of application {application}"),
        }.get(code(error))
        if missing is None:
            raise
        raise Refused(
            f"there is no CodeDeploy {missing[0]} {missing[1]} in {aws.region}",
            "The infra repo creates it; the service's `codedeploy` in the document names `application` and "
            "`deployment-group`.",
        ) from error
    found: Json = answer["deploymentGroupInfo"]
    return found


def deployment_config(aws: Aws, name: str) -> Json | None:
    """Returns the deployment configuration, or ``None`` if it does not exist."""
    try:
        answer = aws.client("codedeploy").get_deployment_config(deploymentConfigName=name)
    except ClientError as error:
        if code(error) == "DeploymentConfigDoesNotExistException":
            return None
        raise
    found: Json = answer["deploymentConfigInfo"]
    return found


def deployment_ids(
    aws: Aws, application: str, group: str, *, statuses: Sequence[str] = (), since: datetime | None = None
) -> tuple[list[str], datetime]:
    """Returns the ids of the group's deployments, and the time of the request by AWS's clock. ``statuses`` and
    ``since`` (the creation time) filter the deployments."""
    request: Json = {"applicationName": application, "deploymentGroupName": group}
    if statuses:
        request["includeOnlyStatuses"] = list(statuses)
    if since:
        request["createTimeRange"] = {"start": since}
    answers = list(pages(aws.client("codedeploy").list_deployments, request))
    asked = parsedate_to_datetime(answers[0]["ResponseMetadata"]["HTTPHeaders"]["date"])
    return [name for answer in answers for name in answer["deployments"]], asked


def deployments(aws: Aws, ids: Sequence[str]) -> list[Json]:
    """Returns the deployments with these ids, without those that CodeDeploy does not know."""
    return _deployments(aws.client("codedeploy"), ids)


def look_at_deployments(aws: Aws, ids: Sequence[str]) -> dict[str, Json]:
    """Returns the deployments by id, without missing ones. For polling: 25 per call, no retries."""
    return {str(each["deploymentId"]): each for each in _deployments(aws.once("codedeploy"), ids)}


def ecs_target(aws: Aws, deployment_id: str, target_id: str) -> Json | None:
    """Returns the deployment's lifecycle events and task sets, or ``None`` before it starts. ``target_id`` is
    ``cluster:service``. For polling: no retries."""
    try:
        answer = aws.once("codedeploy").batch_get_deployment_targets(deploymentId=deployment_id, targetIds=[target_id])
    except ClientError as error:
        if code(error) in _NOT_YET:
            return None
        raise
    return next((each["ecsTarget"] for each in answer.get("deploymentTargets", ()) if "ecsTarget" in each), None)


def create(aws: Aws, request: Mapping[str, Any]) -> str:
    """Calls CreateDeployment and returns the new deployment's id. Never retries."""
    return str(aws.once("codedeploy").create_deployment(**request)["deploymentId"])


def stop(aws: Aws, deployment_id: str, *, once: bool = False) -> bool:
    """Stops the deployment and has CodeDeploy roll back. Returns ``False`` if it has already ended. ``once`` turns off
    retries."""
    client = aws.once("codedeploy") if once else aws.client("codedeploy")
    try:
        client.stop_deployment(deploymentId=deployment_id, autoRollbackEnabled=True)
    except ClientError as error:
        if code(error) == "DeploymentAlreadyCompletedException":
            return False
        raise
    return True


def proceed(aws: Aws, deployment_id: str) -> None:
    """Continues a deployment that is Ready, so that CodeDeploy shifts its traffic. Never retries."""
    client = aws.once("codedeploy")
    client.continue_deployment(deploymentId=deployment_id, deploymentWaitType="READY_WAIT")


def _deployments(client: Client, ids: Sequence[str]) -> list[Json]:
    answers = (client.batch_get_deployments(deploymentIds=batch) for batch in batches(ids, DEPLOYMENTS_A_CALL))
    return [found for answer in answers for found in answer.get("deploymentsInfo", ())]
