"""What each function asks EventBridge Scheduler, and what it makes of the answer."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import scheduler
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Refused
from tests.aws.conftest import SignedAws
from tests.scripted_aws import denied, error, lost, moment, server_error

TARGET = {
    "Arn": "arn:aws:ecs:ap-northeast-1:123456789012:cluster/my-cluster",
    "RoleArn": "arn:aws:iam::123456789012:role/events",
    "EcsParameters": {"TaskDefinitionArn": "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/job:3"},
}
SCHEDULE = {
    "Name": "s",
    "GroupName": "jobs",
    "ScheduleExpression": "cron(0 3 * * ? *)",
    "StartDate": moment(60),
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": TARGET,
}
UPDATED = {"ScheduleArn": "arn:aws:scheduler:r:123456789012:schedule/jobs/s"}


def test_a_schedule_comes_as_it_is_and_goes_back_as_it_came(aws: SignedAws, ours: Aws) -> None:
    """Timestamps and all; boto3 adds its clientToken."""
    aws.on("scheduler.GetSchedule", {**SCHEDULE, "CreationDate": moment(1)})
    aws.on("scheduler.UpdateSchedule", UPDATED)
    found = scheduler.schedule(ours, "s", "jobs")
    request = {name: value for name, value in found.items() if name in scheduler.shape(ours).members}
    assert request == SCHEDULE
    scheduler.update(ours, request)
    got, put = aws.calls
    assert got.params == {"Name": "s", "GroupName": "jobs"}
    assert put.params.pop("ClientToken")
    assert put.params == SCHEDULE


def test_what_is_not_there_is_refused_by_name(aws: SignedAws, ours: Aws) -> None:
    """With the region and the remedy; any other error comes as it is."""
    aws.on("scheduler.GetSchedule", error("ResourceNotFoundException"), denied())
    with pytest.raises(Refused) as refused:
        scheduler.schedule(ours, "s", "g")
    assert "schedule s in the group g" in str(refused.value)
    assert "ap-northeast-1" in str(refused.value)
    assert "scheduled-tasks" in refused.value.remedy
    with pytest.raises(ClientError):
        scheduler.schedule(ours, "s", "g")


def test_a_change_is_not_repeated_by_boto3(aws: SignedAws, ours: Aws) -> None:
    """A lost answer may have been a change: the caller checks first."""
    for fault in (lost(UPDATED), server_error()):
        aws.on("scheduler.UpdateSchedule", fault)
        with pytest.raises(Exception, match=r"closed|reset|aborted|503"):
            scheduler.update(ours, SCHEDULE)
    assert aws.count("scheduler.UpdateSchedule") == 2
