"""The document's `tasks`: they run after the migration, one after another, each as carefully as the migration."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.scripted_aws import Answer, Clock, Params, ScriptedAws, ecs, lost
from tests.scripted_aws.fleet import COMPLETES, Fleet
from tests.scripted_aws.registry import Registry
from tests.timelines.conftest import DOCUMENT, Step

Run = Callable[..., Step]
LASTS = 20.0  # seconds


@dataclass
class Cluster:
    """Runs each task for some time; its container then exits with the code of its command, or 0."""

    clock: Clock
    codes: dict[str, int] = field(default_factory=dict)
    run_task: ecs.RunTask = field(default_factory=ecs.RunTask)
    began: list[float] = field(default_factory=list)

    def script(self, aws: ScriptedAws) -> Cluster:
        fleet = Fleet(self.clock, {"web": COMPLETES}).script(aws)
        aws.on("ecs.RunTask", self.start)
        aws.on("ecs.ListTasks", lambda params: self.listed(params) if "family" in params else fleet._list_tasks(params))
        aws.on("ecs.DescribeTasks", lambda params: self.described(params) or fleet._describe_tasks(params))
        aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1"})
        return self

    def start(self, params: Params) -> Answer:
        answer = self.run_task(params)
        self.began += [self.clock.monotonic()] * (len(self.run_task.started) - len(self.began))
        return answer

    @property
    def commands(self) -> list[str]:
        """What the tasks run, in the order of their starts."""
        return [_command(request) for request in self.run_task.requests]

    def tasks(self) -> list[Params]:
        known = zip(self.run_task.started, self.run_task.requests, self.began, strict=True)
        return [self.now(task, _command(request), began) for task, request, began in known]

    def now(self, task: Params, command: str, began: float) -> Params:
        if self.clock.monotonic() - began < LASTS:
            return {**task, "lastStatus": "RUNNING"}
        container = ecs.container(status="STOPPED", exitCode=self.codes.get(command, 0))
        ended = {"lastStatus": "STOPPED", "desiredStatus": "STOPPED", "stopCode": "EssentialContainerExited"}
        return {**task, **ended, "containers": [container]}

    def listed(self, params: Params) -> Params:
        return {"taskArns": [t["taskArn"] for t in self.tasks() if t["desiredStatus"] == params["desiredStatus"]]}

    def described(self, params: Params) -> Params | None:
        found = [task for task in self.tasks() if task["taskArn"] in params["tasks"]]
        return {"tasks": found, "failures": []} if found else None


def _command(request: Params) -> str:
    return str(request["overrides"]["containerOverrides"][0]["command"][0])


@pytest.fixture
def cluster(aws: ScriptedAws, clock: Clock) -> Cluster:
    cluster = Cluster(clock).script(aws)
    Registry().script(aws)
    return cluster


def task(name: str, family: str = "migration", **more: Any) -> Params:
    return {"name": name, "task-definition": family, "container": "app", "command": [name], **more}


MIGRATION = {key: value for key, value in task("migrate").items() if key != "name"}


def document(aws: ScriptedAws, tasks: Sequence[Params], **changes: Any) -> None:
    content = {**DOCUMENT, "migration": MIGRATION, **({"tasks": tasks} if tasks else {}), **changes}
    content = {name: value for name, value in content.items() if value is not None}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(content), "Version": 1}})
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})


@pytest.mark.parametrize("families", [("migration", "migration"), ("seed", "warm")])
def test_tasks_run_after_the_migration_one_after_another(
    aws: ScriptedAws, step: Run, cluster: Cluster, families: tuple[str, str]
) -> None:
    """Each starts when the previous one has succeeded, also if all have the same family."""
    document(aws, [task("seed", families[0]), task("warm", families[1])])
    ended = step("migrate")
    assert ended.exit_code == 0, ended.log
    assert cluster.commands == ["migrate", "seed", "warm"]
    first, second, third = cluster.began
    assert first + LASTS <= second <= third - LASTS
    assert ended.outputs["migration-result"] == "succeeded"
    assert ended.outputs["migration-task-arn"].endswith("task-1")
    tasks = json.loads(ended.outputs["tasks"])
    assert list(tasks) == ["seed", "warm"]
    assert tasks["warm"]["task-arn"].endswith("task-3")
    assert (tasks["seed"]["result"], tasks["seed"]["exit-code"]) == ("succeeded", "0")
    assert "Task seed succeeded" in ended.log
    assert "Task warm" in ended.summary


def test_a_task_that_fails_ends_the_step(aws: ScriptedAws, step: Run, cluster: Cluster) -> None:
    """The outputs tell it from the migration; what comes after it does not run, in the pipeline the deployment."""
    cluster.codes = {"seed": 3}
    document(aws, [task("seed"), task("warm")])
    ended = step("pipeline")
    assert ended.exit_code == 1
    assert cluster.commands == ["migrate", "seed"]
    assert ended.outputs["migration-result"] == "succeeded"
    assert ended.outputs["migration-exit-code"] == "0"
    tasks = json.loads(ended.outputs["tasks"])
    assert {name: (each["result"], each["exit-code"]) for name, each in tasks.items()} == {"seed": ("failed", "3")}
    assert "container `app` exited with 3" in ended.log
    assert aws.count("ecs.UpdateService") == 0


def test_a_migration_that_fails_starts_no_task(aws: ScriptedAws, step: Run, cluster: Cluster) -> None:
    """They may need the schema."""
    cluster.codes = {"migrate": 1}
    document(aws, [task("seed")])
    ended = step("migrate")
    assert ended.exit_code == 1
    assert cluster.commands == ["migrate"]
    assert "tasks" not in ended.outputs


def test_the_pipeline_deploys_after_the_last_task(aws: ScriptedAws, step: Run, cluster: Cluster, clock: Clock) -> None:
    """Build, migration, tasks, deployment."""
    document(aws, [task("seed")])
    ended = step("pipeline")
    assert ended.exit_code == 0, ended.log
    assert cluster.commands == ["migrate", "seed"]
    (update,) = [call for call in aws.calls if call.operation == "ecs.UpdateService"]
    assert update.time >= cluster.began[1] + LASTS
    assert ended.outputs["result"] == "succeeded"


def test_a_dry_run_starts_none_of_them(aws: ScriptedAws, step: Run, cluster: Cluster) -> None:
    """It shows what the deployment would change, and checks the tasks' templates."""
    document(aws, [task("seed")])
    assert step("pipeline", dry_run="true").exit_code == 0
    assert cluster.commands == []
    document(aws, [task("seed", container="ap")])
    ended = step("pipeline", dry_run="true")
    assert ended.exit_code == 2
    assert "has no container `ap`" in ended.log


