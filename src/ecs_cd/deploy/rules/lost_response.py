"""What AWS shows after the response to a call that starts or stops a deployment was lost."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ecs_cd.deploy.rules import codedeploy, rolling, standing
from ecs_cd.deploy.rules.blue_green import FORWARD
from ecs_cd.model.references import short

Service = Mapping[str, Any]


def started(before: Service, now: Service, arn: str) -> Mapping[str, Any]:
    """The deployment to ``arn`` that began since ``before``, even if another one has replaced it; empty without one."""
    current = rolling.primary(now)
    if current.get("taskDefinition") == arn:
        return current if current.get("id") != rolling.primary(before).get("id") else {}
    known = {each.get("id") for each in before.get("deployments", ())}
    found = (each for each in now.get("deployments", ()) if each.get("taskDefinition") == arn)
    return next((each for each in found if each.get("id") not in known), {})


def overtaken_by(before: Service, now: Service, arn: str) -> str:
    """The PRIMARY, in words, if it is neither the one of ``before`` nor to ``arn``; empty otherwise."""
    theirs = rolling.primary(now)
    if theirs.get("taskDefinition") == arn or theirs.get("id") == rolling.primary(before).get("id"):
        return ""
    return standing.words(theirs)


def listed(found: Sequence[tuple[Mapping[str, Any], str]], arn: str, since: Any) -> Mapping[str, Any]:
    """Ours among these service deployments and their task definitions, newest first, in the form of DescribeServices.

    Ours was created after ``since``, a time of AWS's clock.
    """
    for deployment, target in found:
        created_at = deployment.get("createdAt")
        if target == arn and created_at and created_at > since:
            name = short(str(deployment["serviceDeploymentArn"]))
            return {"id": name, "status": "ACTIVE", "taskDefinition": arn, "createdAt": created_at}
    return {}


def created(info: Mapping[str, Any], arn: str, sha256: str) -> bool:
    """Whether a CodeDeploy deployment is to ``arn`` or, if its AppSpec's text is missing, has our AppSpec's SHA-256."""
    stated = info.get("revision", {}).get("appSpecContent", {}).get("sha256")
    return codedeploy.deploys(info) == arn or stated == sha256


def active_deployment(message: str) -> list[str]:
    """The id in DeploymentLimitExceededException's message: ``already has an active Deployment 'd-ABCDEF123'``."""
    return re.findall(r"'(d-[A-Z0-9]+)'", message)[-1:]


def stopped(status: str) -> bool | None:
    """Whether StopDeployment stopped the deployment, by its status now; ``None`` while it is under way."""
    return None if status in codedeploy.UNDER_WAY else status == "Stopped"


def goes_back(status: str) -> bool | None:
    """Whether a service deployment with this status is rolled back; ``None`` while ECS shows neither."""
    if status in ("", *FORWARD):
        return None
    return status == "STOP_REQUESTED" or status.startswith("ROLLBACK")
