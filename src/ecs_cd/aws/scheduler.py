"""EventBridge Scheduler: schedules."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Refused

Json = dict[str, Any]


def schedule(aws: Aws, name: str, group: str) -> Json:
    """Returns GetSchedule's response. Raises ``Refused`` if the schedule or its group does not exist."""
    try:
        answer: Json = aws.client("scheduler").get_schedule(Name=name, GroupName=group)
        return answer
    except ClientError as error:
        if code(error) == "ResourceNotFoundException":
            raise Refused(
                f"there is no EventBridge Scheduler schedule {name} in the group {group} in {aws.region}",
                "The infra repo creates it; check `scheduled-tasks` in the document.",
            ) from error
        raise


def shape(aws: Aws) -> Any:
    """Returns botocore's shape of UpdateSchedule's input."""
    return aws.client("scheduler").meta.service_model.operation_model("UpdateSchedule").input_shape


def update(aws: Aws, request: Json) -> None:
    """Replaces the schedule with this one. Never retries."""
    aws.once("scheduler").update_schedule(**request)
