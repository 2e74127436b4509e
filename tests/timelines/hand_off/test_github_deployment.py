"""The GitHub Deployment of a hand-off: as that of a deployment from the job itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from ecs_cd.model import pace
from tests.fake_github import FakeGitHub
from tests.scripted_aws import Answer, Params, course
from tests.scripted_aws.codepipeline import NAME
from tests.timelines.conftest import SHA, Step
from tests.timelines.hand_off.conftest import START, Run, World

STARTED = course.SUCCEEDS[:3]


@pytest.fixture
def github(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    """The job's GitHub; each request knows how many executions had been started before."""
    monkeypatch.setattr(pace, "GITHUB_PAUSE", 0)
    for name in ("GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with FakeGitHub(moment=lambda: len(world.pipeline.started)) as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        yield fake


def hand_off(step: Run, github: FakeGitHub, **inputs: str) -> Step:
    return step("hand-off", github_deployment="production", github_token=github.token, **inputs)


@pytest.mark.parametrize(
    ("goes", "inputs", "code", "state"),
    [
        (course.SUCCEEDS, {}, 0, "success"),
        (course.fails(), {}, 1, "failure"),
        (STARTED, {"timeout": "5m"}, 7, "failure"),
        (STARTED, {"wait_until": "started"}, 0, "in_progress"),
        ((*STARTED, course.ends(20, "Superseded")), {}, 5, "inactive"),
    ],
    ids=["succeeded", "failed", "timed out", "started", "superseded"],
)
def test_a_hand_off_is_told_from_begin_to_end(
    step: Run,
    world: World,
    github: FakeGitHub,
    goes: course.Course,
    inputs: dict[str, str],
    code: int,
    state: str,
) -> None:
    """In progress before the execution starts, and then its result; the environment shows the pipeline's name."""
    world.goes(goes)
    ended = hand_off(step, github, **inputs)
    assert ended.exit_code == code, ended.log
    (made,) = github.deployments
    assert (made["ref"], made["environment"]) == (SHA, "production")
    assert NAME in made["description"]
    states = [each["state"] for each in github.statuses_of()]
    assert (states[0], states[-1]) == ("in_progress", state)
    assert [asked.at for asked in github.asked if asked.method == "POST"][:2] == [0, 0]


def test_a_hand_off_that_is_refused_tells_github_nothing(step: Run, world: World, github: FakeGitHub) -> None:
    """Nothing was to be deployed."""
    world.document({"name": "another"})
    assert hand_off(step, github).exit_code == 2
    assert github.deployments == []


@pytest.mark.parametrize("policy", ["leave", "stop"])
def test_a_hand_off_that_is_cancelled_is_no_success(step: Run, world: World, github: FakeGitHub, policy: str) -> None:
    """Whatever becomes of the execution."""

    def cancel(params: Params) -> Answer:
        begun = world.pipeline.start(params)
        os.kill(os.getpid(), signal.SIGINT)
        return begun

    world.aws.on(START, cancel)
    assert hand_off(step, github, on_cancel=policy).exit_code == 130
    assert github.statuses_of()[-1]["state"] in ("error", "inactive", "failure")
