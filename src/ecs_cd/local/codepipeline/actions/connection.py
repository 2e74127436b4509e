"""The source of a connection: a commit of the local repository instead of the one that the connection reaches.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ecs_cd.job.rules.git import ENVIRON
from ecs_cd.local import machine
from ecs_cd.local.codepipeline import artifacts
from ecs_cd.local.codepipeline.rules.state import Outcome, Revision
from ecs_cd.local.codepipeline.work import Report, Work, World
from ecs_cd.model.errors import Refused

CLONE_REF = "CODEBUILD_CLONE_REF"
_COMMIT = re.compile(r"[0-9a-f]{40}")
# Git has no configuration of the person or the machine. Of the repository, it only clones, by its path.
_ALONE = {
    **ENVIRON,
    "GIT_ALLOW_PROTOCOL": "file",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "TZ": "UTC",
}


class Commit(NamedTuple):
    id: str
    date: str  # of the author, as CodePipeline writes it
    message: str


def run(work: Work, world: World, report: Report) -> Outcome:
    """Packs the revision, or else the branch's newest commit. Leaves out uncommitted changes."""
    settings = work.configuration
    with tempfile.TemporaryDirectory(prefix="ecs-cd-source-") as scratch:
        clone = Path(scratch, "source")
        whole = settings.get("OutputArtifactFormat") == CLONE_REF
        _clone(world.repository, clone, settings["FullRepositoryId"], share=not whole)
        commit = _commit(clone, world.repository, settings["BranchName"], work.revision)
        body = _with_git(clone, commit.id) if whole else _archive(clone, commit.id, Path(scratch, "source.zip"))
    artifacts.put_output(world.aws, work, body)
    variables = {
        "AuthorDate": commit.date,
        "BranchName": settings["BranchName"],
        "CommitId": commit.id,
        "CommitMessage": commit.message,
        "ConnectionArn": settings["ConnectionArn"],
        "FullRepositoryName": settings["FullRepositoryId"],
    }
    summary = json.dumps({"ProviderType": "GitHub", "CommitMessage": commit.message})
    created = datetime.fromisoformat(commit.date.replace("Z", "+00:00"))
    return Outcome(variables=variables, revision=Revision(commit.id, summary, created=created.timestamp()))


def _clone(repository: Path, clone: Path, name: str, *, share: bool) -> None:
    """A clone whose configuration is Git's own, so that no filter or hook of the repository runs."""
    sharing = "--shared" if share else "--no-hardlinks"
    machine.run(
        ["git", "clone", "--quiet", "--no-checkout", "--template=", sharing, "--", repository, clone], env=_ALONE
    )
    _git(clone, "remote", "set-url", "origin", f"https://github.com/{name}.git")


def _commit(clone: Path, repository: Path, branch: str, revision: str) -> Commit:
    listed = _git(clone, "for-each-ref", "--format=%(refname:lstrip=3) %(objectname)", "refs/remotes/origin")
    branches = dict(line.rsplit(" ", 1) for line in listed.splitlines())
    branches.pop("HEAD", None)
    if branch not in branches:
        there = ", ".join(sorted(branches)) or "no branch"
        raise Refused(f"BranchName: {repository} has no branch {branch}; it has {there}", "Create it, or commit first.")
    if revision and not _COMMIT.fullmatch(revision):
        raise Refused(f"the revision {revision} is not a commit's full id of 40 hexadecimal digits")
    commit = revision or branches[branch]
    known = machine.run(["git", "-C", clone, "cat-file", "-e", f"{commit}^{{commit}}"], env=_ALONE, check=False)
    if known.returncode != 0:
        raise Refused(f"{repository} has no commit {commit}", "Fetch or commit it first.")
    date = "--date=format-local:%Y-%m-%dT%H:%M:%SZ"
    shown = _git(clone, "show", "--no-patch", "--encoding=UTF-8", date, "--format=%ad%n%B", commit)
    when, _, message = shown.partition("\n")
    return Commit(commit, when, message.strip())


def _archive(clone: Path, commit: str, to: Path) -> bytes:
    _git(clone, "archive", "--format=zip", f"--output={to}", commit)
    return to.read_bytes()


def _with_git(clone: Path, commit: str) -> bytes:
    """The commit checked out, with its history: what CodeBuild has after its full clone."""
    _git(clone, "checkout", "--quiet", "--detach", commit)
    return artifacts.zipped_folder(clone)


def _git(clone: Path, *arguments: str) -> str:
    return machine.run(["git", "-C", clone, *arguments], env=_ALONE).stdout
