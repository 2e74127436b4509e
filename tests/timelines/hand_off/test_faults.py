"""What goes wrong between hand-off and AWS, on the runner, and over hours."""

from __future__ import annotations

import gc
import os
import signal
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from ecs_cd import cli
from tests.scripted_aws import (
    Answer,
    Clock,
    Params,
    at,
    course,
    denied,
    error,
    expired,
    lost,
    reset,
    server_error,
    throttled,
)
from tests.scripted_aws.codebuild import EXIT_1, Build
from tests.scripted_aws.codepipeline import DEPLOY, MIGRATE, SOURCE, declaration, stage
from tests.scripted_aws.course import MIGRATION, SUCCEEDS, ends, execution_id, fails, happens
from tests.timelines.hand_off.conftest import DECLARED, OBJECT, START, VARIABLES, Run, World, cancels, original

STOP = "codepipeline.StopPipelineExecution"
FAULTS = [reset(), server_error(), throttled()]
NAMES = ["reset", "503", "throttled"]
POLLS = ["codepipeline.GetPipelineExecution", "codepipeline.ListActionExecutions"]
READS = [
    *("ssm.GetParameter", "ecr.BatchGetImage", "codepipeline.GetPipeline", "codepipeline.GetPipelineState"),
    *("codepipeline.ListPipelineExecutions", *POLLS, "codebuild.BatchGetBuilds", "logs.GetLogEvents"),
]


def once(world: World, operation: str, number: int, fault: Answer) -> None:
    """The call of this number fails."""
    answer = original(world, operation)
    world.aws.on(operation, *[answer] * (number - 1), fault, answer)


# ---- a fault at every call ----


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
@pytest.mark.parametrize(
    ("operation", "number"),
    [*((each, 1) for each in (*READS, START, "s3.PutObject")), *((each, 3) for each in (*POLLS, "logs.GetLogEvents"))],
)
def test_a_fault_of_a_moment_changes_nothing(
    step: Run, world: World, operation: str, number: int, fault: Answer
) -> None:
    """At every call: reads are repeated, the start has its token, and an object may be put twice."""
    world.document({**OBJECT, "commit": "COMMIT"} if operation == "s3.PutObject" else VARIABLES)
    once(world, operation, number, fault)
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (0, "succeeded"), ended.log
    assert len(world.pipeline.started) == 1


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_a_fault_while_a_failure_is_read_leaves_the_verdict(step: Run, world: World, fault: Answer) -> None:
    """Evidence is tried again, or left out."""
    world.goes(fails(60), migrate=Build(6, 59, EXIT_1, log=[(8, "hello")]))
    for operation in ("codebuild.BatchGetBuilds", "logs.GetLogEvents", *POLLS):
        world.aws.on(operation, at(58, fault), at(62, original(world, operation)))
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"], ended.outputs["failed-action"]) == (1, "failed", "Migrate")


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
@pytest.mark.parametrize("operation", POLLS)
def test_looks_that_fail_for_two_minutes_are_survived(step: Run, world: World, operation: str, fault: Answer) -> None:
    """A failed read is no verdict; the log says once that ecs-cd can't read."""
    answer = original(world, operation)
    world.aws.on(operation, at(0, answer), at(10, fault), at(130, answer))
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log
    assert ended.log.count("AWS can't be read at the moment") == 1


@pytest.mark.parametrize("operation", POLLS)
def test_looks_that_fail_until_the_end_leave_the_outcome_unknown(step: Run, world: World, operation: str) -> None:
    """The execution may have ended long ago."""
    world.aws.on(operation, at(0, original(world, operation)), at(10, throttled()))
    ended = step("hand-off", timeout="10m")
    assert (ended.exit_code, ended.outputs["result"]) == (8, "unknown"), ended.log
    assert execution_id(1) in ended.log
    assert world.mutations() == [START]


@pytest.mark.parametrize("refusal", [expired(), denied()], ids=["expired", "denied"])
@pytest.mark.parametrize("operation", POLLS)
def test_credentials_that_end_while_waiting_are_no_verdict(
    step: Run, world: World, operation: str, refusal: Answer
) -> None:
    """The outcome is unknown, and the execution, which continues, is named."""
    world.aws.on(operation, at(0, original(world, operation)), at(10, refusal))
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (8, "unknown"), ended.log
    assert execution_id(1) in ended.log
    assert "continues" in ended.log


# ---- cancelled, and killed ----


