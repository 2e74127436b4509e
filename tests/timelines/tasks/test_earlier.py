"""A migration meets those of earlier attempts and runs: never two at once, and never a second one of the same run."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.scripted_aws import Answer, Clock, Params, ScriptedAws, at, denied, ecs, error, reset, throttled
from tests.timelines.conftest import SHA, Step

Run = Callable[..., Step]

OTHER_SHA = "beef" + "0" * 36
LASTS = 20.0  # seconds
MISSING: Params = {"tasks": [], "failures": [{"reason": "MISSING"}]}


@dataclass
class Cluster:
    """Runs each task for some time, after which its container has exited with ``code``. Lists tasks as ECS does."""

    clock: Clock
    code: int = 0
    run_task: ecs.RunTask = field(default_factory=ecs.RunTask)
    started_at: list[float] = field(default_factory=list)
    others: list[Params] = field(default_factory=list)  # tasks that this test did not start
    stops: list[str] = field(default_factory=list)
    looks: int = 0  # the job is cancelled at that one
    shows: Callable[[Params, float], Params] | None = None  # what DescribeTasks makes of a task, given its age

    def __post_init__(self) -> None:
        self.began = self.clock.monotonic()

    def script(self, aws: ScriptedAws) -> Cluster:
        aws.on("ecs.RunTask", self.start)
        aws.on("ecs.ListTasks", self.list_tasks)
        aws.on("ecs.DescribeTasks", self.describe)
        aws.on("ecs.StopTask", self.stop)
        aws.on("ecs.DeregisterTaskDefinition", {})
        aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1"})
        return self

    def start(self, params: Params) -> Answer:
        answer = self.run_task(params)
        if len(self.run_task.started) > len(self.started_at):
            self.started_at.append(self.clock.monotonic())
        return answer

    def list_tasks(self, params: Params) -> Params:
        assert params["family"] == "migration"
        found = [task for task in self.tasks() if task["desiredStatus"] == params["desiredStatus"]]
        return {"taskArns": [task["taskArn"] for task in found]}

    def describe(self, params: Params) -> Params:
        self.looks -= 1
        if self.looks == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return ecs.described("tasks", *self.tasks())(params)

    def stop(self, params: Params) -> Params:
        self.stops.append(params["task"])
        return {"task": self.tasks()[0]}

    def tasks(self) -> list[Params]:
        pairs = zip(self.run_task.started, self.started_at, strict=True)
        return [*self.others, *(self.now(task, self.clock.monotonic() - began) for task, began in pairs)]

    def now(self, task: Params, age: float) -> Params:
        return self.shows(task, age) if self.shows else running(task) if age < LASTS else ended(task, self.code)

    @property
    def started(self) -> int:
        return len(self.run_task.started)


def running(task: Params, **more: Any) -> Params:
    return {**task, "lastStatus": "RUNNING", **more}


def ended(task: Params, code: int, stop_code: str = "EssentialContainerExited") -> Params:
    containers = [ecs.container(status="STOPPED", exitCode=code)]
    return {
        **task,
        "lastStatus": "STOPPED",
        "desiredStatus": "STOPPED",
        "stopCode": stop_code,
        "containers": containers,
    }


@pytest.fixture
def cluster(aws: ScriptedAws, clock: Clock) -> Cluster:
    return Cluster(clock).script(aws)


@pytest.fixture
def attempt(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says which attempt of which run the next step belongs to."""

    def set_to(number: int, run: str = "100", job: str = "deploy") -> None:
        monkeypatch.setenv("GITHUB_RUN_ID", run)
        monkeypatch.setenv("GITHUB_RUN_ATTEMPT", str(number))
        monkeypatch.setenv("GITHUB_JOB", job)

    set_to(1)
    return set_to


def lose(step: Run, cluster: Cluster, *, looks: int = 1, **inputs: str) -> Step:
    """A step that is cancelled at that look at its task, which runs on."""
    cluster.looks = looks
    ended = step("migrate", **inputs)
    assert ended.exit_code == 130
    return ended


