"""A deployment of a service that has not ended, whichever run started it, and how AWS takes it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.deploy.rules import blue_green, codedeploy, history, rolling, standing
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.model.references import short


@dataclass(frozen=True)
class Unfinished:
    """``words``: its name and state. ``returns_to``: the revisions to which AWS itself can roll it back, the likely
    one first; a rolling update has none. ``back_to``: the revision to which AWS is rolling it back already."""

    own: OwnDeployment
    words: str
    returns_to: tuple[str, ...] = ()
    back_to: str = ""


def of_service(strategy: Strategy, service: Mapping[str, Any]) -> Unfinished | None:
    """The PRIMARY deployment that ECS has not completed and not given up."""
    current = rolling.primary(service)
    if not current or rolling.state(current, service) != "IN_PROGRESS":
        return None
    name, arn = str(current["id"]), str(current["taskDefinition"])
    own = OwnDeployment(strategy, name, arn, started_by=name, created_at=current.get("createdAt"))
    back_to = arn if rolling.is_rollback(current) else ""
    return Unfinished(own, f"{standing.words(current)} is IN_PROGRESS", back_to=back_to)


def still_serving(service: Mapping[str, Any]) -> str | None:
    """What still runs of what had COMPLETED before the PRIMARY deployment, while that one has not."""
    completed = rolling.state(rolling.primary(service), service) == "COMPLETED"
    return None if completed else standing.serving(service)


def revisions(deployment: Mapping[str, Any]) -> tuple[str, ...]:
    """The service revisions of a service deployment: its target, and those that it replaces."""
    target, sources = deployment.get("targetServiceRevision", {}), deployment.get("sourceServiceRevisions", ())
    back = deployment.get("rollback", {}).get("serviceRevisionArn", "")
    return tuple(str(arn) for arn in (target.get("arn", ""), *(each["arn"] for each in sources), back))


def of_service_deployment(
    strategy: Strategy, deployment: Mapping[str, Any], task_definitions: Mapping[str, str]
) -> Unfinished:
    """A service deployment that has not ended. ``task_definitions`` are those of its service revisions, by ARN."""
    target, *sources, back = (task_definitions.get(arn, "") for arn in revisions(deployment))
    returns_to = tuple(filter(None, sources))
    name, status = str(deployment["serviceDeploymentArn"]), str(deployment["status"])
    stage = deployment.get("lifecycleStage")
    words = f"service deployment {short(name)} ({short(target)}) is {status}{f' at {stage}' if stage else ''}"
    back_to = "" if status in blue_green.FORWARD else back or next(iter(returns_to), "")
    own = OwnDeployment(strategy, name, target, next(iter(returns_to), None))
    return Unfinished(own, words, returns_to, back_to)


def of_codedeploy(info: Mapping[str, Any], service: Mapping[str, Any]) -> Unfinished:
    """A deployment of the service's deployment group that has not ended."""
    name, arn = str(info["deploymentId"]), history.brings(info, service)
    old = _replaced(name, arn, service)
    words = f"{codedeploy.words(info)} is {info.get('status')}"
    is_rollback = bool(info.get("rollbackInfo", {}).get("rollbackTriggeringDeploymentId"))
    is_rollback = is_rollback or info.get("creator") == "codeDeployRollback"
    own = OwnDeployment(Strategy.CODE_DEPLOY, name, arn, old or None)
    return Unfinished(own, words, (old,) if old else (), back_to=arn if is_rollback else "")


def _replaced(name: str, arn: str, service: Mapping[str, Any]) -> str:
    """What runs beside this deployment's own task set; with the traffic first."""
    sets = sorted(service.get("taskSets", ()), key=lambda each: each.get("status") != "PRIMARY")
    others = [each for each in sets if each.get("externalId") != name]
    unlike = [each for each in others if each.get("taskDefinition") != arn] or others
    return str(unlike[0]["taskDefinition"]) if unlike else ""
