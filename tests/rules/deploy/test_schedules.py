"""Targets of rules and schedules: which run a family's task, and what they are with another revision."""

from __future__ import annotations

import copy
from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from ecs_cd.deploy.rules import schedules
from ecs_cd.model.errors import Refused

EVENTS, SCHEDULER = (
    ServiceModel(Loader().load_service_model(name, "service-2"), name) for name in ("events", "scheduler")
)
PUT_TARGETS: Any = EVENTS.operation_model("PutTargets").input_shape
TARGETS: Any = EVENTS.operation_model("ListTargetsByRule").output_shape
GET_SCHEDULE: Any = SCHEDULER.operation_model("GetSchedule").output_shape
UPDATE_SCHEDULE: Any = SCHEDULER.operation_model("UpdateSchedule").input_shape

PREFIX = "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/"
ARN = f"{PREFIX}job:4"


def target(task_definition: str, id: str = "1", **more: Any) -> dict[str, Any]:
    """A target that runs this task definition."""
    cluster = "arn:aws:ecs:ap-northeast-1:123456789012:cluster/my-cluster"
    return {"Id": id, "Arn": cluster, "EcsParameters": {"TaskDefinitionArn": PREFIX + task_definition}, **more}


LAMBDA = {"Id": "f", "Arn": "arn:aws:lambda:ap-northeast-1:123456789012:function:f"}


def everything(shape: Any) -> Any:
    """A value of the shape with every member that the model has."""
    if shape.type_name == "structure":
        return {name: everything(member) for name, member in shape.members.items()}
    if shape.type_name == "list":
        return [everything(shape.member)]
    if shape.type_name == "map":
        return {"k": everything(shape.value)}
    values = {
        "integer": 60,
        "boolean": False,
        "timestamp": datetime(2026, 1, 1, tzinfo=timezone.utc),
        "string": (getattr(shape, "enum", None) or ["some words"])[0],
    }
    return values[shape.type_name]


def valid(request: dict[str, Any], shape: Any) -> None:
    assert ParamValidator().validate(request, shape).generate_report() == ""


# ---- which ----


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([], []),
        ([LAMBDA], []),
        ([target("job:3")], [f"{PREFIX}job:3"]),
        ([target("job"), LAMBDA, target("other:1", "2")], [f"{PREFIX}job", f"{PREFIX}other:1"]),
    ],
)
def test_ecs_targets_name_task_definitions(targets: list[dict[str, Any]], expected: list[str]) -> None:
    """Others have no EcsParameters."""
    assert schedules.task_definitions(targets) == expected


@pytest.mark.parametrize("task_definition", ["job:3", "job"])
def test_a_familys_targets_are_those_whose_task_definition_is_of_it(task_definition: str) -> None:
    """With a revision or without; a family whose name begins alike is another one."""
    ours = target(task_definition)
    others = [target("job-2:3", "2"), target("jo:3", "3"), LAMBDA, target("other:3", "4")]
    assert schedules.of_family([*others, ours], "job", where="x") == [ours]


def test_each_of_a_familys_targets_is_found() -> None:
    """A rule may run the same task with several inputs."""
    targets = [target("job:3", "a", Input="{}"), target("job:2", "b")]
    assert schedules.of_family(targets, "job", where="x") == targets


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ([], "it has no ECS target at all"),
        ([LAMBDA], "it has no ECS target at all"),
        ([target("job-2:3"), target("other:1", "2"), target("other:2", "3")], "it has job-2, other"),
    ],
)
def test_no_target_of_the_family_is_refused_with_those_that_there_are(
    targets: list[dict[str, Any]], words: str
) -> None:
    """The wrong rule, or the wrong family: the sentence shows which."""
    with pytest.raises(Refused) as refused:
        schedules.of_family(targets, "job", where="scheduled-tasks.nightly: the rule r")
    (problem,) = refused.value.problems
    assert problem.startswith("scheduled-tasks.nightly: the rule r has no ECS target")
    assert problem.endswith(f"of the family job; {words}")
    assert refused.value.remedy


# ---- with another revision ----


