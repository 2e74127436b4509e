"""How ECS deploys a service, and how long ecs-cd waits for a deployment."""

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
    """A kind of deployment. All but CODE_DEPLOY are values of ``deploymentConfiguration.strategy``."""

    ROLLING = "ROLLING"
    BLUE_GREEN = "BLUE_GREEN"
    LINEAR = "LINEAR"
    CANARY = "CANARY"
    CODE_DEPLOY = "CODE_DEPLOY"


# The order of lifecycleStage in DescribeServiceDeployments. PRE_PRODUCTION_TRAFFIC_SHIFT is only in the documentation
# and among the stages of hooks.
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
    """The point up to which ecs-cd waits for a deployment: the input ``wait-until``.

    ``started``: ECS has accepted it. ``ready``: it waits for a manual decision to shift the traffic. ``deployed``: it
    has succeeded. ``stable``: it has succeeded, and nothing in the service changes any more. Any other goal is the
    name of a stage: a stage in ``STAGES`` is reached when it starts, one in ``LIFECYCLE_EVENTS`` when it succeeds.
    ``through_pauses``: ecs-cd also waits while a deployment is paused, instead of ending with a verdict.
    """

    goal: str = DEPLOYED
    through_pauses: bool = False


def strategy(service: Mapping[str, Any]) -> Strategy:
    """How ECS deploys this service. Raises ``Refused`` for the controller EXTERNAL and for newer AWS values."""
    name = str(service.get("serviceName", ""))
    controller = service.get("deploymentController", {}).get("type", "ECS")
    if controller == "CODE_DEPLOY":
        return Strategy.CODE_DEPLOY
    if controller != "ECS":
        raise Refused(
            f"the service {name} has the deployment controller {controller}",
            "The program that creates its task sets deploys it; ecs-cd deploys services with the controllers ECS and "
            "CODE_DEPLOY.",
        )
    configured = service.get("deploymentConfiguration", {}).get("strategy", Strategy.ROLLING.value)
    try:
        return Strategy(configured)
    except ValueError:
        raise Refused(
            f"the service {name} has the deployment strategy {configured}, which ecs-cd does not know"
        ) from None


def goal(text: str) -> str:
    """The goal that the input ``wait-until`` names, in any spelling: ``bake-time`` is ``BAKE_TIME``.

    Raises ``Refused`` for an unknown name.
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
    """Raises ``Refused`` if a deployment with this strategy never reaches ``goal``."""
    if goal in (STARTED, DEPLOYED, STABLE):
        return
    stages = _stages(strategy)
    if goal not in stages:
        remedy = f"It can be {', '.join((STARTED, DEPLOYED, STABLE, *stages))}."
        raise Refused(f"wait-until: a {strategy.value} deployment, such as that of {service}, has no `{goal}`", remedy)


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
