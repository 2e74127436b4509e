"""How a deployment ends, as the service is configured."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.model.lifecycle import Strategy
from ecs_cd.verify.rules import ending
from ecs_cd.verify.rules.finding import State

HALF, TENTH = {"type": "BOUNDED_PERCENT", "value": 50}, {"type": "UNBOUNDED_PERCENT", "value": 10}


@pytest.mark.parametrize(
    ("given", "desired", "failures"),
    [
        (None, 1, 3),
        (None, 0, 3),
        (None, 6, 3),
        (None, 7, 4),
        (None, 25, 13),
        (None, 400, 200),
        (None, 1000, 200),
        (HALF, 25, 13),
        ({"type": "BOUNDED_PERCENT", "value": 1}, 1000, 10),
        (TENTH, 1, 1),
        (TENTH, 5000, 500),
        (TENTH, 0, None),
        ({"type": "COUNT", "value": 1}, 1000, 1),
        ({"type": "of next year", "value": 1}, 1, None),
    ],
)
def test_the_threshold_of_the_circuit_breaker(given: Any, desired: int, failures: int | None) -> None:
    """By type: a count, a part of desiredCount, or a part of it that is at least 3 and at most 200."""
    breaker = {"thresholdConfiguration": given} if given else {}
    assert ending.threshold(breaker, desired) == failures


def said(service: dict[str, Any], strategy: Strategy = Strategy.ROLLING) -> dict[str, tuple[State, str]]:
    return {each.check: (each.state, each.text) for each in ending.check("service web", service, strategy)}


@pytest.mark.parametrize(
    ("breaker", "words"),
    [
        ({"enable": True, "rollback": True}, "and rolls it back, after 5 failed tasks"),
        ({"enable": True, "rollback": False}, "without a rollback, after 5 failed tasks"),
        (
            {"enable": True, "rollback": True, "resetOnHealthyTask": False, "thresholdConfiguration": TENTH},
            "and rolls it back, after 1 failed task, healthy ones in between or not",
        ),
        ({"enable": True, "thresholdConfiguration": {"type": "new"}}, "without a rollback"),
    ],
)
def test_the_line_of_the_circuit_breaker(breaker: dict[str, Any], words: str) -> None:
    """After how many failures, and what follows."""
    service = {"desiredCount": 10, "deploymentConfiguration": {"deploymentCircuitBreaker": breaker}}
    state, text = said(service)["circuit-breaker"]
    assert (state, text) == (State.OK, f"the circuit breaker ends a failed deployment {words}")


EARLY = {"enable": True, "healthyPercent": 60, "sourceServiceRevisionCleanup": "DEFERRED"}


def test_what_comes_after_a_success_is_named() -> None:
    """Early success and rebalancing; not if they are off, and early success not of another strategy."""
    on = {"deploymentConfiguration": {"earlySuccessCriteria": EARLY}, "availabilityZoneRebalancing": "ENABLED"}
    found = said(on)
    assert (
        found["early-success"][1] == "a deployment succeeds when 60% of the tasks are healthy; old tasks may still run"
    )
    assert found["zone-rebalancing"][0] is State.OK
    off = {
        "deploymentConfiguration": {"earlySuccessCriteria": {**EARLY, "enable": False}},
        "availabilityZoneRebalancing": "DISABLED",
    }
    assert said(off).keys() == said({}).keys() == {"circuit-breaker"}
    assert said(on, Strategy.CANARY).keys() == {"circuit-breaker", "zone-rebalancing"}


@pytest.mark.parametrize(
    ("name", "image", "different"),
    [("app", "app:1", False), ("log", f"log@sha256:{'a' * 64}", False), ("log", "log:stable", True)],
)
def test_containers_whose_tags_ecs_does_not_resolve(name: str, image: str, different: bool) -> None:
    """Ours have a digest anyway; another's tag may mean another image in each task."""
    container = {"name": name, "image": image, "versionConsistency": "disabled"}
    definition = {"containerDefinitions": [container, {"name": "other", "image": "other:1"}]}
    (finding,) = ending.check_definition("service web", definition, ["app"])
    assert finding.state is State.OK
    assert ("different images" in finding.text) is different
