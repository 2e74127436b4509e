"""What a diagnosis reads of CloudWatch: alarms."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import cloudwatch
from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Params, denied, throttled


def test_alarms_are_asked_for_by_their_state(aws: SignedAws, ours: Aws) -> None:
    """Of both kinds, a hundred names a call, and as many in an answer."""
    names = [f"alarm-{number}" for number in range(150)]
    metric = {"AlarmName": "alarm-1", "StateValue": "ALARM", "StateReason": "Threshold Crossed"}
    composite = {"AlarmName": "alarm-2", "StateValue": "ALARM"}
    both: Params = {"MetricAlarms": [metric], "CompositeAlarms": [composite]}
    aws.on("cloudwatch.DescribeAlarms", both, {"MetricAlarms": [], "CompositeAlarms": []})
    assert cloudwatch.in_alarm(ours, names) == [metric, composite]
    asked = {"AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "StateValue": "ALARM", "MaxRecords": 100}
    assert [call.params for call in aws.calls] == [
        {"AlarmNames": names[:100], **asked},
        {"AlarmNames": names[100:], **asked},
    ]


def test_without_names_no_alarm_is_asked_for(aws: SignedAws, ours: Aws) -> None:
    """CloudWatch would answer with all of the account's."""
    assert cloudwatch.in_alarm(ours, []) == []
    assert aws.calls == []


@pytest.mark.parametrize("fault", [denied(), throttled()], ids=["denied", "throttled"])
def test_a_read_of_evidence_is_not_repeated(fault: Any, aws: SignedAws, ours: Aws) -> None:
    """The caller does without it."""
    aws.on("cloudwatch.DescribeAlarms", fault)
    with pytest.raises(ClientError):
        cloudwatch.in_alarm(ours, ["a"])
    assert aws.count("cloudwatch.DescribeAlarms") == 1