def test_tasks_do_not_need_a_migration(aws: ScriptedAws, step: Run, cluster: Cluster) -> None:
    """It is skipped, and said so."""
    document(aws, [task("seed")], migration=None)
    ended = step("migrate")
    assert ended.exit_code == 0, ended.log
    assert cluster.commands == ["seed"]
    assert ended.outputs["migration-result"] == "skipped"


def test_two_tasks_that_do_the_same_both_run(aws: ScriptedAws, step: Run, cluster: Cluster) -> None:
    """The document asks for both: the name is part of the clientToken."""
    document(aws, [task("warm"), {**task("warm"), "name": "again"}])
    assert step("migrate").exit_code == 0
    assert cluster.commands == ["migrate", "warm", "warm"]


def test_a_task_never_runs_twice(aws: ScriptedAws, step: Run, cluster: Cluster) -> None:
    """A lost answer to RunTask is looked for, as for the migration."""
    document(aws, [task("seed", "seed")])
    aws.on("ecs.RunTask", lost(cluster.start), cluster.start, after="ecs.RunTask")
    ended = step("migrate")
    assert ended.exit_code == 0, ended.log
    assert cluster.commands == ["migrate", "seed"]


def test_a_re_run_continues_with_the_task_that_failed(
    aws: ScriptedAws, step: Run, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has succeeded in the first attempt of the same run is not repeated."""
    for name, value in {"GITHUB_RUN_ID": "100", "GITHUB_JOB": "deploy", "GITHUB_RUN_ATTEMPT": "1"}.items():
        monkeypatch.setenv(name, value)
    cluster.codes = {"seed": 3}
    document(aws, [task("seed")])
    assert step("migrate").exit_code == 1
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    ended = step("migrate")
    assert ended.exit_code == 1, ended.log
    assert cluster.commands == ["migrate", "seed", "seed"]
    assert "has succeeded in attempt 1 of this run" in ended.log


def test_every_task_is_checked_before_the_migration_runs(aws: ScriptedAws, step: Run, cluster: Cluster) -> None:
    """All problems are reported at once, by the task's place in the document."""
    document(aws, [task("seed", container="ap"), task("warm")])
    ended = step("migrate", environment_variables="warm/ap/X=1")
    assert ended.exit_code == 2
    assert "has no container `ap`" in ended.log
    assert "the document has no such container; it has web/app, migration/app, seed/ap, warm/app" in ended.log
    assert cluster.commands == []


def test_a_variable_can_be_for_one_task(aws: ScriptedAws, step: Run, cluster: Cluster) -> None:
    """By its name, as for a service."""
    document(aws, [task("seed", "seed")])
    assert step("migrate", environment_variables="seed/app/X=1").exit_code == 0
    sent = [call.params for call in aws.calls if call.operation == "ecs.RegisterTaskDefinition"]
    environments = {each["family"]: each["containerDefinitions"][0].get("environment", []) for each in sent}
    assert environments == {"migration": [], "seed": [{"name": "X", "value": "1"}]}
