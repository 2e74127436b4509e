"""Mutations of ECS's service deployments. After a lost response, ecs-cd looks before it repeats the call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws import service_deployments
from ecs_cd.aws.ecs import Json
from ecs_cd.aws.session import Aws
from ecs_cd.deploy.rules import blue_green, lost_response
from ecs_cd.deploy.rules.blue_green import FORWARD
from ecs_cd.job.job import Job
from ecs_cd.job.mutation import carry_out, refused_with
from ecs_cd.model.errors import OutcomeUnknown

ENDED = ("ConflictException", "ServiceDeploymentNotFoundException")  # StopServiceDeployment's
_NO_LONGER_WAITS = ("ClientException", "InvalidParameterException", *ENDED)  # ContinueServiceDeployment's


def take_back(job: Job, deployment: Mapping[str, Any]) -> bool:
    """Lets ECS roll back a running service deployment; whether ECS does, since the deployment may have ended by now."""
    arn, hook = str(deployment["serviceDeploymentArn"]), blue_green.paused_at(deployment)
    if status(deployment) not in FORWARD:
        return True
    try:
        now = proceed(job, arn, str(hook["hookId"]), "ROLLBACK") if hook else deployment
    except ClientError as error:
        if refused_with(error) not in _NO_LONGER_WAITS:
            raise
        now = deployment
    return not now or bool(lost_response.goes_back(status(now))) or _roll_back(job, arn)


def proceed(job: Job, arn: str, hook: str, action: str) -> Json:
    """Continues a paused service deployment (``CONTINUE``) or rolls it back (``ROLLBACK``), once.

    After a lost response, returns the service deployment, which no longer waits at this hook; otherwise nothing.
    """

    def call() -> Json:
        service_deployments.proceed(job.aws, arn, hook, action)
        return {}

    def find_resumed() -> Json | None:
        now = described(job.aws, arn)
        waits = blue_green.paused_at(now)
        return None if not now or (waits and waits.get("hookId") == hook) else now

    try:
        return carry_out("ContinueServiceDeployment", call, find_resumed, job)
    except OutcomeUnknown as unknown:
        if refused_with(unknown) not in _NO_LONGER_WAITS:
            raise
        return described(job.aws, arn)  # the call whose response was lost has ended the pause


def _roll_back(job: Job, arn: str) -> bool:
    """Whether ECS rolls it back."""

    def call() -> bool:
        service_deployments.roll_back(job.aws, arn)
        return True

    def find_ended() -> bool | None:
        return lost_response.goes_back(status(described(job.aws, arn)))

    try:
        return carry_out("StopServiceDeployment", call, find_ended, job)
    except (ClientError, OutcomeUnknown) as error:
        if refused_with(error) not in ENDED:
            raise
        return isinstance(error, OutcomeUnknown) and bool(find_ended())


def described(aws: Aws, arn: str) -> Json:
    """Empty if ECS has no service deployment of this name, or if our deployment has no ARN."""
    return service_deployments.described(aws, [arn]).get(arn, {}) if arn.startswith("arn:") else {}


def status(deployment: Mapping[str, Any] | None) -> str:
    """Its status; empty without one."""
    return str((deployment or {}).get("status", ""))
