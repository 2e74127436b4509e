"""What CodeDeploy would refuse, checked first: the AppSpec, the deployment group and its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecs_cd.aws import codedeploy, s3
from ecs_cd.deploy.rules import appspec
from ecs_cd.deploy.rules.codedeploy import target_id
from ecs_cd.document.rules.document import CodeDeploy
from ecs_cd.job.job import Job
from ecs_cd.job.workspace import read_file
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import S3Object, WorkspaceFile


def read_appspec(
    job: Job, service: Mapping[str, Any], source: S3Object | WorkspaceFile | None, definition: Mapping[str, Any]
) -> appspec.AppSpec | None:
    """The AppSpec that the document names; ``None`` without one. Raises ``Refused`` if it does not fit."""
    if source is None:
        appspec.check(appspec.of_service(service), definition, where=f"the service {service['serviceName']}")
        return None
    text = s3.text(job.aws, source) if isinstance(source, S3Object) else read_file(source.path, what="the appspec")
    found = appspec.read(text, where=str(source))
    appspec.check(found, definition, where=str(source))
    dropped = appspec.dropped_capacity_providers(found, service)
    if dropped:
        job.ci.warning(
            f"the appspec in {source} has no CapacityProviderStrategy: CodeDeploy drops the service's "
            f"({', '.join(dropped)}). Add it, or leave the appspec out."
        )
    return found


def check_group(job: Job, wanted: str, names: CodeDeploy) -> None:
    """Checks the group, and that its deployments can be read: without that, ecs-cd could not follow them."""
    group = codedeploy.deployment_group(job.aws, names.application, names.deployment_group)
    what = f"the CodeDeploy deployment group {names.deployment_group} of application {names.application}"
    platform = group.get("computePlatform", "ECS")
    if platform != "ECS":
        raise Refused(f"{what} deploys to {platform}, not to ECS")
    theirs = [target_id(each["clusterName"], each["serviceName"]) for each in group.get("ecsServices", ())]
    if wanted not in theirs:
        raise Refused(
            f"{what} deploys {', '.join(theirs) or 'no service'}, not {wanted}",
            "Name it in the service's `codedeploy` in the document, or without a document in the inputs "
            "codedeploy-application and codedeploy-deployment-group.",
        )
    last = group.get("lastAttemptedDeployment", {}).get("deploymentId")
    codedeploy.deployments(job.aws, [last] if last else [])


def check_config(job: Job, name: str) -> None:
    """Raises ``Refused`` unless the deployment configuration exists and is for ECS."""
    if not name:
        return
    found = codedeploy.deployment_config(job.aws, name)
    if found is None or found.get("computePlatform", "ECS") != "ECS":
        state = f"is for {found['computePlatform']}" if found else "does not exist"
        remedy = "AWS's own begin with `CodeDeployDefault.ECS`; create others in the infra repository."
        raise Refused(f"the CodeDeploy deployment configuration {name} {state}", remedy)
