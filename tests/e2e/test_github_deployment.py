"""The example's workflow for a Deployment event under act, with a GitHub on loopback that keeps the Deployment."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dev import workflows
from tests.e2e.conftest import World
from tests.fake_github import FakeGitHub
from tests.scripted_aws import Params, ScriptedAws, denied, ecs
from tests.scripted_aws.fleet import Course, Fleet, document
from tests.timelines.conftest import REPOSITORY

pytestmark = pytest.mark.e2e

Ask = Callable[..., workflows.Result]

SOON: Course = {0: {}, 1: {"rolloutState": "COMPLETED"}}
INPUTS = "ECS_CD_INPUTS: ${{ toJSON(inputs) }}\n"


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        yield fake


@pytest.fixture
def asking(github: FakeGitHub, tree: Path, tmp_path: Path) -> Callable[[Path, dict[str, str]], Ask]:
    """In a repository, with an AWS: asks for a deployment of a commit, and runs what that starts."""
    # act gives every step GitHub's own GITHUB_API_URL; only a step of a composite action can have another.
    ours = Path(shutil.copytree(tree, tmp_path / "ecs-cd", symlinks=True))
    action = (ours / "action.yml").read_text(encoding="utf-8")
    assert INPUTS in action
    (ours / "action.yml").write_text(action.replace(INPUTS, f"{INPUTS}        GITHUB_API_URL: {github.url}\n"))

    def asking(repo: Path, env: dict[str, str]) -> Ask:
        def ask(commit: str, environment: str = "production", **variables: str) -> workflows.Result:
            number = github.add(environment, ref=commit)
            event = {"deployment": {"id": number, "environment": environment, "sha": commit, "task": "deploy"}}
            (tmp_path / "event.json").write_text(json.dumps(event))
            return workflows.run_workflow(
                repo,
                ours,
                workflow="deploy-any-commit.yml",
                event="deployment",
                event_file=tmp_path / "event.json",
                env=env,
                variables=variables,
                secrets={"GITHUB_TOKEN": github.token},
            )

        return ask

    return asking


@pytest.fixture
def scripted() -> Iterator[ScriptedAws]:
    """An AWS that has every commit's image, and a service whose deployment completes at once. No engine."""
    with ScriptedAws(time) as aws:
        given = document(["web"], REPOSITORY)
        credentials = {"AccessKeyId": "A" * 20, "SecretAccessKey": "s", "SessionToken": "t"}
        expires = {"Expiration": "2100-01-01T00:00:00Z"}
        aws.on("sts.AssumeRoleWithWebIdentity", {"Credentials": {**credentials, **expires}})
        aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
        aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
        aws.on("ecr.BatchGetImage", _image)
        aws.on("ecr.PutImage", {"image": {}})
        aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 1), "tags": []})
        Fleet(time, {"web": SOON}).script(aws)
        yield aws


def _image(params: Params) -> Params:
    ids = [{"imageDigest": ecs.DIGEST, **wanted} for wanted in params["imageIds"]]
    return {"images": [{"imageId": each, "imageManifest": "{}"} for each in ids], "failures": []}


@pytest.fixture
def ask(asking: Any, scripted: ScriptedAws, tmp_path: Path) -> Ask:
    """Asks for a deployment to the scripted AWS."""
    made: Ask = asking(workflows.app_repo(tmp_path / "my-app"), scripted.environ)
    return made


def commit_of(tmp_path: Path) -> str:
    return workflows.git(tmp_path / "my-app", "rev-parse", "HEAD")


def test_the_events_commit_is_deployed_and_told(ask: Ask, github: FakeGitHub, tmp_path: Path) -> None:
    """With the workflow unchanged: it succeeds, its Deployment has the states, and no second Deployment exists."""
    result = ask(commit_of(tmp_path), AWS_REGION="ap-northeast-1")
    assert result.green, result.log
    assert result.outputs()["result"] == "succeeded"
    assert github.states() == ["in_progress", "success"]
    assert all(each["log_url"].endswith("/org/my-app/actions/runs/1/attempts/1") for each in github.statuses_of())
    assert github.token not in result.log


def test_a_refusal_is_told_too(ask: Ask, github: FakeGitHub, scripted: ScriptedAws, tmp_path: Path) -> None:
    """The job fails, and the Deployment shows why."""
    scripted.on("ssm.GetParameter", denied("ssm:GetParameter"))
    result = ask(commit_of(tmp_path), AWS_REGION="ap-northeast-1")
    assert result.step_result() == "failure"
    assert github.states() == ["error"]
    assert "AccessDenied" in github.statuses_of()[0]["description"]


def test_another_environment_starts_nothing(
    ask: Ask, github: FakeGitHub, scripted: ScriptedAws, tmp_path: Path
) -> None:
    """Its Deployment is another workflow's."""
    result = ask(commit_of(tmp_path), "staging")
    assert result.step_result() == ""
    assert github.asked == []
    assert scripted.calls == []


def test_an_older_commit_is_served_again(asking: Any, github: FakeGitHub, world: World) -> None:
    """Its image exists already; the page is that of the requested commit."""
    assert world.push().green
    older = workflows.git(world.repo, "rev-parse", "HEAD")
    world.change("app.py", "Hello from ECS", "Good morning")
    assert world.push().green
    assert "Good morning" in world.page()
    result = asking(world.repo, world.aws.env)(older, AWS_REGION=world.aws.region, BASE_IMAGE=world.images.python)
    assert result.green, result.log
    assert "Hello from ECS" in world.page()
    assert older in world.page()
    assert result.outputs()["built"] == "false"
    assert github.states() == ["in_progress", "success"]