# ---- the same commit ----


@pytest.mark.parametrize(("number", "run"), [(1, "100"), (2, "100"), (1, "101"), (3, "99")])
def test_the_same_commits_migration_is_followed(
    step: Run, cluster: Cluster, attempt: Any, number: int, run: str
) -> None:
    """In another attempt, in another run, by another process of the same attempt; its result is reported."""
    lose(step, cluster)
    attempt(number, run)
    again = step("migrate")
    assert again.exit_code == 0, again.log
    assert cluster.started == 1
    assert again.outputs["migration-task-arn"].endswith("task-1")
    assert again.outputs["migration-exit-code"] == "0"
    assert "task task-1 of this commit is RUNNING; following it instead of starting another" in again.log
    assert "migration:2" in again.summary


def test_its_failure_is_reported_too(step: Run, cluster: Cluster, attempt: Any) -> None:
    """The next re-run starts another one: a migration that failed may be repeated."""
    cluster.code = 3
    lose(step, cluster)
    attempt(2)
    again = step("migrate")
    assert (again.exit_code, cluster.started) == (1, 1)
    assert "container `app` exited with 3" in again.log
    cluster.code = 0
    attempt(3)
    cluster.shows = lambda task, age: ended(task, 3 if task["taskArn"].endswith("-1") else 0)
    assert step("migrate").exit_code == 0
    assert cluster.started == 2


def test_a_revision_is_not_registered_for_a_migration_that_is_followed(
    aws: ScriptedAws, step: Run, cluster: Cluster, attempt: Any
) -> None:
    """Nothing would run it."""
    lose(step, cluster)
    registered = aws.count("ecs.RegisterTaskDefinition")
    attempt(2)
    assert step("migrate").exit_code == 0
    assert aws.count("ecs.RegisterTaskDefinition") == registered


@pytest.mark.parametrize(("number", "run", "starts"), [(2, "100", 1), (1, "101", 2)])
def test_a_success_in_an_earlier_attempt_counts_and_another_run_asks_for_another(
    step: Run, cluster: Cluster, clock: Clock, attempt: Any, number: int, run: str, starts: int
) -> None:
    """A re-run continues its run: what it has done once is not done twice. A new run is a new request."""
    lose(step, cluster)
    clock.sleep(600)
    attempt(number, run)
    again = step("migrate")
    assert (again.exit_code, cluster.started) == (0, starts), again.log
    done = "task task-1 has succeeded in attempt 1 of this run, so it does not run again"
    assert (done in again.log) is (starts == 1)


