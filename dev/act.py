"""An app repo as the tests and benchmarks need it, and its workflows run with the tree of this repository."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dev import machine
from dev.aws import ACCOUNT
from dev.machine import ROOT
from ecs_cd.local import act, oidc
from ecs_cd.local.act import FOREIGN as FOREIGN
from ecs_cd.local.act import Event as Event
from ecs_cd.local.act import Result as Result
from ecs_cd.local.act import Run as Run

SUITE = "org/ecs-cd@v1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ecs-cd"
CREDENTIALS = "aws-actions/configure-aws-credentials@v6"
EXAMPLE = ROOT / "examples" / "single-image"
INFRA = ROOT / "examples" / "infra"


def run_workflow(repo: Path, tree: Path, *, timeout: float = 300, **how: Any) -> Result:
    """Run a workflow of `repo` to its end, with `tree` as what `uses: org/ecs-cd...@v1` names.

    `how` is what ecs_cd.local.act.start takes.
    """
    with start_workflow(repo, tree, **how) as run:
        return run.wait(timeout)


@contextmanager
def start_workflow(
    repo: Path,
    tree: Path,
    *,
    workflow: str = "deploy.yml",
    env: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    **how: Any,
) -> Iterator[Run]:
    """Start a workflow of `repo`; it is interrupted at the end of the block if it still runs."""
    replaced = {SUITE: tree, CREDENTIALS: act.STAND_IN}
    own = {"ECS_CD_ROLE": ROLE, **(variables or {})}
    with (
        oidc.token_endpoint() as id_token,
        act.start(repo, workflow=workflow, replaced=replaced, env={**env, **id_token}, variables=own, **how) as run,
    ):
        yield run


def app_repo(destination: Path, example: Path = EXAMPLE) -> Path:
    """An app's repository with one commit: the example, copied out of this repository."""
    copied(example, destination)
    git(destination, "init", "--quiet", "--initial-branch", "main")
    git(destination, "remote", "add", "origin", "https://github.com/org/my-app.git")
    commit(destination, "first version")
    return destination


def copied(example: Path, destination: Path) -> Path:
    """A folder of the examples somewhere else."""
    return Path(shutil.copytree(example, destination, ignore=shutil.ignore_patterns("__pycache__")))


def commit(repo: Path, message: str) -> str:
    """Commit everything; returns the commit's SHA."""
    git(repo, "add", "--all")
    author = ("-c", "user.name=Developer", "-c", "user.email=developer@example.com")
    git(repo, *author, "-c", "commit.gpgsign=false", "commit", "--quiet", "--allow-empty", "--message", message)
    return git(repo, "rev-parse", "HEAD")


def git(repo: Path, *arguments: str) -> str:
    """Run git in the repository, without the configuration of the person who runs this."""
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return machine.run(["git", "-C", repo, *arguments], env=alone).stdout.strip()