def test_a_cancelled_job_leaves_the_execution(step: Run, world: World) -> None:
    """It says where it is, with its link, and how to stop it."""
    cancels(world, "codepipeline.GetPipelineExecution", 4)
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (130, "cancelled"), ended.log
    assert world.mutations() == [START]
    assert execution_id(1) in ended.log
    assert "https://" in ended.log
    assert "stop-pipeline-execution" in ended.log


def test_a_cancelled_job_stops_the_execution_if_asked(step: Run, world: World) -> None:
    """Its own, by its id, and without abandoning what is in progress: a migration must not be cut."""
    cancels(world, "codepipeline.GetPipelineExecution", 4)
    ended = step("hand-off", on_cancel="stop")
    assert ended.exit_code == 130, ended.log
    [stopped] = world.called("StopPipelineExecution")
    assert stopped.pop("reason", "x")
    assert stopped.pop("abandon", False) is False
    assert stopped == {"pipelineName": "my-app-deploy", "pipelineExecutionId": execution_id(1)}


@pytest.mark.parametrize(
    "refusal",
    [
        error("PipelineExecutionNotStoppableException"),
        error("DuplicatedStopRequestException"),
        lost({"pipelineExecutionId": execution_id(1)}),  # and the second call is a DuplicatedStopRequest
    ],
    ids=str,
)
def test_a_stop_that_comes_too_late_is_said(step: Run, world: World, refusal: Answer) -> None:
    """hand-off does not claim that it stops the execution: it has ended, or it is stopping already."""
    cancels(world, "codepipeline.GetPipelineExecution", 4)
    world.aws.on(STOP, refusal, error("DuplicatedStopRequestException"))
    ended = step("hand-off", on_cancel="stop")
    assert ended.exit_code == 130, ended.log
    assert f"execution {execution_id(1)} of my-app-deploy has ended or is already being stopped" in ended.log
    assert "is being stopped (on-cancel" not in ended.log


def test_a_stop_that_is_refused_is_said(step: Run, world: World) -> None:
    """The last word is never a traceback, and a later step of the job tries again, by the state file."""
    cancels(world, "codepipeline.GetPipelineExecution", 4)
    world.aws.on(STOP, denied(STOP))
    with pytest.raises(AssertionError, match="a state file is left") as left:
        step("hand-off", on_cancel="stop")
    assert f"can't find out what became of execution {execution_id(1)}" in str(left.value)
    assert "Traceback" not in str(left.value)


def test_a_job_that_is_cancelled_before_anything_starts_stops_nothing(step: Run, world: World) -> None:
    """There is nothing of its own."""
    cancels(world, "codepipeline.GetPipeline")
    ended = step("hand-off", on_cancel="stop")
    assert ended.exit_code == 130, ended.log
    assert world.mutations() == []


def test_a_start_whose_answer_was_lost_is_not_stopped_by_guess(step: Run, world: World) -> None:
    """Other executions of the pipeline are other people's: without an id, hand-off says what to look for."""
    theirs = course.Execution(execution_id("theirs"), -10, SUCCEEDS)
    world.pipeline.others = [theirs]

    def cancel(params: Params) -> Answer:
        os.kill(os.getpid(), signal.SIGINT)
        return lost(world.pipeline.start(params))

    world.aws.on(START, cancel)
    ended = step("hand-off", on_cancel="stop")
    assert ended.exit_code == 130, ended.log
    assert "if StartPipelineExecution succeeded, an execution of the pipeline my-app-deploy continues" in ended.log
    assert not [each for each in world.called("StopPipelineExecution") if each["pipelineExecutionId"] == theirs.id]


class Killed(BaseException):
    """SIGKILL, as far as this process can have it: nothing of ecs-cd runs any more."""


@pytest.mark.parametrize(("policy", "stops"), [("leave", 0), ("stop", 1)])
def test_a_later_step_finds_what_a_killed_one_left(
    step: Run,
    world: World,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    policy: str,
    stops: int,
) -> None:
    """By the state file: the execution is named, or stopped if on-cancel says so."""

    def kill(seconds: float) -> None:
        Clock.sleep(clock, seconds)
        if clock.monotonic() > 20:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(clock, "sleep", kill)
        with pytest.raises(Killed):
            step("hand-off", on_cancel=policy)
    [left] = (tmp_path / "ecs-cd").glob("under-way-*.json")
    left.rename(left.with_name(left.stem.rpartition("-")[0] + "-99999999.json"))  # of a process that is no more
    capfd.readouterr()
    assert cli.main(["clean-up"], os.environ, clock=clock) == 0
    said = "".join(capfd.readouterr())
    assert execution_id(1) in said
    assert [each["pipelineExecutionId"] for each in world.called("StopPipelineExecution")] == [execution_id(1)] * stops
    assert not list((tmp_path / "ecs-cd").glob("under-way-*"))


