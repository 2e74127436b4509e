"""What each function asks EventBridge, and what it makes of the answer."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import events
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Refused
from tests.aws import requests
from tests.aws.conftest import SignedAws
from tests.aws.requests import Row
from tests.scripted_aws import denied, error, garbled, lost, server_error

ROLE = "arn:aws:iam::123456789012:role/events"
CLUSTER = "arn:aws:ecs:ap-northeast-1:123456789012:cluster/my-cluster"
TARGET = {
    "Id": "job",
    "Arn": CLUSTER,
    "RoleArn": ROLE,
    "EcsParameters": {"TaskDefinitionArn": "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/job:3"},
}

ROWS = [
    Row("a rule", lambda aws: events.rule(aws, "r", "default")["State"], "events.DescribeRule",
     {"Name": "r", "State": "DISABLED"}, {"Name": "r", "EventBusName": "default"}, "DISABLED"),
    Row("its targets", lambda aws: events.targets(aws, "r", "bus"), "events.ListTargetsByRule",
     {"Targets": [TARGET]}, {"Rule": "r", "EventBusName": "bus"}, [TARGET]),
    Row("none", lambda aws: events.targets(aws, "r", "bus"), "events.ListTargetsByRule",
     garbled(b'{"Targets": []}', {"Targets": [TARGET]}), {"Rule": "r", "EventBusName": "bus"}, []),
    Row("write them", lambda aws: events.put_targets(aws, "r", "bus", [TARGET]), "events.PutTargets",
     {"FailedEntryCount": 0, "FailedEntries": []}, {"Rule": "r", "EventBusName": "bus", "Targets": [TARGET]}, []),
    Row("those that failed", lambda aws: events.put_targets(aws, "r", "bus", [TARGET]), "events.PutTargets",
     {"FailedEntryCount": 1, "FailedEntries": [{"TargetId": "job", "ErrorCode": "X"}]},
     {"Rule": "r", "EventBusName": "bus", "Targets": [TARGET]}, [{"TargetId": "job", "ErrorCode": "X"}]),
]  # fmt: skip


@requests.each(ROWS)
def test_a_function_makes_this_one_request(row: Row, aws: SignedAws, ours: Aws) -> None:
    """One call, with parameters that botocore's model has."""
    requests.check(row, aws, ours)


def test_all_pages_of_targets_are_read(aws: SignedAws, ours: Aws) -> None:
    """Until there is no token."""
    second = {**TARGET, "Id": "other"}
    aws.on("events.ListTargetsByRule", {"Targets": [TARGET], "NextToken": "t"}, {"Targets": [second]})
    assert events.targets(ours, "r", "default") == [TARGET, second]
    assert [call.params.get("NextToken") for call in aws.calls] == [None, "t"]


def test_what_is_not_there_is_refused_by_name(aws: SignedAws, ours: Aws) -> None:
    """With the region and the remedy; any other error comes as it is."""
    aws.on("events.DescribeRule", error("ResourceNotFoundException"), denied())
    with pytest.raises(Refused) as refused:
        events.rule(ours, "r", "bus")
    assert "rule r on the event bus bus" in str(refused.value)
    assert "ap-northeast-1" in str(refused.value)
    assert "scheduled-tasks" in refused.value.remedy
    with pytest.raises(ClientError):
        events.rule(ours, "r", "bus")


def test_a_change_is_not_repeated_by_boto3(aws: SignedAws, ours: Aws) -> None:
    """A lost answer may have been a change: the caller checks first."""
    for fault in (lost({}), server_error()):
        aws.on("events.PutTargets", fault)
        with pytest.raises(Exception, match=r"closed|reset|aborted|503"):
            events.put_targets(ours, "r", "default", [TARGET])
    assert aws.count("events.PutTargets") == 2
