"""EventBridge and its Scheduler: what each function asks, and what it makes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import events, scheduler
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Refused
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Params, denied, error, lost, moment, server_error

ROLE = "arn:aws:iam::123456789012:role/events"
CLUSTER = "arn:aws:ecs:ap-northeast-1:123456789012:cluster/my-cluster"
TARGET = {
    "Id": "job",
    "Arn": CLUSTER,
    "RoleArn": ROLE,
    "EcsParameters": {"TaskDefinitionArn": "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/job:3"},
}
SCHEDULE = {
    "Name": "s",
    "GroupName": "jobs",
    "ScheduleExpression": "cron(0 3 * * ? *)",
    "StartDate": moment(60),
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": {name: value for name, value in TARGET.items() if name != "Id"},
}

# name, the call, the operation, AWS's answer, the parameters that were sent, the result
ROWS: list[tuple[str, Callable[[Aws], Any], str, Params, Params, Any]] = [
    ("a rule", lambda aws: events.rule(aws, "r", "default")["State"], "events.DescribeRule",
     {"Name": "r", "State": "DISABLED"}, {"Name": "r", "EventBusName": "default"}, "DISABLED"),
    ("its targets", lambda aws: events.targets(aws, "r", "bus"), "events.ListTargetsByRule",
     {"Targets": [TARGET]}, {"Rule": "r", "EventBusName": "bus"}, [TARGET]),
    ("none", lambda aws: events.targets(aws, "r", "bus"), "events.ListTargetsByRule",
     {}, {"Rule": "r", "EventBusName": "bus"}, []),
    ("write them", lambda aws: events.put_targets(aws, "r", "bus", [TARGET]), "events.PutTargets",
     {"FailedEntryCount": 0, "FailedEntries": []}, {"Rule": "r", "EventBusName": "bus", "Targets": [TARGET]}, []),
    ("those that failed", lambda aws: events.put_targets(aws, "r", "bus", [TARGET]), "events.PutTargets",
     {"FailedEntryCount": 1, "FailedEntries": [{"TargetId": "job", "ErrorCode": "X"}]},
     {"Rule": "r", "EventBusName": "bus", "Targets": [TARGET]}, [{"TargetId": "job", "ErrorCode": "X"}]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "operation", "answer", "params", "result"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS]
)
def test_a_function_makes_this_one_request(
    call: Callable[[Aws], Any], operation: str, answer: Params, params: Params, result: Any, aws: SignedAws, ours: Aws
) -> None:
    """One call, with parameters that botocore's model has."""
    aws.on(operation, answer)
    assert call(ours) == result
    assert [(made.operation, made.params) for made in aws.calls] == [(operation, params)]


def test_all_pages_of_targets_are_read(aws: SignedAws, ours: Aws) -> None:
    """Until there is no token."""
    second = {**TARGET, "Id": "other"}
    aws.on("events.ListTargetsByRule", {"Targets": [TARGET], "NextToken": "t"}, {"Targets": [second]})
    assert events.targets(ours, "r", "default") == [TARGET, second]
    assert [call.params.get("NextToken") for call in aws.calls] == [None, "t"]


def test_a_schedule_comes_as_it_is_and_goes_back_as_it_came(aws: SignedAws, ours: Aws) -> None:
    """Timestamps and all; boto3 adds its clientToken."""
    aws.on("scheduler.GetSchedule", {**SCHEDULE, "CreationDate": moment(1)})
    aws.on("scheduler.UpdateSchedule", {"ScheduleArn": "arn:aws:scheduler:r:123456789012:schedule/jobs/s"})
    found = scheduler.schedule(ours, "s", "jobs")
    request = {name: value for name, value in found.items() if name in scheduler.shape(ours).members}
    assert request == SCHEDULE
    scheduler.update(ours, request)
    got, put = aws.calls
    assert got.params == {"Name": "s", "GroupName": "jobs"}
    assert put.params.pop("ClientToken")
    assert put.params == SCHEDULE


@pytest.mark.parametrize(
    ("call", "operation", "words"),
    [
        (lambda aws: events.rule(aws, "r", "bus"), "events.DescribeRule", "rule r on the event bus bus"),
        (lambda aws: scheduler.schedule(aws, "s", "g"), "scheduler.GetSchedule", "schedule s in the group g"),
    ],
)
def test_what_is_not_there_is_refused_by_name(
    call: Callable[[Aws], Any], operation: str, words: str, aws: SignedAws, ours: Aws
) -> None:
    """With the region and the remedy; any other error comes as it is."""
    aws.on(operation, error("ResourceNotFoundException"), denied())
    with pytest.raises(Refused) as refused:
        call(ours)
    assert words in str(refused.value)
    assert "ap-northeast-1" in str(refused.value)
    assert "scheduled-tasks" in refused.value.remedy
    with pytest.raises(ClientError):
        call(ours)


@pytest.mark.parametrize("operation", ["events.PutTargets", "scheduler.UpdateSchedule"])
def test_a_change_is_not_repeated_by_boto3(operation: str, aws: SignedAws, ours: Aws) -> None:
    """A lost answer may have been a change: whoever called looks first."""
    answer = {} if "events" in operation else {"ScheduleArn": "arn:aws:scheduler:r:123456789012:schedule/jobs/s"}
    for fault in (lost(answer), server_error()):
        aws.on(operation, fault)
        with pytest.raises(Exception, match=r"closed|reset|aborted|503"):
            if "events" in operation:
                events.put_targets(ours, "r", "default", [TARGET])
            else:
                scheduler.update(ours, SCHEDULE)
    assert aws.count(operation) == 2