def test_a_job_may_migrate_twice(
    step: Run, cluster: Cluster, attempt: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two steps of one attempt are two requests."""
    for name in ("first", "second"):
        monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / name))
        assert step("migrate").exit_code == 0
    assert cluster.started == 2


def test_a_success_whose_sidecar_runs_on_counts(step: Run, cluster: Cluster, attempt: Any) -> None:
    """The named container has exited with 0: its task does not have to end."""
    lose(step, cluster)
    containers = [ecs.container("app", "STOPPED", exitCode=0), ecs.container("proxy")]
    cluster.shows = lambda task, age: running(task, containers=containers)
    attempt(2)
    again = step("migrate")
    assert (again.exit_code, cluster.started) == (0, 1)
    assert "container `app` exited with 0; the task keeps running because of `proxy`" in again.log


@pytest.mark.parametrize(("code", "starts"), [(0, 1), (1, 2), (137, 1), (143, 1)])
def test_a_0_that_an_essential_sidecar_may_have_cut_short_does_not_count(
    aws: ScriptedAws, step: Run, cluster: Cluster, attempt: Any, code: int, starts: int
) -> None:
    """The first attempt fails when it sees the sidecar end first; a re-run sees only codes, and not all come by a stop."""
    definition = ecs.task_definition("migration", containers=("app", "proxy"))
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": definition})
    lose(step, cluster)
    containers = [ecs.container("app", "STOPPED", exitCode=0), ecs.container("proxy", "STOPPED", exitCode=code)]
    cluster.shows = lambda task, age: {
        **ended(task, 0),
        **({"containers": containers} if task["taskArn"].endswith("-1") else {}),
    }
    attempt(2)
    again = step("migrate")
    assert (again.exit_code, cluster.started) == (0, starts), again.log


def test_a_failure_whose_sidecar_runs_on_holds_nothing_up(step: Run, cluster: Cluster, attempt: Any) -> None:
    """Its work is over: the re-run starts another one at once."""
    containers = [ecs.container("app", "STOPPED", exitCode=1), ecs.container("proxy")]
    cluster.shows = lambda task, age: running(task, containers=containers)
    assert step("migrate").exit_code == 1
    cluster.shows = lambda task, age: (
        running(task, containers=containers) if task["taskArn"].endswith("-1") else ended(task, 0)
    )
    attempt(2)
    assert step("migrate").exit_code == 0
    assert cluster.started == 2


def test_a_migration_that_is_being_stopped_is_waited_for(step: Run, cluster: Cluster, attempt: Any) -> None:
    """It may still work until it has stopped, and it will not finish: then another one starts."""
    lose(step, cluster)
    stopping = {"desiredStatus": "STOPPED", "stopCode": "UserInitiated", "stoppedReason": "by hand"}

    def shows(task: Params, age: float) -> Params:
        if not task["taskArn"].endswith("-1"):
            return ended(task, 0)
        return running(task, **stopping) if age < LASTS else ended(task, 143, "UserInitiated")

    cluster.shows = shows
    attempt(2)
    again = step("migrate")
    assert (again.exit_code, cluster.started) == (0, 2), again.log
    assert cluster.started_at[1] - cluster.started_at[0] >= LASTS


@pytest.mark.parametrize(("run", "stopped"), [("100", 1), ("101", 0)])
def test_only_the_run_that_started_a_migration_stops_it(
    step: Run, cluster: Cluster, attempt: Any, run: str, stopped: int
) -> None:
    """A cancelled job with on-cancel: stop leaves what another run started, which may be watching it."""
    lose(step, cluster)
    attempt(2, run)
    told = lose(step, cluster, looks=2, on_cancel="stop")
    assert len(cluster.stops) == stopped
    assert ("is being stopped" in told.log) is bool(stopped)
    assert cluster.started == 1


# ---- another commit, another migration ----


def test_another_commits_migration_is_waited_for(step: Run, cluster: Cluster, attempt: Any) -> None:
    """Then this commit's starts; the log says what it waits for. The time of its own is not used up."""
    lose(step, cluster, sha=OTHER_SHA)
    attempt(1, "101")
    again = step("migrate", migration_timeout="25s")
    assert (again.exit_code, cluster.started) == (0, 2), again.log
    assert "migration: task task-1 of commit beef000 is RUNNING; waiting for it to end" in again.log
    assert cluster.started_at[1] - cluster.started_at[0] >= LASTS


def test_another_definition_for_the_same_commit_is_waited_for(
    aws: ScriptedAws, step: Run, cluster: Cluster, attempt: Any
) -> None:
    """The infra repo has changed it: what runs is not what would run."""
    lose(step, cluster)
    changed = ecs.task_definition("migration", memory="2048")
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": changed})
    attempt(2)
    assert step("migrate").exit_code == 0
    assert cluster.started == 2


@pytest.mark.parametrize("started_by", ["ecs-cd/abc", "ecs-cd/" + "f" * 64])
def test_what_another_release_started_is_waited_for(step: Run, cluster: Cluster, started_by: str) -> None:
    """Its commit is not known. When the time is over nothing has been started, and the log says so."""
    cluster.others = [ecs.task("theirs", started_by=started_by, task_definition="migration:1")]
    again = step("migrate", migration_timeout="10s")
    assert (again.exit_code, cluster.started) == (7, 0)
    assert "nothing was started: no verdict after 10" in again.log
    assert again.outputs["migration-result"] == "timed-out"


def test_a_job_that_is_cancelled_while_it_waits_stops_nothing(step: Run, cluster: Cluster) -> None:
    """What it waits for is another's."""
    cluster.others = [ecs.task("theirs", started_by="ecs-cd/abc", task_definition="migration:1")]
    cluster.looks = 2
    ended = step("migrate", on_cancel="stop")
    assert (ended.exit_code, cluster.started, cluster.stops) == (130, 0, [])


@pytest.mark.parametrize("started_by", ["ecs-svc/1", "someone", "", "GitHub-Actions"])
def test_what_ecs_cd_did_not_start_is_no_migration(step: Run, cluster: Cluster, started_by: str) -> None:
    """The family may be a service's, too."""
    cluster.others = [ecs.task("theirs", started_by=started_by, task_definition="migration:1")]
    assert step("migrate").exit_code == 0
    assert cluster.started == 1


# ---- on-conflict ----


@pytest.mark.parametrize("sha", [OTHER_SHA, SHA])
def test_a_migration_that_must_not_wait_fails(aws: ScriptedAws, step: Run, cluster: Cluster, sha: str) -> None:
    """Before anything is changed, whichever commit's it is."""
    lose(step, cluster, sha=sha)
    registered = aws.count("ecs.RegisterTaskDefinition")
    again = step("migrate", on_conflict="fail")
    assert (again.exit_code, cluster.started) == (2, 1)
    assert "another migration is running: task task-1 of" in again.log
    assert aws.count("ecs.RegisterTaskDefinition") == registered


def test_a_migration_can_wait_for_its_own_commits(step: Run, cluster: Cluster, attempt: Any) -> None:
    """And then run once more, if another run asks for it."""
    lose(step, cluster)
    attempt(1, "101")
    assert step("migrate", on_conflict="wait").exit_code == 0
    assert cluster.started == 2
    assert cluster.started_at[1] - cluster.started_at[0] >= LASTS


def test_a_rerun_that_waits_does_not_repeat_a_success(step: Run, cluster: Cluster, attempt: Any) -> None:
    """Once it has come, nothing is in conflict any more."""
    lose(step, cluster)
    attempt(2)
    assert step("migrate", on_conflict="wait").exit_code == 0
    assert cluster.started == 1


# ---- what can't be read ----


@pytest.mark.parametrize("fault", [throttled(), reset(), error("ServerException", status=500)], ids=str)
@pytest.mark.parametrize("operation", ["ecs.ListTasks", "ecs.DescribeTasks"])
def test_a_fault_never_starts_a_second_migration(
    aws: ScriptedAws, step: Run, cluster: Cluster, attempt: Any, operation: str, fault: Answer
) -> None:
    """What runs is looked for until AWS answers."""
    lose(step, cluster)
    now = cluster.clock.monotonic()
    answer = cluster.list_tasks if operation == "ecs.ListTasks" else cluster.describe
    aws.on(operation, at(now, fault), at(now + 5, answer))
    attempt(2)
    again = step("migrate")
    assert (again.exit_code, cluster.started) == (0, 1), again.log


def test_a_running_task_that_is_not_described_yet_is_waited_for(
    aws: ScriptedAws, step: Run, cluster: Cluster, attempt: Any
) -> None:
    """One MISSING proves nothing: the task that is listed may be the same commit's."""
    lose(step, cluster)
    now = cluster.clock.monotonic()
    aws.on("ecs.DescribeTasks", at(now, MISSING), at(now + 5, cluster.describe))
    attempt(2)
    again = step("migrate")
    assert (again.exit_code, cluster.started) == (0, 1), again.log


def test_a_rerun_looks_for_a_task_that_is_listed_late(
    aws: ScriptedAws, step: Run, cluster: Cluster, attempt: Any
) -> None:
    """An empty list proves nothing when an earlier attempt may just have started a task."""
    lose(step, cluster)
    now = cluster.clock.monotonic()
    aws.on("ecs.ListTasks", at(now, {"taskArns": []}), at(now + 15, cluster.list_tasks))
    attempt(2)
    again = step("migrate")
    assert (again.exit_code, cluster.started) == (0, 1), again.log
    assert "migration: looking for the task of an earlier attempt, which ECS may list late" in again.log


def test_a_rerun_whose_earlier_attempt_started_nothing_begins_soon(step: Run, cluster: Cluster, attempt: Any) -> None:
    """After 20 seconds; a rerun that finds the task of the attempt before it does not wait."""
    attempt(2)
    cluster.code = 1
    assert step("migrate").exit_code == 1
    assert 20 <= cluster.started_at[0] - cluster.began < 25
    began = cluster.clock.monotonic()
    attempt(3)
    assert step("migrate").exit_code == 1
    assert cluster.started_at[1] == began


def test_a_success_that_is_listed_and_not_described_yet_counts(
    aws: ScriptedAws, step: Run, cluster: Cluster, attempt: Any
) -> None:
    """A task that has stopped may be the one that an earlier attempt ran."""
    lose(step, cluster)
    cluster.clock.sleep(60)
    now = cluster.clock.monotonic()
    aws.on("ecs.DescribeTasks", at(now, MISSING), at(now + 5, cluster.describe))
    attempt(2)
    again = step("migrate")
    assert (again.exit_code, cluster.started) == (0, 1), again.log


def test_a_task_that_ecs_lists_and_never_describes_is_given_up(aws: ScriptedAws, step: Run, cluster: Cluster) -> None:
    """After a minute."""
    cluster.others = [ecs.task("theirs", started_by="ecs-cd/abc", task_definition="migration:1")]
    aws.on("ecs.DescribeTasks", MISSING)
    aws.on("ecs.DescribeTasks", cluster.describe, after="ecs.RunTask")
    assert step("migrate").exit_code == 0
    assert cluster.started == 1
    assert 60 <= cluster.started_at[0] - cluster.began < 65


def test_while_aws_can_not_be_read_nothing_is_started(aws: ScriptedAws, step: Run, cluster: Cluster) -> None:
    """That is certain, so it is a refusal."""
    aws.on("ecs.ListTasks", reset())
    ended = step("migrate", migration_timeout="1m")
    assert (ended.exit_code, cluster.started) == (2, 0)
    assert "the migration was not started: AWS could not be read" in ended.log


def test_without_the_permission_to_look_nothing_is_started(aws: ScriptedAws, step: Run, cluster: Cluster) -> None:
    """Nothing proves that no migration runs; the role needs ListTasks."""
    aws.on("ecs.ListTasks", denied("ecs:ListTasks"))
    ended = step("migrate")
    assert (ended.exit_code, cluster.started) == (2, 0)
    assert 'policy of the role cd: {"Effect": "Allow", "Action": "ecs:ListTasks"' in ended.log


def test_while_there_is_no_capacity_another_may_start(aws: ScriptedAws, step: Run, cluster: Cluster) -> None:
    """Each new try looks again."""
    elsewhere = ecs.task("elsewhere", started_by="ecs-cd/abc", task_definition="migration:1")

    def full(params: Params) -> Params:
        cluster.others = [elsewhere]
        return {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}

    aws.on("ecs.RunTask", full, cluster.start)
    ended = step("migrate", migration_timeout="30s")
    assert (ended.exit_code, cluster.started) == (7, 0)
    assert "task elsewhere is RUNNING; waiting for it to end" in ended.log


# ---- the pipeline ----


def test_in_the_pipeline_too(aws: ScriptedAws, step: Run, cluster: Cluster, attempt: Any) -> None:
    """on-conflict: fail is for both, and otherwise the same commit's migration is followed."""
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
    aws.on("ecs.UpdateService", error("InvalidParameterException", "no"))
    lose(step, cluster)
    attempt(2)
    refused = step("pipeline", on_conflict="fail")
    assert "another migration is running" in refused.log
    again = step("pipeline")
    assert "following it instead of starting another" in again.log
    assert cluster.started == 1
