"""CloudWatch: alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecs_cd.aws.session import Aws
from ecs_cd.model.batches import batches

Json = dict[str, Any]

_KINDS = ("MetricAlarm", "CompositeAlarm")  # without AlarmTypes, CloudWatch returns metric alarms only


def in_alarm(aws: Aws, names: Sequence[str]) -> list[Json]:
    """Returns those of the named alarms that are in ALARM, 100 names per call."""
    client = aws.once("cloudwatch")
    found: list[Json] = []
    for batch in batches(names, 100):  # the most that one response holds
        answer = client.describe_alarms(AlarmNames=batch, AlarmTypes=_KINDS, StateValue="ALARM", MaxRecords=100)
        found += [*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())]
    return found
