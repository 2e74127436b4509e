"""The developer's repository: ecs-cd reads it, and copies it for the workflow. It never changes the original."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from ecs_cd.local import machine, workflow
from ecs_cd.local.workflow import Workflow
from ecs_cd.model.errors import Refused

_WORKFLOWS = Path(".github", "workflows")
# Variables that Git sets for the programs it starts, from `git rev-parse --local-env-vars`.
_OF_ONE_REPOSITORY = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_SHALLOW_FILE",
)  # fmt: skip


@dataclass(frozen=True)
class Snapshot:
    """A clone whose HEAD equals the working tree: ``head`` itself, or a commit on top with the ``changed`` files."""

    folder: Path
    head: str
    sha: str
    changed: int


def forget_caller(environ: MutableMapping[str, str]) -> None:
    """In a hook or `git rebase --exec`, every Git command would use the developer's repository, even in the copy."""
    for name in _OF_ONE_REPOSITORY:
        environ.pop(name, None)


def root(folder: Path) -> Path:
    """The root of the repository that contains the folder. Raises ``Refused`` outside of a repository."""
    shown = machine.run(["git", "rev-parse", "--show-toplevel"], cwd=folder, check=False)
    if shown.returncode != 0:
        lines = shown.stderr.splitlines()  # warnings come first, remedies may follow
        why = next((line for line in lines if line.startswith("fatal: ")), "git gives no reason")
        raise Refused(
            f"{folder} is not in a Git repository of yours: {why.removeprefix('fatal: ')}",
            "Go to the repository that holds the workflow.",
        )
    return Path(shown.stdout.rstrip("\n"))


def branch(repository: Path) -> str:
    """The branch that is checked out. Raises ``Refused`` if none is."""
    shown = machine.run(["git", "symbolic-ref", "--quiet", "--short", "HEAD"], cwd=repository, check=False)
    if shown.returncode != 0:
        raise Refused(f"no branch of {repository} is checked out", "Say which: --branch NAME")
    return shown.stdout.strip()


def workflows(repository: Path, variables: Mapping[str, str] | None = None) -> list[Workflow]:
    """All workflows, sorted by file name, with these values of vars.NAME. Raises ``Refused`` if one can't be read."""
    folder = repository / _WORKFLOWS
    files = sorted(path for path in folder.glob("*") if path.suffix in (".yml", ".yaml")) if folder.is_dir() else []
    return [workflow.read(path.name, path.read_text(encoding="utf-8-sig"), variables) for path in files]


def snapshot(repository: Path, destination: Path, files: Mapping[str, str]) -> Snapshot:
    """Creates a clone with all uncommitted changes committed, and with these contents of ``files``.

    Like GitHub, ecs-cd checks out a commit: the clone lacks ignored files, and image tags match a commit.
    The new commit has the time of its parent, so that the same content always gives the same commit.
    """
    head = _head(repository)
    machine.run(["git", "clone", "--quiet", "--no-checkout", repository, destination])
    _name_origin(repository, destination)
    index = destination / ".git" / "local-index"
    for name, to in (("index", index), ("info/exclude", destination / ".git" / "info" / "exclude")):
        there = repository / _git(repository, "rev-parse", "--git-path", name)
        if there.is_file():
            to.parent.mkdir(exist_ok=True)
            shutil.copyfile(there, to)
    env = {"GIT_DIR": str(destination / ".git"), "GIT_WORK_TREE": str(repository), "GIT_INDEX_FILE": str(index)}
    _git(repository, "add", "--all", ".", env=env)
    for path, text in files.items():
        blob = _git(repository, "hash-object", "-w", "--stdin", env=env, stdin=text)
        _git(repository, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)
    tree = _git(repository, "write-tree", env=env)
    changed = _git(destination, "diff-tree", "-r", "--name-only", head, tree).splitlines()
    sha = _commit(destination, head, tree) if changed else head
    _git(destination, "update-ref", "HEAD", sha)
    index.unlink()
    _git(destination, "reset", "--quiet", "--hard")
    return Snapshot(destination, head, sha, len(changed))


def _head(repository: Path) -> str:
    shown = machine.run(["git", "rev-parse", "--verify", "--quiet", "HEAD"], cwd=repository, check=False)
    if shown.returncode != 0:
        raise Refused(f"{repository} has no commit yet", "Commit something first.")
    return shown.stdout.strip()


def _name_origin(repository: Path, destination: Path) -> None:
    """Sets the remote, from which act reads the repository's name; the clone's own remote would be a folder."""
    shown = machine.run(["git", "remote", "get-url", "origin"], cwd=repository, check=False)
    url = shown.stdout.strip() or f"https://github.com/local/{repository.name}.git"
    _git(destination, "remote", "set-url", "origin", url)


def _commit(destination: Path, head: str, tree: str) -> str:
    when = _git(destination, "show", "--no-patch", "--format=%ct +0000", head)
    people = {
        f"GIT_{who}_{what}": text
        for who in ("AUTHOR", "COMMITTER")
        for what, text in (("NAME", "ecs-cd local"), ("EMAIL", "local@localhost"), ("DATE", when))
    }
    return _git(destination, "commit-tree", "-p", head, "-m", "The working tree", tree, env=people)


def _git(folder: Path, *arguments: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
    return machine.run(["git", *arguments], cwd=folder, env={**_NO_HOOKS, **(env or {})}, stdin=stdin).stdout.strip()


_NO_HOOKS = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": os.devnull}
