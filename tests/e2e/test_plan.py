"""The example's workflow for pull requests under act, with a GitHub on loopback that keeps the comment. No engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dev import workflows
from tests.e2e.test_github_deployment import INPUTS, scripted
from tests.fake_github import FakeGitHub
from tests.scripted_aws import ScriptedAws
from tests.timelines.conftest import mutations

__all__ = ["scripted"]  # a fixture

pytestmark = pytest.mark.e2e

Push = Callable[..., workflows.Result]


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    """Pull request 5 adds a migration."""
    with FakeGitHub() as fake:
        fake.comments[5] = []
        fake.files[5] = [{"filename": "db/migrate/1_users.rb", "status": "added"}]
        yield fake


@pytest.fixture
def push(github: FakeGitHub, scripted: ScriptedAws, tree: Path, tmp_path: Path) -> Push:
    """Runs what a push to the pull request's branch starts."""
    ours = Path(shutil.copytree(tree, tmp_path / "ecs-cd", symlinks=True))
    action = ours / "actions" / "plan" / "action.yml"
    text = action.read_text(encoding="utf-8")
    assert INPUTS in text
    # act gives every step GitHub's own GITHUB_API_URL; only a step of a composite action can have another.
    action.write_text(text.replace(INPUTS, f"{INPUTS}        GITHUB_API_URL: {github.url}\n"))
    scripted.on("ecr.BatchGetImage", {"images": [], "failures": []})
    repo = workflows.app_repo(tmp_path / "my-app")

    def push(branch: str = "org/my-app") -> workflows.Result:
        head = {"sha": workflows.git(repo, "rev-parse", "HEAD"), "repo": {"full_name": branch}}
        (tmp_path / "event.json").write_text(json.dumps({"number": 5, "pull_request": {"number": 5, "head": head}}))
        return workflows.run_workflow(
            repo,
            ours,
            workflow="plan.yml",
            event="pull_request",
            event_file=tmp_path / "event.json",
            env=scripted.environ,
            variables={"AWS_REGION": "ap-northeast-1", "ECS_CD_PLAN_ROLE": workflows.ROLE},
            secrets={"GITHUB_TOKEN": github.token},
        )

    return push


def test_a_pull_request_has_one_comment(push: Push, github: FakeGitHub, scripted: ScriptedAws) -> None:
    """The workflow unchanged: created once, then updated; six calls at most; nothing in AWS is changed."""
    first = push()
    assert first.green, first.log
    (comment,) = github.comments[5]
    assert "service web: what would change, compared with web:1" in comment["body"]
    assert "(not built yet)" in comment["body"]
    assert "+ db/migrate/1_users.rb" in comment["body"]
    assert [asked.method for asked in github.asked] == ["GET", "GET", "POST"]
    github.files[5].append({"filename": "db/migrate/2_orders.rb", "status": "added"})
    assert push().green
    (comment,) = github.comments[5]
    assert "+ db/migrate/2_orders.rb" in comment["body"]
    assert [asked.method for asked in github.asked][3:] == ["GET", "GET", "PATCH"]
    assert mutations(scripted) == set()
    assert github.token not in first.log


def test_a_token_that_may_not_comment(push: Push, github: FakeGitHub) -> None:
    """The job is green, and its summary has the plan."""
    github.read_only = True
    result = push()
    assert result.green, result.log
    assert github.comments[5] == []
    assert "service web: what would change" in result.summary
    assert "pull-requests: write" in result.log


def test_a_fork_is_skipped(push: Push, github: FakeGitHub, scripted: ScriptedAws) -> None:
    """It would get no OIDC token."""
    push("mallory/my-app")
    assert github.asked == []
    assert scripted.calls == []