@pytest.mark.parametrize(
    ("before", "changed", "words"),
    [
        ([], [], ""),
        (["job:3"], ["1"], "job:3 -> job:4"),
        (["job:9"], ["1"], "job:9 -> job:4"),
        (["job:4"], [], "job:4 already"),
        (["job"], [], "job without a revision: ECS runs the newest"),
        (["job:3", "job:3"], ["1", "2"], "job:3 -> job:4"),
        (["job:3", "job:2"], ["1", "2"], "job:3 -> job:4; job:2 -> job:4"),
        (
            ["job:4", "job:2", "job"],
            ["2"],
            "job:4 already; job:2 -> job:4; job without a revision: ECS runs the newest",
        ),
    ],
)
def test_targets_get_the_revision_that_they_do_not_have(before: list[str], changed: list[str], words: str) -> None:
    """What has it, or runs the newest by itself, is not written."""
    found = schedules.retarget([target(definition, str(number)) for number, definition in enumerate(before, 1)], ARN)
    assert found.words == words
    assert [retargeted["Id"] for retargeted in found.targets] == changed
    assert {retargeted["EcsParameters"]["TaskDefinitionArn"] for retargeted in found.targets} <= {ARN}


def test_nothing_else_of_a_rules_target_is_changed() -> None:
    """Every member that ListTargetsByRule can tell goes back with PutTargets, which takes all of them."""
    described = everything(TARGETS.members["Targets"].member)
    described["EcsParameters"]["TaskDefinitionArn"] = f"{PREFIX}job:3"
    before = copy.deepcopy(described)
    (written,) = schedules.retarget([described], ARN).targets
    valid({"Rule": "r", "Targets": [written]}, PUT_TARGETS)
    assert described == before
    written["EcsParameters"]["TaskDefinitionArn"] = f"{PREFIX}job:3"
    assert written == before


def test_what_a_schedule_has_and_cannot_be_written_is_known() -> None:
    """All else that GetSchedule tells is UpdateSchedule's, too: a new botocore that knows more is seen here."""
    assert set(GET_SCHEDULE.members) - set(UPDATE_SCHEDULE.members) == {"Arn", "CreationDate", "LastModificationDate"}
    assert set(UPDATE_SCHEDULE.members) - set(GET_SCHEDULE.members) == {"ClientToken"}
    assert GET_SCHEDULE.members["Target"].name == UPDATE_SCHEDULE.members["Target"].name


def test_everything_else_of_a_schedule_is_kept() -> None:
    """UpdateSchedule resets what is not in its request."""
    described = {**everything(GET_SCHEDULE), "ResponseMetadata": {"HTTPStatusCode": 200}}
    described["Target"]["EcsParameters"]["TaskDefinitionArn"] = f"{PREFIX}job:3"
    (changed,) = schedules.retarget([described["Target"]], ARN).targets
    request = schedules.update_schedule(described, changed, UPDATE_SCHEDULE)
    valid(request, UPDATE_SCHEDULE)
    assert set(request) == set(UPDATE_SCHEDULE.members) - {"ClientToken"}
    different = {name for name in request if request[name] != described[name]}
    assert different == {"Target"}
    assert request["Target"]["EcsParameters"]["TaskDefinitionArn"] == ARN
    assert {**request["Target"], "EcsParameters": 0} == {**described["Target"], "EcsParameters": 0}


def test_a_schedules_absent_members_stay_absent() -> None:
    """ecs-cd writes no defaults over AWS's."""
    least: dict[str, Any] = {
        "Name": "s",
        "ScheduleExpression": "cron(0 3 * * ? *)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target("job:3", RoleArn="arn:aws:iam::123456789012:role/r"),
    }
    assert schedules.update_schedule(least, least["Target"], UPDATE_SCHEDULE) == least


@pytest.mark.parametrize("expression", ["cron(0 3 * * ? *)", "at(2027-01-01T00:00:00)"])
def test_a_past_start_is_left_out(expression: str) -> None:
    """It does not change when a cron() or at() expression is due."""
    request = {"Name": "s", "ScheduleExpression": expression, "StartDate": 1, "EndDate": 2}
    assert schedules.without_past_start(request) == {"Name": "s", "ScheduleExpression": expression, "EndDate": 2}


def test_the_past_start_of_a_rate_is_not_left_out() -> None:
    """Its intervals would begin at the time of the deployment."""
    with pytest.raises(Refused, match="rate") as refused:
        schedules.without_past_start({"Name": "s", "ScheduleExpression": "rate(1 day)", "StartDate": 1})
    assert "cron" in refused.value.remedy
