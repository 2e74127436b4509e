"""How a deployment of a service ends, by what of its configuration ecs-cd leaves as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ecs_cd.model.lifecycle import Strategy
from ecs_cd.verify.rules.finding import Finding, ok, wrong

Json = Mapping[str, Any]

BREAKER, EARLY, REBALANCING, CONSISTENCY = (
    "circuit-breaker", "early-success", "zone-rebalancing", "version-consistency",
)  # fmt: skip
_LEAST, _MOST = 3, 200  # of the type BOUNDED_PERCENT


def check(subject: str, service: Json, found: Strategy) -> Iterator[Finding]:
    """Of the service. Without a circuit breaker and without alarms, a rolling deployment whose tasks fail never ends by
    itself."""
    configuration: Json = service.get("deploymentConfiguration") or {}
    yield _breaker(subject, service, configuration, found)
    early: Json = configuration.get("earlySuccessCriteria") or {}
    if early.get("enable") and found is Strategy.ROLLING:
        left = "; old tasks may still run" if early.get("sourceServiceRevisionCleanup") == "DEFERRED" else ""
        words = f"a deployment succeeds when {early.get('healthyPercent', 0)}% of the tasks are healthy{left}"
        yield ok(subject, EARLY, words)
    if service.get("availabilityZoneRebalancing") == "ENABLED":
        words = "after a deployment, ECS may replace tasks to balance the zones; wait-until: stable may wait for that"
        yield ok(subject, REBALANCING, words)


def check_definition(subject: str, definition: Json, by_digest: Collection[str]) -> Iterator[Finding]:
    """Of the task definition. ``by_digest``: the containers whose images ecs-cd deploys by digest."""
    for each in definition.get("containerDefinitions", ()):
        if each.get("versionConsistency") != "disabled":
            continue
        name = each.get("name")
        if name in by_digest or "@sha256:" in str(each.get("image", "")):
            yield ok(subject, CONSISTENCY, f"{name}: versionConsistency is disabled, and its image has a digest")
        else:
            words = f"{name}: versionConsistency is disabled, so tasks of one deployment may run different images"
            yield ok(subject, CONSISTENCY, words)


def threshold(breaker: Json, desired: int) -> int | None:
    """How many failed tasks trip the circuit breaker; ``None`` if it is unknown.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ThresholdConfiguration.html
    """
    given: Json = breaker.get("thresholdConfiguration") or {"type": "BOUNDED_PERCENT", "value": 50}
    value = int(given.get("value", 50))
    of_desired = -(-value * desired // 100)  # rounded up
    match given.get("type"):
        case "COUNT":
            return value
        case "BOUNDED_PERCENT":
            return min(max(of_desired, _LEAST), _MOST)
        case "UNBOUNDED_PERCENT":
            return of_desired or None  # without tasks, nothing fails
        case _:
            return None


def _breaker(subject: str, service: Json, configuration: Json, found: Strategy) -> Finding:
    breaker, alarms = (configuration.get(name) or {} for name in ("deploymentCircuitBreaker", "alarms"))
    if breaker.get("enable"):
        back = "and rolls it back" if breaker.get("rollback") else "without a rollback"
        return ok(subject, BREAKER, f"the circuit breaker ends a failed deployment {back}{_when(breaker, service)}")
    if alarms.get("enable"):
        back = "and roll it back" if alarms.get("rollback") else "without a rollback"
        return ok(subject, BREAKER, f"alarms end a failed deployment {back}; there is no circuit breaker")
    if found is not Strategy.ROLLING:
        return ok(subject, BREAKER, "there is no circuit breaker; ecs-cd's deployment-timeout ends the wait")
    return wrong(
        subject,
        BREAKER,
        "there is no circuit breaker, so a deployment whose tasks fail never ends by itself",
        "Enable deploymentCircuitBreaker with rollback in the service's deploymentConfiguration.",
    )


def _when(breaker: Json, service: Json) -> str:
    """After how many failures, as the service is now."""
    failures = threshold(breaker, int(service.get("desiredCount", 0)))
    if failures is None:
        return ""
    word = "task" if failures == 1 else "tasks"
    counted = "" if breaker.get("resetOnHealthyTask", True) else ", healthy ones in between or not"
    return f", after {failures} failed {word}{counted}"