def test_the_state_file_is_there_before_the_start(step: Run, world: World, tmp_path: Path) -> None:
    """A process that is killed during the call leaves a trace."""
    seen: list[str] = []

    def start(params: Params) -> Answer:
        seen.extend(path.read_text() for path in (tmp_path / "ecs-cd").glob("under-way-*.json"))
        return world.pipeline.start(params)

    world.aws.on(START, start)
    assert step("hand-off").exit_code == 0
    assert len(seen) == 1
    assert "my-app-deploy" in seen[0]


# ---- hours ----


def long(world: World, minutes: int) -> None:
    """A migration that takes that long, and says something every ten seconds."""
    end, log = minutes * 60.0, [(10.0 * number, f"row {number}") for number in range(1, minutes * 6)]
    world.goes(
        (*SUCCEEDS[:3], happens(end, "Migrate/Migrate", "Succeeded", build=MIGRATION), ends(end + 2, "Succeeded")),
        migrate=Build(6, end - 1, log=log),
    )


def test_waiting_costs_at_most_24_calls_a_minute(step: Run, world: World) -> None:
    """Of all services together, while a build runs and writes its log; in the first minute more changes."""
    long(world, 20)
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log
    begun = next(call.time for call in world.aws.calls if call.operation == START)
    minutes = Counter(int((call.time - begun) // 60) for call in world.aws.calls)
    assert max(count for minute, count in minutes.items() if 1 <= minute < 20) <= 24, minutes
    assert minutes[0] <= 48


def test_hours_leave_few_lines(step: Run, world: World) -> None:
    """Beside the build's own log, which is relayed."""
    long(world, 90)
    ended = step("hand-off", timeout="2h")
    assert ended.exit_code == 0, ended.log
    own = [line for line in ended.log.splitlines() if "row " not in line and not line.startswith("::")]
    assert len(own) <= 30, own
    assert len(ended.summary) <= 5_000


def test_hours_take_no_memory(step: Run, world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a poll reads replaces what the previous one has read: of a hundred polls' answers little is left."""
    long(world, 12)
    left: list[int] = []

    def sleep(seconds: float) -> None:
        Clock.sleep(clock, seconds)
        if clock.monotonic() >= 120 and not tracemalloc.is_tracing() and not left:
            tracemalloc.start()
        if clock.monotonic() >= 620 and not left:
            gc.collect()
            ours = [tracemalloc.Filter(True, f"*/{where}") for where in ("ecs_cd/*", "botocore/parsers.py")]
            statistics = tracemalloc.take_snapshot().filter_traces(ours).statistics("filename")
            tracemalloc.stop()
            left.append(sum(each.size for each in statistics))

    monkeypatch.setattr(clock, "sleep", sleep)
    assert step("hand-off").exit_code == 0
    assert left[0] <= 60_000


@pytest.mark.parametrize("goal", ["end", "Deploy"])
def test_a_failed_action_beside_a_long_one_costs_no_more(step: Run, world: World, goal: str) -> None:
    """The execution ends when both have; until then there is nothing more to read."""
    deploys = [{**DEPLOY["actions"][0], "name": name} for name in ("Api", "Web")]
    world.pipeline.declared = declaration(SOURCE, MIGRATE, stage("Deploy", *deploys), variables=DECLARED)
    begun = [happens(42, f"Deploy/{name}", "InProgress") for name in ("Api", "Web")]
    broken = happens(50, "Deploy/Web", "Failed", error=course.BUILD_FAILED)
    world.goes((*SUCCEEDS[:4], *begun, broken, happens(600, "Deploy/Api", "Succeeded"), ends(601, "Failed")))
    ended = step("hand-off", wait_until=goal)
    assert ended.exit_code == 1, ended.log
    minutes = Counter(int(call.time // 60) for call in world.aws.calls)
    assert max(count for minute, count in minutes.items() if 1 <= minute < 9) <= 24, minutes


def test_a_flood_of_lines_is_bounded(step: Run, world: World) -> None:
    """A build that writes a hundred thousand lines a minute delays nothing."""
    flood = [(10 + number / 5000, f"line {number}") for number in range(100_000)]
    world.goes(fails(60), migrate=Build(6, 59, EXIT_1, log=flood))
    ended = step("hand-off")
    assert ended.exit_code == 1
    assert world.clock.monotonic() <= 61 + 10
    assert world.aws.count("logs.GetLogEvents") <= 60
    assert "line 99999" in ended.log
