"""The checkout: its commit, and the files that differ from it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ecs_cd.ci.rules.child_environment import for_git
from ecs_cd.job import programs, workspace
from ecs_cd.job.job import Job, concurrently
from ecs_cd.job.rules import git as rules
from ecs_cd.model.references import COMMIT, Tracked


def head(place: str = ".") -> str:
    """HEAD's commit in the checkout that contains ``place``; empty without a commit."""
    return (_git(place, "rev-parse", "--verify", "--quiet", "HEAD") or "").strip()


def commit(given: str, job: Job, place: str = ".", *, source: str = "the input sha") -> str:
    """The commit to use: the one that is ``given`` in this ``source``, else HEAD of the checkout that contains
    ``place``, else the run's own; empty if none is known.

    Logs a difference between them, because it is seldom intended.
    """
    known = {
        source: given,
        "HEAD of the checkout": head(place),
        job.run.commit_variable: job.run.commit,
    }
    candidates = {source: value for source, value in known.items() if COMMIT.fullmatch(value)}
    if not candidates:
        return ""
    first, chosen = next(iter(candidates.items()))
    different = [f"{name} is {value}" for name, value in candidates.items() if value != chosen]
    job.ci.line(f"commit: {chosen} ({'; '.join([first, *different])})")
    return chosen


def remote() -> str:
    """The URL of the remote `origin`; empty without one."""
    return (_git(".", "remote", "get-url", "origin") or "").strip()


def differences(paths: Sequence[str]) -> list[str]:
    """The files below these paths that differ from HEAD, including those that Git neither tracks nor ignores.
    Empty without a checkout."""
    there = [workspace.real(path) for path in paths if Path(path).exists()]
    place = (there[0] if there[0].is_dir() else there[0].parent) if there else Path()
    top = workspace.top(place)
    if top is None or _git(str(top), "rev-parse", "--git-dir") is None:
        # Without a checkout there is nothing to compare with; outside of one, none of this is in its commit.
        return [str(path) for path in there] if head() else []
    inside = [str(path) for path in there if path.is_relative_to(top)]
    outside = [str(path) for path in there if str(path) not in inside]  # the commit contains none of it
    return [*outside, *_changed(top, inside)] if inside else outside


def _changed(top: Path, paths: Sequence[str]) -> list[str]:
    """The files at and below these paths in this checkout, and in its submodules, that differ from its commit."""
    listed, staged = concurrently(
        # Git would look into a submodule with the submodule's own configuration.
        lambda: _status(str(top), "--untracked-files=all", "--ignore-submodules=dirty", "--", *paths),
        lambda: _git(str(top), "ls-files", "--stage", "-z", "--", *paths),
    )
    if listed is None or staged is None:
        return [f"{path}: git status fails" for path in paths]
    found = [entry[3:] for entry in listed.split("\0") if entry]
    for path in rules.submodules(staged):
        folder = top / path
        if workspace.real(folder) == folder == workspace.top(folder):  # it is populated, and no link to elsewhere
            found += [f"{path}/{name}" for name in _changed(folder, ["."])]
    return found


def tracked(top: str, paths: Sequence[str]) -> tuple[str, dict[str, Tracked]]:
    """The commit of the checkout with this top folder, and the commit's files at and below these paths, which are
    relative to the top. Empty if Git fails. Runs six processes for any number of files."""
    commit = head(top)
    if not commit or str(workspace.top(top)) != top:
        return "", {}
    where = ["--", *paths] if "" not in paths else []
    tree, index, status = concurrently(
        lambda: _git(top, "ls-tree", "-r", "-z", "--long", "--full-tree", commit, *where),
        lambda: _git(top, "ls-files", "-v", "-z", *where),
        # The caller finds untracked files in the folder; it never trusts the state of a submodule.
        lambda: _status(top, "--untracked-files=no", "--ignore-submodules", *where),
    )
    if tree is None or index is None or status is None:
        return "", {}
    names = [entry.partition("\t")[2] for entry in _records(tree)]
    attributes = _attributes(top, names)
    if attributes is None:
        return "", {}
    # H is a file that Git checks for changes; other files have a flag set, or are being merged.
    looked_at = {entry[2:] for entry in _records(index) if entry[0] == "H"}
    changed = {entry[3:] for entry in _records(status)}
    files = {}
    for entry, name in zip(_records(tree), names, strict=True):
        mode, _, blob, size = entry.partition("\t")[0].split()
        files[name] = Tracked(
            mode,
            blob,
            int(size) if size.isdigit() else 0,
            changed=name in changed or size == "BAD",  # not in this partial clone
            hidden=name not in looked_at,
            filter=attributes.get((name, "filter"), ""),
            encoding=attributes.get((name, "working-tree-encoding"), ""),
            ident=attributes.get((name, "ident")) == "set",
        )
    return commit, files


def _attributes(top: str, names: Sequence[str]) -> dict[tuple[str, str], str] | None:
    """How Git converts these files, by name and attribute, other than their line ends."""
    asked = ("filter", "working-tree-encoding", "ident")
    attributes = _git(top, "check-attr", "-z", "--stdin", *asked, text="".join(f"{name}\0" for name in names))
    if attributes is None:
        return None
    words = _records(attributes)
    triples = zip(words[::3], words[1::3], words[2::3], strict=True)
    return {(name, attribute): value for name, attribute, value in triples if value not in ("unspecified", "unset")}


def _records(text: str) -> list[str]:
    return text.split("\0")[:-1]


def _status(top: str, *words: str) -> str | None:
    """What Git reports as changed, without running a program that the checkout or its configuration names."""
    options = rules.without_filters(_git(top, "config", "--null", "--list") or "")
    if options is None:
        return None
    return _git(top, "status", "--porcelain", "-z", "--no-renames", *words, options=options)


def _git(place: str, *words: str, options: Sequence[str] = (), text: str = "") -> str | None:
    """Git's output in this folder for this input text; ``None`` if it fails: no folder, no checkout, no git."""
    top = workspace.top(place)
    if top is None:
        return None
    environ = {**for_git(os.environ), "PATH": programs.path(os.environ), **rules.ENVIRON}
    command = ["git", "-C", place, *rules.options(str(top)), *options, *words]
    try:
        done = subprocess.run(command, env=environ, input=os.fsencode(text), capture_output=True, check=True)
        return os.fsdecode(done.stdout)
    except (OSError, subprocess.CalledProcessError):
        return None
