"""Actions of docs/reference/permissions.md that a verb calls only when something goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.timelines import permissions
from tests.timelines.generated.answers import CHILD
from tests.timelines.generated.blue_green import Hook
from tests.timelines.generated.run import play
from tests.timelines.generated.scenario import Event, Scenario
from tests.timelines.generated.world import Course

_BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
_ALARMS = {**_BREAKER, "alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True}}
_PAUSE = Hook("POST_TEST_TRAFFIC_SHIFT", pauses=600)
_CONTINUED: dict[str, Any] = {"verb": "continue", "before": "ours paused", "hook": _PAUSE, "digest": CHILD, "bake": 15}
_BACK: dict[str, Any] = {"verb": "rollback", "before": "ours"}


def scenario(strategy: str, **more: Any) -> Scenario:
    return Scenario(1, strategy, **{"inputs": {"deployment-timeout": "90s"}, "configuration": _BREAKER, **more})


def alarm(when: str) -> dict[str, Any]:
    return {"configuration": _ALARMS, "events": (Event("alarm", when, 5),)}


PROOF = scenario("BLUE_GREEN", **_CONTINUED)
CONTINUED_INTO_AN_ALARM = scenario("BLUE_GREEN", **_CONTINUED, **alarm("start"))
CONTINUED_AND_DIES = scenario("BLUE_GREEN", **_CONTINUED, ours=Course(deaths=1000, dies="later", lives=60))
BACK_INTO_AN_ALARM = scenario("BLUE_GREEN", **_BACK, **alarm("begun"))
BACK_BESIDE_OLD_TASKS = scenario("ROLLING", **_BACK, back=Course(drains=250), inputs={"deployment-timeout": "240s"})


@pytest.mark.parametrize(
    ("played", "action"),
    [
        (PROOF, "ecr:BatchGetImage"),
        (CONTINUED_AND_DIES, "logs:GetLogEvents"),
        (CONTINUED_INTO_AN_ALARM, "cloudwatch:DescribeAlarms"),
        (CONTINUED_INTO_AN_ALARM, "elasticloadbalancing:DescribeTargetHealth"),
        (BACK_INTO_AN_ALARM, "cloudwatch:DescribeAlarms"),
        (BACK_INTO_AN_ALARM, "elasticloadbalancing:DescribeTargetHealth"),
        (BACK_BESIDE_OLD_TASKS, "ecs:GetTaskProtection"),
    ],
)
def test_a_verb_calls(played: Scenario, action: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each action is called by the verb that the page names, in a timeline that needs it."""
    with permissions.recorded(monkeypatch) as pairs:
        ended = play(played, tmp_path)
    assert (played.verb, action) in pairs, ended.log
