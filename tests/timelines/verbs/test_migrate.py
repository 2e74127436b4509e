"""Migrations that meet real faults: never two of them, and never a false success."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import (
    Params,
    ScriptedAws,
    at,
    denied,
    ecs,
    error,
    expired,
    lost,
    reset,
    server_error,
    throttled,
)
from tests.timelines.conftest import DOCUMENT, Step

Run = Callable[..., Step]


NOWHERE: Params = {"tasks": [], "failures": [{"reason": "ATTRIBUTE", "detail": "ecs.os-type"}]}


def migration(status: str, **more: Any) -> Params:
    return ecs.task("task-1", status, task_definition="migration:2", **more)


def stopped(exit_code: int | None, stop_code: str = "EssentialContainerExited", **more: Any) -> Params:
    ended: Params = {} if exit_code is None else {"exitCode": exit_code}
    return migration("STOPPED", stopCode=stop_code, containers=[ecs.container(status="STOPPED", **ended)], **more)


@pytest.fixture(autouse=True)
def runs(aws: ScriptedAws) -> ecs.RunTask:
    """A cluster that runs the migration for ten seconds; it exits with 0 and logs two lines."""
    run_task = ecs.RunTask()
    aws.on("ecs.RunTask", run_task)
    aws.on("ecs.DeregisterTaskDefinition", {"taskDefinition": ecs.task_definition("migration", 2)})
    tell(aws, at(0, {"tasks": [migration("RUNNING")]}), at(10, {"tasks": [stopped(0)]}))
    lines = [{"message": "applying 001"}, {"message": "::error::not a command"}]
    aws.on("logs.GetLogEvents", {"events": lines, "nextForwardToken": "f/2"}, where={"startFromHead": True})
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/2"}, where={"nextToken": "f/2"})
    return run_task


def tell(aws: ScriptedAws, *answers: Any) -> None:
    aws.on("ecs.DescribeTasks", *answers, after="ecs.RunTask")


def test_a_migration_is_green_when_its_container_exited_with_0(aws: ScriptedAws, step: Run) -> None:
    """The service's network and launch type, the document's command, the log in the job log."""
    ended = step("migrate")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["migration-result"] == "succeeded"
    assert ended.outputs["migration-exit-code"] == "0"
    assert ended.outputs["migration-task-arn"].endswith("task-1")
    assert "applying 001" in ended.log
    request = next(call.params for call in aws.calls if call.operation == "ecs.RunTask")
    assert request["networkConfiguration"] == ecs.service()["networkConfiguration"]
    assert request["launchType"] == "FARGATE"
    assert request["overrides"]["containerOverrides"] == [{"name": "app", "command": ["migrate", "up"]}]
    assert len(request["clientToken"]) <= 64


def test_relayed_lines_can_not_command_the_runner(step: Run) -> None:
    """Between stop-commands and its token, and never at the start of a line."""
    lines = step("migrate").log.splitlines()
    hostile = next(number for number, line in enumerate(lines) if "not a command" in line)
    assert not lines[hostile].lstrip().startswith("::")
    stops = [number for number, line in enumerate(lines) if line.startswith("::stop-commands::") and number < hostile]
    token = lines[stops[-1]].rpartition("::")[2]
    assert lines.index(f"::{token}::") > hostile


@pytest.mark.parametrize("times", [1, 2, 4])
@pytest.mark.parametrize(
    "how", [lost, lambda answer: reset(), lambda answer: server_error()], ids=["lost", "reset", "503"]
)
def test_a_lost_answer_never_starts_a_second_migration(
    aws: ScriptedAws, step: Run, runs: ecs.RunTask, how: Any, times: int
) -> None:
    """Whatever happened to the call, exactly one task runs."""
    aws.on("ecs.RunTask", *(how(runs) for _ in range(times)), runs)
    aws.on("ecs.ListTasks", lambda params: {"taskArns": []})
    assert step("migrate").exit_code == 0
    assert len(runs.started) == 1
    assert len({call.params["clientToken"] for call in aws.calls if call.operation == "ecs.RunTask"}) == 1


def test_a_lost_answer_is_looked_for_before_the_call_is_repeated(
    aws: ScriptedAws, step: Run, runs: ecs.RunTask
) -> None:
    """The task that carries our name is taken; RunTask is not called again."""
    aws.on("ecs.RunTask", lost(runs))
    aws.on("ecs.ListTasks", lambda params: {"taskArns": [t["taskArn"] for t in runs.started]})
    tell(aws, at(0, lambda params: {"tasks": runs.started}), at(5, {"tasks": [stopped(0)]}))
    assert step("migrate").exit_code == 0
    assert aws.count("ecs.RunTask") == 1


def test_a_refused_run_task_is_not_repeated(aws: ScriptedAws, step: Run) -> None:
    """No permission is an answer."""
    aws.on("ecs.RunTask", denied())
    ended = step("migrate")
    assert ended.exit_code == 2
    assert aws.count("ecs.RunTask") == 1


def test_a_throttled_run_task_is_repeated(aws: ScriptedAws, step: Run, runs: ecs.RunTask) -> None:
    """Throttling passes, and nothing was started."""
    aws.on("ecs.RunTask", throttled(), runs)
    aws.on("ecs.ListTasks", {"taskArns": []})
    assert step("migrate").exit_code == 0
    assert len(runs.started) == 1


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (stopped(3), "container `app` exited with 3"),
        (stopped(None, "TaskFailedToStart", stoppedReason="CannotPullContainerError: x not found"), "never ran"),
        (stopped(137, stoppedReason="OutOfMemoryError: killed"), "exited with 137"),
        (stopped(0, "SpotInterruption"), "SpotInterruption"),
        (stopped(0, "UserInitiated", stoppedReason="stopped by somebody"), "stopped by somebody"),
    ],
)
def test_everything_but_the_containers_own_0_is_red(aws: ScriptedAws, step: Run, task: Params, words: str) -> None:
    """The log has stop code, reason, exit code and the last lines."""
    tell(aws, at(0, {"tasks": [task]}))
    ended = step("migrate")
    assert ended.exit_code == 1
    assert ended.outputs["migration-result"] == "failed"
    assert words in ended.log
    assert str(task["stopCode"]) in ended.log
    assert "applying 001" in ended.summary


def test_a_sidecars_exit_code_is_nobodys_failure(aws: ScriptedAws, step: Run) -> None:
    """ECS kills the sidecars when the migration has ended."""
    sidecar = ecs.container("agent", "STOPPED", exitCode=137)
    task = migration("STOPPED", stopCode="EssentialContainerExited")
    tell(aws, at(0, {"tasks": [task | {"containers": [ecs.container(status="STOPPED", exitCode=0), sidecar]}]}))
    assert step("migrate").exit_code == 0


NOT_ENDED: list[tuple[str, Params, int, str]] = [
    ("0", migration("RUNNING"), 0, "Migration succeeded: container `app` exited with 0; the task keeps running because of `proxy`"),
    ("3", migration("RUNNING"), 1, "container `app` exited with 3; the task keeps running because of `proxy`"),
    ("0", migration("STOPPING", desiredStatus="STOPPED", stopCode="EssentialContainerExited"), 0, "container `app` exited with 0 ("),
]  # fmt: skip


@pytest.mark.parametrize(("code", "task", "exit_code", "words"), NOT_ENDED)
def test_the_named_container_decides_whatever_its_sidecars_do(
    aws: ScriptedAws, step: Run, code: str, task: Params, exit_code: int, words: str
) -> None:
    """Its exit code is the verdict as soon as it has one; output and step agree, and the log is complete."""
    containers = [ecs.container("app", "STOPPED", exitCode=int(code)), ecs.container("proxy", "RUNNING")]
    tell(aws, at(0, {"tasks": [migration("RUNNING")]}), at(10, {"tasks": [task | {"containers": containers}]}))
    ended = step("migrate")
    assert ended.exit_code == exit_code, ended.log
    assert ended.outputs["migration-exit-code"] == code
    assert words in ended.log
    assert "applying 001" in ended.log
    assert "was still running" not in ended.log


@pytest.mark.parametrize(("essential", "exit_code"), [(True, 1), (False, 0)])
def test_a_0_after_an_essential_sidecar_ended_is_no_success(
    aws: ScriptedAws, step: Run, essential: bool, exit_code: int
) -> None:
    """ECS then stops the migration, and a program may end with 0 on SIGTERM; what is not essential stops nothing."""
    definition = ecs.task_definition("migration", containers=("app", "proxy"))
    definition["containerDefinitions"][1]["essential"] = essential
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": definition})
    stop = {"stopCode": "EssentialContainerExited", "desiredStatus": "STOPPED"}
    proxy = ecs.container("proxy", "STOPPED", exitCode=1)
    being_stopped = migration("RUNNING", containers=[ecs.container("app"), proxy], **stop)
    ended_with_0 = migration("STOPPED", containers=[ecs.container("app", "STOPPED", exitCode=0), proxy], **stop)
    tell(aws, at(0, {"tasks": [being_stopped]}), at(10, {"tasks": [ended_with_0]}))
    ended = step("migrate")
    assert (ended.exit_code, ended.outputs["migration-exit-code"]) == (exit_code, "0")
    assert ("maybe unfinished (the essential container `proxy` ended first)" in ended.log) is essential
    assert ("Likely cause: container `proxy` exited with 1" in ended.log) is essential


@pytest.mark.parametrize(
    "stop_code", ["SpotInterruption", "TerminationNotice", "InfrastructureHealth", "UserInitiated"]
)
def test_nothing_starts_a_migration_again(aws: ScriptedAws, step: Run, stop_code: str) -> None:
    """Its end from outside is a failure even with exit code 0; the next step is to look how far it got."""
    tell(aws, at(0, {"tasks": [stopped(0, stop_code, stoppedReason="Host EC2 (instance i-0) terminated.")]}))
    ended = step("migrate")
    assert (ended.exit_code, ended.outputs["migration-exit-code"]) == (1, "0")
    assert "exited with 0 while the task was being stopped, maybe unfinished" in ended.log
    assert "Nothing starts a one-off task again: check in its log how far it got" in ended.log
    assert "ECS starts" not in ended.log


MISSING: Params = {"tasks": [], "failures": [{"reason": "MISSING"}]}


@pytest.mark.parametrize(
    ("answers", "cause", "goes_on"),
    [
        ([MISSING], "ECS never listed the task", False),
        ([at(0, {"tasks": [migration("RUNNING")]}), at(5, MISSING)], "ECS no longer lists the task", False),
        ([{"tasks": [migration("PROVISIONING")]}], "the migration has not started: the task is PROVISIONING", True),
        ([{"tasks": [migration("PENDING")]}], "the migration has not started: the task is PENDING", True),
        ([{"tasks": [migration("DEACTIVATING")]}], "the migration has not ended: the task is DEACTIVATING", True),
        ([{"tasks": [migration("RUNNING")]}], "the migration was still running", True),
    ],
)
def test_a_timeout_says_no_more_than_is_known(
    aws: ScriptedAws, step: Run, answers: list[Any], cause: str, goes_on: bool
) -> None:
    """What ECS does not list is not "still running", and what waits for capacity does not need longer."""
    tell(aws, *answers)
    ended = step("migrate", migration_timeout="1m")
    assert (ended.exit_code, ended.outputs["migration-result"]) == (7, "timed-out")
    assert f"Likely cause: {cause}" in ended.log
    assert ("the task keeps running: arn" in ended.log) is goes_on
    assert ("Raise migration-timeout" in ended.log) is ("still running" in cause)


def test_a_task_that_is_not_listed_yet_is_waited_for(aws: ScriptedAws, step: Run) -> None:
    """DescribeTasks lags behind RunTask."""
    missing = {"tasks": [], "failures": [{"reason": "MISSING"}]}
    tell(aws, at(0, missing), at(5, {"tasks": [stopped(0)]}))
    assert step("migrate").exit_code == 0


@pytest.mark.parametrize("fault", [throttled(), server_error(), reset()], ids=str)
def test_faults_while_waiting_are_survived(aws: ScriptedAws, step: Run, fault: Any) -> None:
    """A migration never fails on a read."""
    tell(aws, at(0, {"tasks": [migration("RUNNING")]}), at(5, fault), at(65, {"tasks": [stopped(0)]}))
    ended = step("migrate")
    assert ended.exit_code == 0
    assert ended.log.count("AWS can't be read at the moment") == 1


def test_a_log_that_can_not_be_read_is_a_warning(aws: ScriptedAws, step: Run) -> None:
    """The verdict is the exit code; the log is a courtesy. Said once."""
    aws.on("logs.GetLogEvents", denied())
    ended = step("migrate")
    assert ended.exit_code == 0
    assert ended.log.count("can't be read (AccessDeniedException)") == 1


def test_no_room_now_is_tried_again_and_no_such_cluster_is_not(aws: ScriptedAws, step: Run, runs: ecs.RunTask) -> None:
    """Capacity comes and goes; a definite answer with failures has started nothing."""
    aws.on("ecs.RunTask", {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}, runs)
    assert step("migrate").exit_code == 0
    assert len(runs.started) == 1


def test_a_lack_of_capacity_is_explained_when_the_time_is_over(aws: ScriptedAws, step: Run) -> None:
    """With its cause, and with what helps a one-off task."""
    aws.on("ecs.RunTask", {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]})
    ended = step("migrate", migration_timeout="30s")
    assert (ended.exit_code, ended.outputs["migration-result"]) == (1, "failed")
    assert "Likely cause: no instance has enough free CPU, memory or GPU" in ended.log
    assert "or lower `cpu` and `memory`." in ended.log
    assert "minimumHealthyPercent" not in ended.log


def test_a_placement_that_can_not_heal_is_refused(aws: ScriptedAws, step: Run) -> None:
    """An attribute that no instance has will not appear."""
    aws.on("ecs.RunTask", NOWHERE)
    ended = step("migrate")
    assert ended.exit_code == 1
    assert "ATTRIBUTE (ecs.os-type)" in ended.log
    assert aws.count("ecs.RunTask") == 1


@pytest.mark.parametrize(
    ("answer", "gone"),
    [(NOWHERE, 1), (denied(), 1), ({"tasks": [migration("PROVISIONING")], "failures": []}, 0)],
    ids=["no place", "denied", "started"],
)
def test_a_revision_that_nothing_was_started_with_goes_again(
    aws: ScriptedAws, step: Run, answer: Any, gone: int
) -> None:
    """If it was registered for this migration."""
    aws.on("ecs.RunTask", answer)
    step("migrate")
    assert aws.count("ecs.RegisterTaskDefinition") == 1
    found = [call.params for call in aws.calls if call.operation == "ecs.DeregisterTaskDefinition"]
    assert found == [{"taskDefinition": ecs.task_definition_arn("migration:2")}] * gone


def test_a_revision_that_a_task_may_have_been_started_with_stays(
    aws: ScriptedAws, step: Run, runs: ecs.RunTask
) -> None:
    """The answer was lost, and then the credentials expired."""
    aws.on("ecs.RunTask", lost(runs), expired())
    aws.on("ecs.ListTasks", expired(), after="ecs.RunTask")
    assert step("migrate").exit_code == 8
    assert aws.count("ecs.DeregisterTaskDefinition") == 0


def test_a_revision_that_was_there_before_stays(aws: ScriptedAws, step: Run) -> None:
    """Somebody else may want it."""
    there = ecs.task_definition("migration", 7)
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": there, "tags": []})
    aws.on("ecs.RunTask", NOWHERE)
    assert step("migrate").exit_code == 1
    assert aws.count("ecs.RegisterTaskDefinition") == aws.count("ecs.DeregisterTaskDefinition") == 0


def test_a_timeout_leaves_the_task_running_and_names_it(aws: ScriptedAws, step: Run) -> None:
    """With its own exit code; killing a migration halfway is never the default."""
    tell(aws, at(0, {"tasks": [migration("RUNNING")]}))
    ended = step("migrate", migration_timeout="60s")
    assert ended.exit_code == 7
    assert "the task keeps running: arn:aws:ecs" in ended.log
    assert aws.count("ecs.StopTask") == 0
    assert "the migration was still running" in ended.log
    assert "stopped" not in ended.log


def test_fargate_spot_becomes_fargate(aws: ScriptedAws, step: Run) -> None:
    """A lack of spot capacity must not interrupt a migration."""
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    service = ecs.service(capacityProviderStrategy=strategy)
    del service["launchType"]
    aws.on("ecs.DescribeServices", {"services": [service]})
    assert step("migrate").exit_code == 0
    request = next(call.params for call in aws.calls if call.operation == "ecs.RunTask")
    assert request["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE", "weight": 1}]
    assert "launchType" not in request


def test_network_settings_go_only_with_awsvpc(aws: ScriptedAws, step: Run) -> None:
    """ECS refuses them for bridge and host."""
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("migration", networkMode="bridge")})
    assert step("migrate").exit_code == 0
    request = next(call.params for call in aws.calls if call.operation == "ecs.RunTask")
    assert "networkConfiguration" not in request


def test_without_a_migration_in_the_document_it_is_skipped_and_said_once(aws: ScriptedAws, step: Run) -> None:
    """Green, and not silently."""
    content = {key: value for key, value in DOCUMENT.items() if key != "migration"}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(content)}})
    ended = step("migrate")
    assert ended.exit_code == 0
    assert ended.outputs["migration-result"] == "skipped"
    assert ended.log.count("skipped") == 1
    assert aws.count("ecs.RunTask") == 0


def test_another_request_with_our_token_is_a_conflict_and_said(aws: ScriptedAws, step: Run) -> None:
    """A second migration is not started on top of the first."""
    aws.on("ecs.RunTask", error("ConflictException", "clientToken in use", resourceIds=["arn:first"]))
    assert step("migrate").exit_code == 2
    assert aws.count("ecs.RunTask") == 1


def test_a_look_that_is_refused_is_no_answer_of_run_task(aws: ScriptedAws, step: Run, runs: ecs.RunTask) -> None:
    """The role may lack ListTasks: the call is repeated with its clientToken, which starts nothing twice."""
    aws.on("ecs.RunTask", lost(runs), runs)
    aws.on("ecs.ListTasks", denied(), after="ecs.RunTask")
    assert step("migrate").exit_code == 0
    assert len(runs.started) == 1


def test_credentials_that_expire_after_a_lost_answer_leave_the_outcome_unknown(
    aws: ScriptedAws, step: Run, runs: ecs.RunTask
) -> None:
    """The task may run: that is not "not begun"."""
    aws.on("ecs.RunTask", lost(runs), expired())
    aws.on("ecs.ListTasks", {"taskArns": []})
    ended = step("migrate")
    assert ended.exit_code == 8
    assert ended.outputs["migration-result"] == "unknown"
    assert "may have been carried out" in ended.log


def test_a_template_that_ecs_would_refuse_is_refused_before_the_migration(aws: ScriptedAws, step: Run) -> None:
    """In the pipeline the deployment's template is read, to its last required field, before anything runs."""
    services = {"web": {"task-definition": "s3://my-bucket/t.json", "containers": {"app": "app"}}}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps({**DOCUMENT, "services": services})}})
    container = {"name": "app", "image": "x", "secrets": [{"name": "TOKEN"}]}
    template = {"family": "web", "networkMode": "awsvpc", "containerDefinitions": [container]}
    aws.on("s3.GetObject", {"Body": json.dumps(template).encode()})
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    ended = step("pipeline")
    assert ended.exit_code == 2
    assert "containerDefinitions[0].secrets[0].valueFrom: is missing" in ended.log
    assert aws.count("ecs.RunTask") == 0


