"""Scheduled tasks that get another revision, and the faults that they meet."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.ci.run import identify
from ecs_cd.ci.terminal import Terminal
from ecs_cd.deploy import schedules
from ecs_cd.deploy.schedules import Prepared
from ecs_cd.document.rules import document
from ecs_cd.job.job import Job
from ecs_cd.job.state import State
from ecs_cd.model.errors import Refused
from ecs_cd.tasks.loader import Loader
from tests.scripted_aws import (
    Answer,
    Clock,
    Params,
    ScriptedAws,
    denied,
    ecs,
    error,
    lost,
    moment,
    reset,
    server_error,
    throttled,
)
from tests.timelines.conftest import DOCUMENT, Step

Run = Callable[..., Step]

CLUSTER = f"{ecs.PREFIX}:cluster/{ecs.CLUSTER}"
ROLE = "arn:aws:iam::123456789012:role/events"
NEW = ecs.task_definition_arn("job:4")
TASK = {"task-definition": "job", "containers": {"app": "app"}}
NIGHTLY = {"nightly": {**TASK, "rule": "my-rule"}}
HOURLY = {"hourly": {**TASK, "schedule": "my-schedule", "schedule-group": "jobs"}}
LAMBDA = {"Id": "f", "Arn": "arn:aws:lambda:ap-northeast-1:123456789012:function:f"}
UPDATED = {"ScheduleArn": "arn:aws:scheduler:ap-northeast-1:123456789012:schedule/jobs/my-schedule"}
BUSY = error("ConcurrentModificationException")
PAST = error("ValidationException", "The StartDate you specify cannot be earlier than 5 minutes ago.")


def target(task_definition: str = "job:3", id: str = "job", **more: Any) -> Params:
    """A rule's, with all that could get lost."""
    return {
        "Id": id,
        "Arn": CLUSTER,
        "RoleArn": ROLE,
        "Input": '{"containerOverrides": [{"name": "app", "command": ["nightly"]}]}',
        "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60},
        "DeadLetterConfig": {"Arn": "arn:aws:sqs:ap-northeast-1:123456789012:dead"},
        "EcsParameters": {
            "TaskDefinitionArn": ecs.task_definition_arn(task_definition),
            "LaunchType": "FARGATE",
            "TaskCount": 1,
            "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["subnet-1"], "AssignPublicIp": "DISABLED"}},
        },
        **more,
    }


def schedule(task_definition: str = "job:3", **more: Any) -> Params:
    """A schedule as GetSchedule returns it, with every member that could get lost."""
    return {
        "Arn": UPDATED["ScheduleArn"],
        "Name": "my-schedule",
        "GroupName": "jobs",
        "CreationDate": moment(),
        "LastModificationDate": moment(),
        "State": "ENABLED",
        "Description": "every hour",
        "ScheduleExpression": "cron(0 * * * ? *)",
        "ScheduleExpressionTimezone": "Asia/Tokyo",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
        "ActionAfterCompletion": "NONE",
        "EndDate": moment(1e8),
        "Target": {name: value for name, value in target(task_definition).items() if name != "Id"},
        **more,
    }


class EventBridge:
    """A rule and a schedule, as AWS has them."""

    def __init__(self, aws: ScriptedAws) -> None:
        self.aws = aws
        self.targets = [LAMBDA, target()]
        self.schedule = schedule()
        aws.on("events.DescribeRule", {"Name": "my-rule", "State": "ENABLED"})
        aws.on("events.ListTargetsByRule", lambda _: {"Targets": self.targets})
        aws.on("events.PutTargets", self.put)
        aws.on("scheduler.GetSchedule", lambda _: self.schedule)
        aws.on("scheduler.UpdateSchedule", self.update)

    def put(self, params: Params) -> Params:
        written = {each["Id"]: each for each in params["Targets"]}
        self.targets = [written.get(each["Id"], each) for each in self.targets]
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def update(self, params: Params) -> Params:
        kept = {name: self.schedule[name] for name in ("Arn", "CreationDate")}
        self.schedule = {**kept, **{name: value for name, value in params.items() if name != "ClientToken"}}
        return UPDATED

    def of(self, operation: str) -> list[Params]:
        """The parameters of this operation's calls."""
        return [call.params for call in self.aws.calls if call.operation == operation]

    @property
    def runs(self) -> list[str]:
        """The revisions of the rule's ECS targets and of the schedule's."""
        found = [each for each in [*self.targets, self.schedule["Target"]] if "EcsParameters" in each]
        return [each["EcsParameters"]["TaskDefinitionArn"].rpartition("/")[2] for each in found]


