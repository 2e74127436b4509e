"""What a service must be to be deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ecs_cd.document.rules.document import CodeDeploy, Service
from ecs_cd.model import lifecycle
from ecs_cd.model.errors import Refused
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.verify.rules import ending
from ecs_cd.verify.rules.finding import Finding, ok, wrong

Json = Mapping[str, Any]

SERVICE, EXPRESS, CODEDEPLOY = "service", "express-mode", "codedeploy"
_OWNER = "The infra repo creates it; check its name, its cluster and the region."


def strategy(service: Json) -> Strategy | None:
    """How it is deployed; ``None`` if ecs-cd can't deploy it."""
    try:
        return lifecycle.strategy(service)
    except Refused:
        return None


def check(subject: str, entry: Service, cluster: str, service: Json | None) -> Iterator[Finding]:
    """``service`` is as ECS lists it, or ``None`` if it does not."""
    if service is None or service.get("status") != "ACTIVE":
        state = f"is {service.get('status')}" if service else "is not there"
        yield wrong(subject, SERVICE, f"the ECS service {entry.name} of cluster {cluster} {state}", _OWNER)
        return
    try:
        found = lifecycle.strategy(service)
    except Refused as refused:
        yield wrong(subject, SERVICE, refused.problems[0], refused.remedy)
        return
    yield ok(subject, SERVICE, f"{cluster}/{entry.name} is ACTIVE; deployments are {found.value}")
    if found is Strategy.CODE_DEPLOY:
        return
    if service.get("resourceManagementType") == "ECS":
        words = (
            "ECS Express Mode manages its load balancer, scaling and alarms; ecs-cd changes only its task definition"
        )
        yield ok(subject, EXPRESS, words)
    yield from ending.check(subject, service, found)
    if entry.codedeploy != CodeDeploy():
        words = f"{entry.path}.codedeploy has no effect: the service's deployment controller is ECS"
        remedy = "Remove it from the document, or change the deployment controller in the infra repo."
        yield wrong(subject, CODEDEPLOY, words, remedy)