def test_a_strategy_keeps_a_weight_without_spot(aws: ScriptedAws, step: Run) -> None:
    """ "Base on demand, the rest on spot" leaves weight 0, which RunTask refuses."""
    strategy = [
        {"capacityProvider": "FARGATE", "base": 1, "weight": 0},
        {"capacityProvider": "FARGATE_SPOT", "weight": 1},
    ]
    service = ecs.service(capacityProviderStrategy=strategy)
    del service["launchType"]
    aws.on("ecs.DescribeServices", {"services": [service]})
    assert step("migrate").exit_code == 0
    request = next(call.params for call in aws.calls if call.operation == "ecs.RunTask")
    assert request["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE", "base": 1, "weight": 1}]


def test_the_rest_of_a_long_log_is_shown(aws: ScriptedAws, step: Run) -> None:
    """CloudWatch Logs may still receive lines after the container has ended; a success shows them as well."""
    tell(aws, at(0, {"tasks": [stopped(0)]}))
    for n in range(5):
        # Each line is there only once the end was reached before it.
        line = {"events": [{"message": f"line {n}"}], "nextForwardToken": f"f/{n + 1}"}
        end = {"events": [], "nextForwardToken": f"f/{n}"}
        where = {"nextToken": f"f/{n}"} if n else {"startFromHead": True}
        aws.on("logs.GetLogEvents", *([end] if n else []), line, where=where)
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/5"}, where={"nextToken": "f/5"})
    ended = step("migrate")
    assert ended.exit_code == 0
    assert "line 4" in ended.log


def test_an_aws_that_is_out_of_reach_at_the_end_leaves_the_outcome_unknown(aws: ScriptedAws, step: Run) -> None:
    """Not "it needs longer": the state is unknown."""
    tell(aws, at(0, {"tasks": [migration("RUNNING")]}), at(5, reset()))
    ended = step("migrate", migration_timeout="60s")
    assert ended.exit_code == 8
    assert ended.outputs["migration-result"] == "unknown"
    assert "AWS could not be read when the time limit of 1 min was reached" in ended.log