@pytest.fixture
def bridge(aws: ScriptedAws) -> EventBridge:
    return EventBridge(aws)


@pytest.fixture
def job(aws: ScriptedAws, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Job:
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    return Job(
        os.environ, identify(os.environ), Terminal(), Aws(os.environ), clock, State(os.environ, identify(os.environ))
    )


def prepare(job: Job, *tasks: Params) -> list[Prepared]:
    scheduled = {key: task for each in tasks for key, task in each.items()}
    content = {name: DOCUMENT[name] for name in ("cluster", "images")}
    content |= {"scheduled-tasks": scheduled} if scheduled else {}
    return schedules.prepare(Loader(document.load(json.dumps(content), where="x"), (), False, job))


def refused(job: Job, *tasks: Params) -> str:
    with pytest.raises(Refused) as found:
        prepare(job, *tasks)
    return "\n".join(found.value.problems)


# ---- prepared ----


def test_what_is_scheduled_is_read_and_nothing_is_changed(job: Job, bridge: EventBridge) -> None:
    """The template, the targets of its family, and their revisions, to which a rollback returns."""
    nightly, hourly = prepare(job, NIGHTLY, HOURLY)
    assert (nightly.key, hourly.key) == ("nightly", "hourly")
    assert nightly.definition["family"] == "job"
    assert [each["Id"] for each in nightly.targets] == ["job"]
    assert nightly.task_definitions == hourly.task_definitions == [ecs.task_definition_arn("job:3")]
    assert {call.operation.partition(".")[2] for call in bridge.aws.calls} == {
        "DescribeTaskDefinition",
        "DescribeRule",
        "ListTargetsByRule",
        "GetSchedule",
    }
    assert bridge.of("scheduler.GetSchedule") == [{"Name": "my-schedule", "GroupName": "jobs"}]


def test_without_scheduled_tasks_nothing_is_asked(job: Job, bridge: EventBridge) -> None:
    """Most documents have no scheduled tasks."""
    assert prepare(job) == []
    assert bridge.aws.calls == []


@pytest.mark.parametrize(
    ("operation", "answer", "task", "words"),
    [
        ("events.DescribeRule", error("ResourceNotFoundException"), NIGHTLY, "no EventBridge rule my-rule"),
        ("scheduler.GetSchedule", error("ResourceNotFoundException"), HOURLY, "my-schedule in the group jobs"),
        ("events.ListTargetsByRule", {"Targets": [LAMBDA]}, NIGHTLY, "family job; it has no ECS target at all"),
        ("events.ListTargetsByRule", {"Targets": [target("other:1")]}, NIGHTLY, "family job; it has other"),
        ("scheduler.GetSchedule", schedule("job-2:1"), HOURLY, "hourly: the schedule my-schedule has no ECS target"),
        (
            "events.DescribeRule",
            {"Name": "my-rule", "ManagedBy": "ecs.amazonaws.com"},
            NIGHTLY,
            "scheduled-tasks.nightly: the rule my-rule is managed by ecs.amazonaws.com",
        ),
        (
            "ecs.DescribeTaskDefinition",
            {"taskDefinition": ecs.task_definition("job", containers=["batch"])},
            NIGHTLY,
            "the task definition in job has no container `app`",
        ),
    ],
)
def test_what_cannot_get_a_revision_is_refused(
    operation: str, answer: Answer, task: Params, words: str, job: Job, bridge: EventBridge
) -> None:
    """In a sentence that names the place."""
    bridge.aws.on(operation, answer)
    assert words in refused(job, task)


def test_the_problems_of_all_scheduled_tasks_are_told_at_once(job: Job, bridge: EventBridge) -> None:
    """Nobody wants to run a workflow once per mistake."""
    bridge.targets, bridge.schedule = [LAMBDA], schedule("other:1")
    message = refused(job, NIGHTLY, HOURLY)
    assert "scheduled-tasks.nightly" in message
    assert "scheduled-tasks.hourly" in message


# ---- updated ----


def test_a_rules_target_gets_the_revision_and_keeps_the_rest(
    job: Job, bridge: EventBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    """One PutTargets with this target alone; the log line names the old and the new revision."""
    (nightly,) = prepare(job, NIGHTLY)
    assert schedules.update(nightly, NEW, job) == ""
    assert capsys.readouterr().out == "scheduled task nightly: rule my-rule, job:3 -> job:4\n"
    assert bridge.of("events.PutTargets") == [
        {"Rule": "my-rule", "EventBusName": "default", "Targets": [target("job:4")]}
    ]
    assert bridge.targets == [LAMBDA, target("job:4")]


def test_a_schedule_gets_the_revision_and_keeps_the_rest(
    job: Job, bridge: EventBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    """UpdateSchedule would reset every member that is missing."""
    bridge.schedule = schedule(StartDate=moment(1e6), KmsKeyArn="arn:aws:kms:ap-northeast-1:123456789012:key/k")
    before = bridge.schedule
    (hourly,) = prepare(job, HOURLY)
    assert schedules.update(hourly, NEW, job) == ""
    assert capsys.readouterr().out == "scheduled task hourly: schedule my-schedule, job:3 -> job:4\n"
    assert bridge.aws.count("scheduler.UpdateSchedule") == 1
    after = {**before, "Target": schedule("job:4")["Target"]}
    assert bridge.schedule == {name: value for name, value in after.items() if name != "LastModificationDate"}


def test_the_way_back_is_the_same(job: Job, bridge: EventBridge) -> None:
    """The prepared task has its earlier revision."""
    tasks = prepare(job, NIGHTLY, HOURLY)
    for task in tasks:
        assert schedules.update(task, NEW, job) == ""
    assert bridge.runs == ["job:4", "job:4"]
    for task in tasks:
        assert schedules.update(task, task.task_definitions[0], job) == ""
    assert bridge.runs == ["job:3", "job:3"]
    assert bridge.targets == [LAMBDA, target("job:3")]


@pytest.mark.parametrize(
    ("now", "words"), [("job:4", "job:4 already"), ("job", "job without a revision: ECS runs the newest")]
)
def test_what_runs_it_anyway_is_left_alone(
    now: str, words: str, job: Job, bridge: EventBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the log says so."""
    bridge.targets, bridge.schedule = [target(now)], schedule(now)
    for task in prepare(job, NIGHTLY, HOURLY):
        assert schedules.update(task, NEW, job) == ""
    assert capsys.readouterr().out.splitlines() == [
        f"scheduled task nightly: rule my-rule, {words}",
        f"scheduled task hourly: schedule my-schedule, {words}",
    ]
    assert bridge.aws.count("events.PutTargets") == bridge.aws.count("scheduler.UpdateSchedule") == 0


def test_what_is_disabled_gets_the_revision_too(
    job: Job, bridge: EventBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever enables it again wants what is current; it stays disabled."""
    bridge.aws.on("events.DescribeRule", {"Name": "my-rule", "State": "DISABLED"})
    bridge.schedule = schedule(State="DISABLED")
    for task in prepare(job, NIGHTLY, HOURLY):
        assert schedules.update(task, NEW, job) == ""
    assert capsys.readouterr().out.count("(DISABLED), job:3 -> job:4") == 2
    assert bridge.schedule["State"] == "DISABLED"


def test_what_is_written_is_what_is_there_at_that_moment(job: Job, bridge: EventBridge) -> None:
    """A deployment takes long, and the infra repo may change the rule during that time."""
    tasks = prepare(job, NIGHTLY, HOURLY)
    bridge.targets = [target("job:2", "another", Input="{}"), LAMBDA]
    bridge.schedule = schedule("job:2", ScheduleExpression="cron(30 * * * ? *)")
    for task in tasks:
        assert schedules.update(task, NEW, job) == ""
    assert bridge.targets == [target("job:4", "another", Input="{}"), LAMBDA]
    assert bridge.schedule["ScheduleExpression"] == "cron(30 * * * ? *)"
    assert bridge.runs == ["job:4", "job:4"]


# ---- faults ----


@pytest.mark.parametrize("fault", [throttled(), server_error(), reset()], ids=str)
def test_what_passes_is_looked_at_and_repeated(
    fault: Answer, job: Job, bridge: EventBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    """The words are those of a change, as ever."""
    bridge.aws.on("events.PutTargets", fault, bridge.put)
    bridge.aws.on("scheduler.UpdateSchedule", fault, bridge.update)
    for task in prepare(job, NIGHTLY, HOURLY):
        assert schedules.update(task, NEW, job) == ""
    assert bridge.runs == ["job:4", "job:4"]
    assert capsys.readouterr().out.count("job:3 -> job:4") == 2


def test_a_lost_answer_is_looked_for(job: Job, bridge: EventBridge, capsys: pytest.CaptureFixture[str]) -> None:
    """What was changed is not changed again."""
    bridge.aws.on("events.PutTargets", lost(bridge.put))
    bridge.aws.on("scheduler.UpdateSchedule", lost(bridge.update))
    for task in prepare(job, NIGHTLY, HOURLY):
        assert schedules.update(task, NEW, job) == ""
    assert bridge.aws.count("events.PutTargets") == bridge.aws.count("scheduler.UpdateSchedule") == 1
    assert capsys.readouterr().out.count("job:3 -> job:4") == 2


@pytest.mark.parametrize("fault", [throttled(), server_error(), reset()], ids=str)
def test_a_repetition_never_replaces_another_revision(job: Job, bridge: EventBridge, fault: Answer) -> None:
    """Another deployment has set its own between two attempts: it can be newer."""

    def meanwhile(_: Params) -> Answer:
        bridge.targets, bridge.schedule = [target("job:9")], schedule("job:9")
        return fault

    bridge.aws.on("events.PutTargets", meanwhile)
    bridge.aws.on("scheduler.UpdateSchedule", meanwhile)
    for task in prepare(job, NIGHTLY, HOURLY):
        bridge.targets, bridge.schedule = [target()], schedule()
        assert "another caller has set job:9, and ecs-cd does not replace it" in schedules.update(task, NEW, job)
    assert bridge.aws.count("events.PutTargets") == bridge.aws.count("scheduler.UpdateSchedule") == 1


def test_a_repetition_writes_what_is_there_then(job: Job, bridge: EventBridge) -> None:
    """Another change may arrive between two attempts."""

    def meanwhile(_: Params) -> Answer:
        bridge.schedule = schedule("job:3", Description="theirs")
        return throttled()

    bridge.aws.on("scheduler.UpdateSchedule", meanwhile, bridge.update)
    (hourly,) = prepare(job, HOURLY)
    assert schedules.update(hourly, NEW, job) == ""
    assert bridge.schedule["Description"] == "theirs"
    assert bridge.runs[1] == "job:4"


@pytest.mark.parametrize(
    "busy", [BUSY, {"FailedEntryCount": 1, "FailedEntries": [{"TargetId": "job", "ErrorCode": BUSY.code}]}], ids=str
)
def test_a_rule_that_is_being_changed_is_tried_again(busy: Answer, job: Job, bridge: EventBridge) -> None:
    """Whole, or for one entry of the request; not for ever."""
    bridge.aws.on("events.PutTargets", busy, busy, bridge.put)
    (nightly,) = prepare(job, NIGHTLY)
    assert schedules.update(nightly, NEW, job) == ""
    assert bridge.runs[0] == "job:4"
    bridge.aws.on("events.PutTargets", busy)
    problem = schedules.update(nightly, ecs.task_definition_arn("job:5"), job)
    assert problem.startswith(
        "scheduled task nightly: the rule my-rule did not get job:5: another caller kept changing it"
    )
    assert BUSY.code in problem
    assert bridge.aws.count("events.PutTargets") == 3 + 4


def test_a_schedule_that_is_being_changed_is_tried_again(job: Job, bridge: EventBridge) -> None:
    """Scheduler has a special error for it."""
    bridge.aws.on("scheduler.UpdateSchedule", error("ConflictException"), bridge.update)
    (hourly,) = prepare(job, HOURLY)
    assert schedules.update(hourly, NEW, job) == ""
    assert bridge.runs[1] == "job:4"


@pytest.mark.parametrize(
    ("operation", "answer", "words"),
    [
        (
            "events.PutTargets",
            denied("events:PutTargets"),
            'policy of the role cd: {"Effect": "Allow", "Action": "events:PutTargets"',
        ),
        (
            "events.ListTargetsByRule",
            denied("events:ListTargetsByRule"),
            'policy of the role cd: {"Effect": "Allow", "Action": "events:ListTargetsByRule"',
        ),
        ("events.DescribeRule", error("ResourceNotFoundException"), "no EventBridge rule my-rule"),
        ("events.ListTargetsByRule", {"Targets": [target("other:1")]}, "it has no ECS target"),
        ("events.PutTargets", reset(), "may have been carried out"),
        (
            "events.PutTargets",
            {
                "FailedEntryCount": 1,
                "FailedEntries": [{"TargetId": "job", "ErrorCode": "X", "ErrorMessage": "it won't"}],
            },
            "target job: it won't",
        ),
        ("events.PutTargets", {"FailedEntryCount": 1, "FailedEntries": [{"TargetId": "a"}]}, "target a: "),
    ],
)
def test_what_goes_wrong_with_a_rule_is_a_sentence(
    operation: str, answer: Answer, words: str, job: Job, bridge: EventBridge
) -> None:
    """No exception: the others are still to be tried. Nothing has been changed."""
    (nightly,) = prepare(job, NIGHTLY)
    bridge.aws.on(operation, answer)
    problem = schedules.update(nightly, NEW, job)
    assert problem.startswith("scheduled task nightly: the rule my-rule did not get job:4: ")
    assert words in problem
    assert bridge.runs[0] == "job:3"


@pytest.mark.parametrize(
    ("operation", "answer", "words"),
    [
        (
            "scheduler.UpdateSchedule",
            denied("scheduler:UpdateSchedule"),
            'policy of the role cd: {"Effect": "Allow", "Action": "scheduler:UpdateSchedule"',
        ),
        ("scheduler.UpdateSchedule", error("ValidationException", "The EndDate is past."), "The EndDate is past."),
        ("scheduler.GetSchedule", error("ResourceNotFoundException"), "no EventBridge Scheduler schedule my-schedule"),
        ("scheduler.UpdateSchedule", PAST, "cannot be earlier"),  # it has no StartDate: nothing to be left out
    ],
)
def test_what_goes_wrong_with_a_schedule_is_a_sentence(
    operation: str, answer: Answer, words: str, job: Job, bridge: EventBridge
) -> None:
    """As with a rule; what AWS refused for good is not tried again."""
    (hourly,) = prepare(job, HOURLY)
    bridge.aws.on(operation, answer)
    problem = schedules.update(hourly, NEW, job)
    assert problem.startswith("scheduled task hourly: the schedule my-schedule did not get job:4: ")
    assert words in problem
    assert bridge.runs[1] == "job:3"
    assert bridge.aws.count("scheduler.UpdateSchedule") <= 1


def only_without_start(bridge: EventBridge) -> Callable[[Params], Answer]:
    return lambda params: PAST if "StartDate" in params else bridge.update(params)


def test_a_start_that_is_past_is_left_out_where_it_means_nothing(
    job: Job, bridge: EventBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scheduler takes back no StartDate that it has had for long; all else is as it was."""
    before = bridge.schedule
    bridge.schedule = {**before, "StartDate": moment(-3600)}
    bridge.aws.on("scheduler.UpdateSchedule", only_without_start(bridge))
    (hourly,) = prepare(job, HOURLY)
    assert schedules.update(hourly, NEW, job) == ""
    assert "its StartDate has passed, and is left out" in capsys.readouterr().out
    first, second = bridge.of("scheduler.UpdateSchedule")
    assert first["StartDate"] == moment(-3600)
    assert {**second, "ClientToken": 0, "StartDate": moment(-3600)} == {**first, "ClientToken": 0}
    assert bridge.runs[1] == "job:4"


def test_the_start_that_a_rate_counts_from_is_not_left_out(job: Job, bridge: EventBridge) -> None:
    """Without it, the schedule would run at other times."""
    bridge.schedule = schedule(StartDate=moment(-3600), ScheduleExpression="rate(1 day)")
    bridge.aws.on("scheduler.UpdateSchedule", only_without_start(bridge))
    (hourly,) = prepare(job, HOURLY)
    assert "Give it a cron() expression in the infra repository." in schedules.update(hourly, NEW, job)
    assert bridge.aws.count("scheduler.UpdateSchedule") == 1
    assert bridge.runs[1] == "job:3"


# ---- through the verb ----


@pytest.fixture
def nightly_and_hourly(aws: ScriptedAws, bridge: EventBridge) -> EventBridge:
    """A document with a service and two scheduled tasks, whose definition becomes job:2."""
    content = {**DOCUMENT, "scheduled-tasks": {**NIGHTLY, **HOURLY}}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(content), "Version": 3}})
    old = ecs.deployment("ecs-svc/1", "ACTIVE", "web:1")
    moving = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")
    started = ecs.service(deployments=[moving, old])
    aws.on("ecs.UpdateService", {"service": started})
    done = ecs.service(deployments=[ecs.deployment("ecs-svc/2", task_definition="web:2")])
    aws.on("ecs.DescribeServices", {"services": [done]}, after="ecs.UpdateService")
    task = ecs.task(task_definition="web:2", started_by="ecs-svc/2")
    aws.on("ecs.ListTasks", {"taskArns": []})
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]}, where={"desiredStatus": "RUNNING"})
    aws.on("ecs.DescribeTasks", {"tasks": [task]})
    return bridge


def test_scheduled_tasks_get_the_revision_after_the_services_succeeded(
    aws: ScriptedAws, step: Run, nightly_and_hourly: EventBridge
) -> None:
    """Both run the commit's image; their equal definitions are one revision."""
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "scheduled task nightly: rule my-rule, job:3 -> job:2" in ended.log
    assert nightly_and_hourly.runs == ["job:2", "job:2"]
    registered = [call.params["family"] for call in aws.calls if call.operation == "ecs.RegisterTaskDefinition"]
    assert sorted(registered) == ["job", "web"]
    changed = next(call.time for call in aws.calls if call.operation == "events.PutTargets")
    assert changed >= next(call.time for call in aws.calls if call.operation == "ecs.UpdateService")


def test_a_deployment_that_fails_leaves_the_scheduled_tasks_as_they_are(
    aws: ScriptedAws, step: Run, nightly_and_hourly: EventBridge
) -> None:
    """They keep the revision that works, and their unused new revision is deregistered."""
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
    back = ecs.deployment("ecs-svc/3", task_definition="web:1", reason=ecs.rolling_back("ecs-svc/2"))
    failed = ecs.deployment("ecs-svc/2", "ACTIVE", "web:2", "FAILED")
    aws.on("ecs.DescribeServices", {"services": [ecs.service(deployments=[back, failed])]}, after="ecs.UpdateService")
    aws.on("ecs.DeregisterTaskDefinition", {"taskDefinition": ecs.task_definition("job", 2)})
    assert step("deploy").exit_code == 3
    assert nightly_and_hourly.runs == ["job:3", "job:3"]
    forgotten = [call.params for call in aws.calls if call.operation == "ecs.DeregisterTaskDefinition"]
    assert forgotten == [{"taskDefinition": ecs.task_definition_arn("job:2")}]


def test_a_scheduled_task_without_its_rule_is_refused_before_anything_is_changed(
    aws: ScriptedAws, step: Run, nightly_and_hourly: EventBridge
) -> None:
    """Not after half of a deployment."""
    aws.on("events.DescribeRule", error("ResourceNotFoundException"))
    ended = step("deploy")
    assert ended.exit_code == 2
    assert "no EventBridge rule my-rule" in ended.log
    assert aws.count("ecs.RegisterTaskDefinition") == aws.count("ecs.UpdateService") == 0


def test_one_scheduled_task_that_fails_is_a_failure_and_stops_no_other(
    aws: ScriptedAws, step: Run, nightly_and_hourly: EventBridge
) -> None:
    """The log has the result of each; the services stay as they are."""
    aws.on("events.PutTargets", denied("events:PutTargets"))
    ended = step("deploy")
    assert ended.exit_code == 1
    assert "scheduled task nightly: the rule my-rule did not get job:2" in ended.log
    assert nightly_and_hourly.runs == ["job:3", "job:2"]
    assert aws.count("ecs.UpdateService") == 1
