"""How ECS deploys a service, and how far a deployment is waited for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ecs_cd.model.errors import Refused
from ecs_cd.model.exhaustive import assert_never
from ecs_cd.model.names import closest


class Strategy(str, Enum):
    """A kind of deployment. The native ones are the values of ``deploymentConfiguration.strategy``."""

    ROLLING = "ROLLING"
    BLUE_GREEN = "BLUE_GREEN"
    LINEAR = "LINEAR"
    CANARY = "CANARY"
    CODE_DEPLOY = "CODE_DEPLOY"


# The order of DescribeServiceDeployments' lifecycleStage. PRE_PRODUCTION_TRAFFIC_SHIFT is in the documentation and
# among the stages of hooks only.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
STAGES = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
)
# https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
LIFECYCLE_EVENTS = (
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
)

STARTED, READY, DEPLOYED, STABLE = "started", "ready", "deployed", "stable"


@dataclass(frozen=True)
class Until:
    """How far a deployment is waited for: the input ``wait-until``.

    ``started``: ECS has taken it. ``ready``: it waits for somebody to let the traffic over. ``deployed``: it has
    succeeded. ``stable``: besides, nothing of the service is moving any more. Else the name of a stage: one of
    ``STAGES``, which is reached when it has begun, or of ``LIFECYCLE_EVENTS``, which has to have succeeded.
    ``through_pauses``: a deployment that waits for somebody is waited for, too, instead of being a verdict.
    """

    goal: str = DEPLOYED
    through_pauses: bool = False


def strategy(service: Mapping[str, Any]) -> Strategy:
    """How this service is deployed. Raises ``Refused`` for the controller EXTERNAL, and for what AWS added since."""
    name = str(service.get("serviceName", ""))
    controller = service.get("deploymentController", {}).get("type", "ECS")
    if controller == "CODE_DEPLOY":
        return Strategy.CODE_DEPLOY
    if controller != "ECS":
        raise Refused(
            f"the service {name} has the deployment controller {controller}",
            "Its task sets are moved by the program that made them; ecs-cd deploys ECS and CODE_DEPLOY services.",
        )
    native = service.get("deploymentConfiguration", {}).get("strategy", Strategy.ROLLING.value)
    try:
        return Strategy(native)
    except ValueError:
        raise Refused(f"the service {name} has the deployment strategy {native}, which ecs-cd does not know") from None


def goal(text: str) -> str:
    """The goal that the input ``wait-until`` names, however it is spelt: ``bake-time`` is ``BAKE_TIME``.

    Raises ``Refused`` where there is none of this name.
    """
    known = (STARTED, READY, DEPLOYED, STABLE, *STAGES, *LIFECYCLE_EVENTS)
    found = {_plain(name): name for name in known}.get(_plain(text))
    if found is None:
        raise Refused(
            f"wait-until: there is no `{text}`{closest(text, known)}",
            f"It is {STARTED}, {READY}, {DEPLOYED}, {STABLE}, or a stage: {', '.join((*STAGES, *LIFECYCLE_EVENTS))}.",
        )
    return found


def check(goal: str, strategy: Strategy, service: str) -> None:
    """Raises ``Refused`` where a deployment of this strategy never comes to ``goal``."""
    if goal in (STARTED, DEPLOYED, STABLE):
        return
    stages = _stages(strategy)
    if goal not in stages:
        remedy = f"It can be {', '.join((STARTED, DEPLOYED, STABLE, *stages))}."
        raise Refused(f"wait-until: a {strategy.value} deployment, as of {service}, has no `{goal}`", remedy)


def _stages(strategy: Strategy) -> tuple[str, ...]:
    match strategy:
        case Strategy.ROLLING:
            return ()
        case Strategy.BLUE_GREEN | Strategy.LINEAR | Strategy.CANARY:
            return (READY, *STAGES)
        case Strategy.CODE_DEPLOY:
            return (READY, *LIFECYCLE_EVENTS)
        case _:
            assert_never(strategy)


def _plain(text: str) -> str:
    return re.sub(r"[-_\s]", "", text).lower()
