"""EventBridge: rules and their targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws, pages
from ecs_cd.model.errors import Refused

Json = dict[str, Any]


def rule(aws: Aws, name: str, event_bus: str) -> Json:
    """Returns DescribeRule's response. Raises ``Refused`` if the rule or its event bus does not exist."""
    try:
        answer: Json = aws.client("events").describe_rule(Name=name, EventBusName=event_bus)
        return answer
    except ClientError as error:
        if code(error) == "ResourceNotFoundException":
            raise Refused(
                f"there is no EventBridge rule {name} on the event bus {event_bus} in {aws.region}",
                "The infra repo creates it; check `scheduled-tasks` in the document.",
            ) from error
        raise


def targets(aws: Aws, name: str, event_bus: str) -> list[Json]:
    """Returns all targets of a rule, in the form that PutTargets accepts."""
    request = {"Rule": name, "EventBusName": event_bus}
    found = pages(aws.client("events").list_targets_by_rule, request, "NextToken")
    return [target for page in found for target in page.get("Targets", ())]


def put_targets(aws: Aws, name: str, event_bus: str, targets: Sequence[Json]) -> list[Json]:
    """Writes targets, replacing those with the same Id, and returns the entries that failed. Never retries."""
    answer = aws.once("events").put_targets(Rule=name, EventBusName=event_bus, Targets=list(targets))
    return list(answer.get("FailedEntries", ()))
