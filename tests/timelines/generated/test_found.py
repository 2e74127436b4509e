"""Timelines in which the generator once found a fault, as scenarios of their own: a seed may mean another one later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.scripted_aws import ecs

from .faults import Faults
from .oracle import complaints
from .run import play
from .scenario import Event, Scenario
from .world import Course

_BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
_NONE = {"deploymentCircuitBreaker": {"enable": False, "rollback": False}}
_DIES = Course(deaths=1000)


def scenario(strategy: str, inputs: dict[str, str] | None = None, **more: Any) -> Scenario:
    given = {"on-conflict": "wait", "deployment-timeout": "90s", **(inputs or {})}
    return Scenario(1, strategy, "deploy", given, **{"configuration": _BREAKER, "digest": ecs.DIGEST, **more})


@pytest.mark.parametrize(
    ("played", "result"),
    [
        pytest.param(
            scenario("ROLLING", ours=_DIES, lags={"ecs.DescribeServices": 20}),
            "rolled-back",
            id="a service that still looks as before is not the end of the rollback",
        ),
        pytest.param(
            scenario(
                "ROLLING",
                theirs=Course(start=1, deaths=1000, dies="unhealthy"),
                events=(Event("deploys", "begun", 0.5),),
                lags={"ecs.ListServiceDeployments": 40},
            ),
            "superseded",
            id="the rollback of what replaced ours is not ours",
        ),
        pytest.param(
            scenario("BLUE_GREEN", before="under way", lags={"ecs.ListServiceDeployments": 20}),
            "succeeded",
            id="a deployment that ECS lists late is a conflict",
        ),
        pytest.param(
            scenario(
                "CODE_DEPLOY",
                {"on-failure": "rollback"},
                configuration=_NONE,
                fails_at="AfterAllowTraffic",  # also on the way back
                lags={"ecs.DescribeServices": 20},
            ),
            "rollback-failed",
            id="a service that still looks as before is no way back",
        ),
        pytest.param(
            scenario(
                "CODE_DEPLOY",
                before="under way",
                lags={"codedeploy.ListDeployments": 20},
                faults=Faults(fails={"codedeploy.CreateDeployment": (2, "late 5xx")}),
            ),
            "succeeded",
            id="a lost refusal is no deployment",
        ),
        pytest.param(
            scenario(
                "CODE_DEPLOY",
                ours=Course(start=6, deaths=2, dies="later", lives=1),
                lags={"ecs.ListTasks": 8, "ecs.DescribeTasks": 8},
            ),
            "succeeded",
            id="a listed task that ECS no longer counts proves nothing yet",
        ),
        pytest.param(
            scenario(
                "BLUE_GREEN",
                configuration=_NONE,
                ours=Course(start=3, deaths=1000, dies="unhealthy"),
                events=(Event("deploys ours again", "start", 2), Event("deploys", "start", 13)),
                lags={"ecs.ListServiceDeployments": 20},
            ),
            "superseded",
            id="what took over has been replaced, too",
        ),
        pytest.param(
            scenario("ROLLING", ours=Course(start=6), events=(Event("scales to 0", "begun", 1),)),
            "superseded",
            id="what never ran is not green",
        ),
        pytest.param(
            scenario("ROLLING", lags={"ecs.ListTasks": 40}),
            "succeeded",
            id="a list of tasks may lag for a while",
        ),
        pytest.param(
            scenario("ROLLING", {"on-failure": "rollback"}, events=(Event("deploys", "completed", 2),)),
            "succeeded",
            id="what replaces ours after its success is left alone",
        ),
        pytest.param(
            scenario("BLUE_GREEN", events=(Event("forces", "begun", 0),)),
            "succeeded",
            id="of two deployments of our revision, ours is the one that came with our call",
        ),
        pytest.param(
            scenario(
                "BLUE_GREEN",
                events=(Event("deploys ours again", "begun", 2), Event("deploys", "begun", 13)),
                lags={"ecs.DescribeServices": 20, "ecs.ListServiceDeployments": 20},
            ),
            "superseded",
            id="what replaced the deployment that took over is listed late, too",
        ),
        pytest.param(
            scenario(
                "BLUE_GREEN",
                events=(Event("deploys", "begun", 0), Event("deletes", "begun", 1)),
                faults=Faults(fails={"ecs.UpdateService": (1, "lost")}),
            ),
            "gone",
            id="a service that is deleted after a lost response takes our deployment along",
        ),
    ],
)
def test_what_was_found(played: Scenario, result: str, tmp_path: Path) -> None:
    """The oracle has no complaint, and the result is the right one."""
    ended = play(played, tmp_path)
    assert not complaints(ended), ended.log
    assert ended.outputs["result"] == result, ended.log
