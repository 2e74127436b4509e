"""The source of a connection: the real git, and a local AWS for the artifact."""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from dev import workflows
from ecs_cd.local.codepipeline import artifacts
from ecs_cd.local.codepipeline.actions import connection
from ecs_cd.local.codepipeline.work import World
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import S3Object
from tests.machine.local.codepipeline.conftest import BUCKET, made, no_report, source

ARN = "arn:aws:codeconnections:us-east-1:000000000000:connection/1"
CONFIGURATION = {"ConnectionArn": ARN, "FullRepositoryId": "org/my-app", "BranchName": "main"}


@pytest.fixture
def repository(world: World) -> World:
    """A repository with the branch main, an executable file, and a change that is not committed."""
    repo = world.repository
    repo.mkdir()
    workflows.git(repo, "init", "--quiet", "--initial-branch", "main")
    (repo / "app.py").write_text("one\n")
    (repo / "run.sh").write_text("#!/bin/sh\n")
    (repo / "run.sh").chmod(0o755)
    workflows.commit(repo, "first version\n\nwith a body")
    (repo / "app.py").write_text("not committed\n")
    return world


def files_of(repo: Path) -> dict[str, tuple[float, int]]:
    """Every file of the repository with its time and size."""
    return {str(path): (path.stat().st_mtime, path.stat().st_size) for path in repo.rglob("*") if path.is_file()}


def test_the_newest_commit_of_the_branch(repository: World) -> None:
    """Its files without uncommitted changes, its variables as AWS names them; the repository stays as it was."""
    before = files_of(repository.repository)
    head = workflows.git(repository.repository, "rev-parse", "HEAD")
    ended = connection.run(source("CodeStarSourceConnection", CONFIGURATION), repository, no_report)
    assert made(repository) == {"app.py": b"one\n", "run.sh": b"#!/bin/sh\n"}
    date = ended.variables["AuthorDate"]
    assert ended.variables == {
        "AuthorDate": date,
        "BranchName": "main",
        "CommitId": head,
        "CommitMessage": "first version\n\nwith a body",
        "ConnectionArn": ARN,
        "FullRepositoryName": "org/my-app",
    }
    assert len(date) == len("2026-01-31T03:32:21Z") and date.endswith("Z")
    assert ended.revision is not None and ended.revision.id == head
    assert json.loads(ended.revision.summary)["CommitMessage"].startswith("first version")
    assert files_of(repository.repository) == before


def test_a_revision_is_a_commit_of_any_branch(repository: World) -> None:
    """It holds when the branch has moved on."""
    repo = repository.repository
    first = workflows.git(repo, "rev-parse", "HEAD")
    workflows.git(repo, "checkout", "--quiet", "-b", "feature/x")
    other = workflows.commit(repo, "not committed before")
    for revision in (first, other):
        work = source("CodeStarSourceConnection", CONFIGURATION, revision)
        assert connection.run(work, repository, no_report).variables["CommitId"] == revision
    assert made(repository)["app.py"] == b"not committed\n"


def test_a_full_clone_has_the_history(repository: World, tmp_path: Path) -> None:
    """With CODEBUILD_CLONE_REF the artifact is a checkout: git finds the commit, and nothing is changed."""
    configuration = {**CONFIGURATION, "OutputArtifactFormat": "CODEBUILD_CLONE_REF"}
    ended = connection.run(source("CodeStarSourceConnection", configuration), repository, no_report)
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(io.BytesIO(artifacts.get(repository.aws, S3Object(BUCKET, "source.zip")))) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, folder))
            if not entry.is_dir():
                path.chmod(entry.external_attr >> 16 & 0o777)
    assert workflows.git(folder, "rev-parse", "HEAD") == ended.variables["CommitId"]
    assert workflows.git(folder, "status", "--porcelain") == ""
    assert workflows.git(folder, "remote", "get-url", "origin") == "https://github.com/org/my-app.git"


def test_nothing_of_a_configuration_runs(repository: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a filter of the person or of the repository, nor a hook."""
    repo, trap = repository.repository, tmp_path / "ran"
    (repo / ".gitattributes").write_text("*.py filter=trap\n")
    workflows.commit(repo, "attributes")
    for scope in ("--global", "--local"):
        home = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        command = ["git", "config", scope, "filter.trap.smudge", f"touch {trap}"]
        subprocess.run(command, cwd=repo, env=home, check=True)
    hook = repo / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {trap}\n")
    hook.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    for form in ("CODE_ZIP", "CODEBUILD_CLONE_REF"):
        configuration = {**CONFIGURATION, "OutputArtifactFormat": form}
        connection.run(source("CodeStarSourceConnection", configuration), repository, no_report)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("branch", "revision", "words"),
    [
        ("develop", "", "has no branch develop; it has feature/x, main"),
        ("main", "abc123", "abc123 is not a commit's full id"),
        ("main", "--output=x", "--output=x is not a commit's full id"),
        ("main", "0" * 40, "has no commit 000"),
    ],
)
def test_what_is_missing_is_named(repository: World, branch: str, revision: str, words: str) -> None:
    """A branch with the branches there are, an abbreviated commit, a commit from elsewhere."""
    workflows.git(repository.repository, "branch", "feature/x")
    work = source("CodeStarSourceConnection", {**CONFIGURATION, "BranchName": branch}, revision)
    with pytest.raises(Refused, match=words):
        connection.run(work, repository, no_report)
