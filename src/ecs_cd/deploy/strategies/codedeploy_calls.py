"""CodeDeploy's mutations. After a lost response, ecs-cd looks before it repeats the call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from ecs_cd.aws import codedeploy
from ecs_cd.aws.codedeploy import Json
from ecs_cd.aws.errors import code
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules import appspec, lost_response
from ecs_cd.deploy.strategies.busy import Busy, BusyWithAnother
from ecs_cd.document.rules.document import CodeDeploy
from ecs_cd.job.job import Job
from ecs_cd.job.mutation import carry_out, refused_with
from ecs_cd.model.errors import OutcomeUnknown, Refused

_MARGIN = timedelta(seconds=5)  # by which CodeDeploy's clocks may differ
_NO_LONGER_WAITS = ("DeploymentIsNotInReadyStateException", "DeploymentAlreadyCompletedException")


def create(job: Job, plan: DeploymentPlan, arn: str, names: CodeDeploy, asked: datetime) -> str:
    """The id of the new deployment. ``asked`` is a time before it, by AWS's clock.

    Raises ``Busy`` if another deployment of the deployment group is running.
    """
    request, sha256 = _request(plan, arn, names)

    def ours(found: Sequence[Json]) -> str | None:
        return next((str(each["deploymentId"]) for each in found if lost_response.created(each, arn, sha256)), None)

    def find_ours() -> str | None:
        """A deployment created since we asked. If CodeDeploy lists it late, the response to the next call names it."""
        ids, _ = codedeploy.deployment_ids(job.aws, names.application, names.deployment_group, since=asked - _MARGIN)
        return ours(codedeploy.deployments(job.aws, ids))

    def call() -> str:
        try:
            return codedeploy.create(job.aws, request)
        except ClientError as error:
            if code(error) != "DeploymentLimitExceededException":
                raise
            said = str(error.response["Error"].get("Message", "")) or code(error)
            active = codedeploy.deployments(job.aws, lost_response.active_deployment(said))
            found = ours(active) or find_ours()
            if found:  # an earlier call started it, and its response was lost
                return found
            problem = f"CodeDeploy accepts no deployment of {plan.name} at the moment: {said}"
            busy = BusyWithAnother if active else Busy
            raise busy(problem, "Wait until the running deployment ends, or stop it.") from error

    return carry_out("CreateDeployment", call, find_ours, job)


def _request(plan: DeploymentPlan, arn: str, names: CodeDeploy) -> tuple[Json, str]:
    """CreateDeployment's parameters, and the SHA-256 of its AppSpec."""
    template = plan.appspec or appspec.of_service(plan.service)
    content, sha256 = appspec.content(appspec.with_task_definition(template, arn))
    optional = {"deploymentConfigName": names.deployment_config, "description": names.description}
    request: Json = {
        "applicationName": names.application,
        "deploymentGroupName": names.deployment_group,
        "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": content, "sha256": sha256}},
        **{name: value for name, value in optional.items() if value},
    }
    return request, sha256


def roll_back(job: Job, name: str) -> bool:
    """Stops a deployment and lets CodeDeploy roll it back; ``False`` if it has already ended."""

    def find_stopped() -> bool | None:
        return lost_response.stopped(_status(job, name))

    return carry_out("StopDeployment", lambda: codedeploy.stop(job.aws, name, once=True), find_stopped, job)


def proceed(job: Job, name: str) -> None:
    """Lets the traffic of a Ready deployment move. Raises ``Refused`` if it is not Ready."""

    def call() -> bool:
        codedeploy.proceed(job.aws, name)
        return True

    def find_continued() -> bool | None:
        return None if _status(job, name) == "Ready" else True

    try:
        carry_out("ContinueDeployment", call, find_continued, job)
    except (ClientError, OutcomeUnknown) as error:
        if refused_with(error) not in _NO_LONGER_WAITS:
            raise
        if isinstance(error, ClientError):  # otherwise, the call whose response was lost has continued it
            raise Refused(f"deployment {name} is {_status(job, name)}, not waiting for an approval") from error


def _status(job: Job, name: str) -> str:
    return str(next((each.get("status") for each in codedeploy.deployments(job.aws, [name])), "not found"))
