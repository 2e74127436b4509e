"""How a service is deployed, and how far it is waited for."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from ecs_cd.model import lifecycle
from ecs_cd.model.errors import Refused
from ecs_cd.model.lifecycle import LIFECYCLE_EVENTS, STAGES, Strategy

ECS: Any = ServiceModel(Loader().load_service_model("ecs", "service-2"))


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({}, Strategy.ROLLING),
        ({"deploymentController": {"type": "ECS"}}, Strategy.ROLLING),
        ({"deploymentConfiguration": {}}, Strategy.ROLLING),
        ({"deploymentConfiguration": {"strategy": "BLUE_GREEN"}}, Strategy.BLUE_GREEN),
        ({"deploymentConfiguration": {"strategy": "LINEAR"}}, Strategy.LINEAR),
        ({"deploymentConfiguration": {"strategy": "CANARY"}}, Strategy.CANARY),
        ({"deploymentController": {"type": "CODE_DEPLOY"}}, Strategy.CODE_DEPLOY),
        ({"deploymentController": {"type": "EXTERNAL"}}, "has the deployment controller EXTERNAL"),
        ({"deploymentConfiguration": {"strategy": "TELEPORT"}}, "has the deployment strategy TELEPORT"),
    ],
)
def test_the_service_says_how_it_is_deployed(extra: dict[str, Any], expected: Strategy | str) -> None:
    """The controller first, then ECS's own strategy; an unsupported value is refused by its name."""
    service = {"serviceName": "web", **extra}
    if isinstance(expected, Strategy):
        assert lifecycle.strategy(service) is expected
    else:
        with pytest.raises(Refused, match=expected):
            lifecycle.strategy(service)


def test_every_strategy_and_controller_of_ecs_is_known() -> None:
    """An upgrade of botocore that brings another is noticed here."""
    assert set(ECS.shape_for("DeploymentStrategy").enum) == {each.value for each in Strategy} - {"CODE_DEPLOY"}
    assert set(ECS.shape_for("DeploymentControllerType").enum) == {"ECS", "CODE_DEPLOY", "EXTERNAL"}


def test_every_stage_of_ecs_has_its_place() -> None:
    """Those of a service deployment and those of its hooks."""
    hooks = ECS.shape_for("DeploymentLifecycleHookStageList").member.enum
    stages = ECS.shape_for("ServiceDeploymentLifecycleStage").enum
    assert set(STAGES) == set(stages) | set(hooks)
    assert [stage for stage in STAGES if stage in stages] == list(stages)


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("started", "started"),
        ("Deployed", "deployed"),
        ("BAKE_TIME", "BAKE_TIME"),
        ("bake-time", "BAKE_TIME"),
        ("after-allow-traffic", "AfterAllowTraffic"),
        ("AfterAllowTraffic", "AfterAllowTraffic"),
    ],
)
def test_a_goal_may_be_spelt_as_people_spell(text: str, goal: str) -> None:
    """Case, hyphens and underscores don't matter."""
    assert lifecycle.goal(text) == goal


def test_a_goal_that_is_none_is_refused_with_those_that_are() -> None:
    """With the nearest one."""
    with pytest.raises(Refused, match="did you mean `BAKE_TIME`") as refused:
        lifecycle.goal("BAKE_TIMES")
    assert "AfterAllowTraffic" in refused.value.remedy


@pytest.mark.parametrize("kind", list(Strategy))
def test_a_goal_has_to_be_one_that_the_strategy_comes_to(kind: Strategy) -> None:
    """A rolling update has no stages, CodeDeploy has none of ECS's stages, and ECS none of CodeDeploy's."""
    own = {Strategy.ROLLING: (), Strategy.CODE_DEPLOY: ("ready", *LIFECYCLE_EVENTS)}.get(kind, ("ready", *STAGES))
    for goal in ("started", "ready", "deployed", "stable", *STAGES, *LIFECYCLE_EVENTS):
        if goal in ("started", "deployed", "stable", *own):
            lifecycle.check(goal, kind, "web")
        else:
            with pytest.raises(Refused, match=f"has no `{goal}`"):
                lifecycle.check(goal, kind, "web")
