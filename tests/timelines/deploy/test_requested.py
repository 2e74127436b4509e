"""`continue` and `rollback` by a Deployment event: its Deployment gets the statuses, and the event's task must fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecs_cd.model import pace
from tests.fake_github import FakeGitHub, status
from tests.scripted_aws import ScriptedAws, blue_green
from tests.timelines.conftest import SHA, Step
from tests.timelines.deploy.test_existing import PAUSED, SOURCE, blue_green_service, runs

Run = Callable[..., Step]


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    monkeypatch.setattr(pace, "GITHUB_PAUSE", 0)
    for name in ("GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with FakeGitHub() as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        yield fake


@pytest.fixture
def asked(step: Run, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a verb by a Deployment event; the event's task is the verb's, unless another is given."""

    def asked(verb: str, *, task: str = "", environment: str = "production", **inputs: str) -> Step:
        number = github.add(environment, ref="main", task=task or verb)
        event = {"deployment": {"id": number, "environment": environment, "sha": SHA, "task": task or verb}}
        (tmp_path / "event.json").write_text(json.dumps(event))
        monkeypatch.setenv("GITHUB_EVENT_NAME", "deployment")
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
        return step(verb, github_deployment="production", github_token=github.token, **{"sha": "", **inputs})

    return asked


def going_on(aws: ScriptedAws) -> None:
    """A deployment that waits at a pause; once it is continued, it succeeds."""
    blue_green_service(aws, PAUSED | SOURCE)
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": PAUSED["serviceDeploymentArn"]})
    looks = blue_green.through(blue_green.service_deployment("2", "SUCCESSFUL"))
    aws.on("ecs.DescribeServiceDeployments", *looks, after="ecs.ContinueServiceDeployment")


def going_back(aws: ScriptedAws) -> None:
    """A deployment that waits at a pause; once it is taken back, what ran before runs."""
    blue_green_service(aws, PAUSED | SOURCE)
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": PAUSED["serviceDeploymentArn"]})
    looks = blue_green.through(blue_green.service_deployment("2", "ROLLBACK_SUCCESSFUL"))
    aws.on("ecs.DescribeServiceDeployments", *looks, after="ecs.ContinueServiceDeployment")
    runs(aws, "web:1")


@pytest.mark.parametrize(
    ("verb", "prepare", "words"),
    [("continue", going_on, "Deployment succeeded: "), ("rollback", going_back, "Rollback succeeded: web is back at")],
)
def test_the_events_deployment_shows_the_way_and_the_end(
    aws: ScriptedAws,
    github: FakeGitHub,
    asked: Run,
    verb: str,
    prepare: Callable[[ScriptedAws], None],
    words: str,
) -> None:
    """Two calls to GitHub, and no Deployment in addition to the event's."""
    prepare(aws)
    ended = asked(verb)
    assert ended.exit_code == 0, ended.log
    assert github.states() == ["in_progress", "success"]
    assert github.statuses_of()[-1]["description"].startswith(words)
    assert [each.method for each in github.asked] == ["POST", "POST"]
    assert github.token not in ended.log + ended.summary


@pytest.mark.parametrize(
    ("verb", "task"),
    [("rollback", "deploy"), ("rollback", "continue"), ("continue", "rollback"), ("rollback", "rollbak")],
)
def test_a_task_of_another_verb_changes_nothing(
    aws: ScriptedAws, github: FakeGitHub, asked: Run, verb: str, task: str
) -> None:
    """The event asks for something else: the Deployment says so, and no service is even read."""
    ended = asked(verb, task=task)
    assert ended.exit_code == 2
    assert f"the event asks for the task {task}, and this step carries out {verb}" in ended.log
    assert github.states() == ["error"]
    assert {call.operation for call in aws.calls} <= {"ssm.GetParameter"}


@pytest.mark.parametrize("task", ["continue", "rollback"])
def test_deploy_does_not_take_the_task_of_another_verb(
    aws: ScriptedAws, github: FakeGitHub, asked: Run, task: str
) -> None:
    """A workflow that deploys at every Deployment event would deploy what a rollback is to leave."""
    ended = asked("deploy", task=task, sha=SHA)
    assert ended.exit_code == 2
    assert f"the event asks for the task {task}, and this step carries out deploy" in ended.log
    assert github.states() == ["error"]
    assert aws.count("ecs.UpdateService") == 0


def test_a_hostile_target_is_refused_in_the_events_deployment(aws: ScriptedAws, github: FakeGitHub, asked: Run) -> None:
    """The target comes from the event's payload: no value of it reaches the log, and its sender sees the refusal."""
    ended = asked("rollback", to="web:1\n::error::gotcha $(id)")
    assert ended.exit_code == 2
    assert "to: must be a revision such as my-app:7" in ended.log
    assert "gotcha" not in ended.log + ended.summary
    assert github.states() == ["error"]
    assert {call.operation for call in aws.calls} <= {"ssm.GetParameter"}


def test_an_event_for_another_environment_is_refused(aws: ScriptedAws, github: FakeGitHub, asked: Run) -> None:
    """An undo that staging asked for must not reach production."""
    ended = asked("rollback", environment="staging")
    assert ended.exit_code == 2
    assert "the event has no Deployment of production" in ended.log
    assert {call.operation for call in aws.calls} <= {"ssm.GetParameter"}
    assert github.asked == []


def test_a_run_by_hand_creates_no_deployment(
    aws: ScriptedAws, github: FakeGitHub, step: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is deployed that the environment's page does not show already."""
    going_back(aws)
    monkeypatch.setenv("GITHUB_EVENT_NAME", "workflow_dispatch")
    ended = step("rollback", sha="", github_deployment="production", github_token=github.token)
    assert ended.exit_code == 0, ended.log
    assert "no Deployment event of production started this run, so rollback sets no status" in ended.log
    assert github.asked == []


def test_a_failing_github_does_not_keep_a_service_from_going_back(
    aws: ScriptedAws, github: FakeGitHub, asked: Run
) -> None:
    """One warning, and the rollback is carried out."""
    going_back(aws)
    github.fail(status(503))
    ended = asked("rollback")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "succeeded"
    assert ended.log.count("::warning") == 1
