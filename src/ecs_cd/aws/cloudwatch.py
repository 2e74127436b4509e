"""CloudWatch: alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecs_cd.aws.session import Aws

Json = dict[str, Any]

_KINDS = ("MetricAlarm", "CompositeAlarm")  # without AlarmTypes, CloudWatch returns metric alarms only


def in_alarm(aws: Aws, names: Sequence[str]) -> list[Json]:
    """Returns those of the named alarms that are in ALARM, 100 names per call."""
    client = aws.once("cloudwatch")
    found: list[Json] = []
    for start in range(0, len(names), 100):  # the most that one response holds
        chunk = list(names[start : start + 100])
        answer = client.describe_alarms(AlarmNames=chunk, AlarmTypes=_KINDS, StateValue="ALARM", MaxRecords=100)
        found += [*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())]
    return found
