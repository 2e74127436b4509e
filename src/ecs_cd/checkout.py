"""The checkout: which commit it is at, and which files differ from it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ecs_cd.core.references import COMMIT
from ecs_cd.job import Job


def head(place: str = ".") -> str:
    """The commit that HEAD is at in the checkout around ``place``; empty where there is none."""
    return (_git(place, "rev-parse", "--verify", "--quiet", "HEAD") or "").strip()


def commit(given: str, job: Job, place: str = ".") -> str:
    """The commit that is meant: the input ``sha``, else HEAD of the checkout around ``place``, else
    GITHUB_SHA; empty if none is known.

    A difference between them is said, because it is seldom meant.
    """
    known = {
        "the input sha": given,
        "HEAD of the checkout": head(place),
        "GITHUB_SHA": job.environ.get("GITHUB_SHA", ""),
    }
    candidates = {source: value for source, value in known.items() if COMMIT.fullmatch(value)}
    if not candidates:
        return ""
    source, chosen = next(iter(candidates.items()))
    others = [f"{name} is {value}" for name, value in candidates.items() if value != chosen]
    job.ci.line(f"commit: {chosen} ({'; '.join([source, *others])})")
    return chosen


def differences(paths: Sequence[str]) -> list[str]:
    """The files below these paths that differ from HEAD, those that Git neither tracks nor ignores
    among them. Empty where there is no checkout."""
    there = [Path(path).resolve() for path in paths if Path(path).exists()]
    place = str(there[0] if there[0].is_dir() else there[0].parent) if there else "."
    top = _git(place, "rev-parse", "--show-toplevel")
    if top is None:
        # Without any checkout there is nothing to differ from; beside one, nothing of this is in its commit.
        return [str(path) for path in there] if head() else []
    inside = [str(path) for path in there if path.is_relative_to(top.rstrip("\n"))]
    outside = [str(path) for path in there if str(path) not in inside]  # nothing of it is in the commit
    if not inside:
        return outside
    listed = _git(place, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", *inside)
    if listed is None:
        return [*outside, *(f"{path}: git status fails" for path in inside)]
    return [*outside, *(entry[3:] for entry in listed.split("\0") if entry)]


def _git(place: str, *words: str) -> str | None:
    """What git prints in this folder; ``None`` where it fails: no folder, no checkout, no git."""
    # In a container job the workspace belongs to another user; that is no reason to distrust it.
    # fsmonitor would run a program that the checkout names.
    command = [
        "git",
        "-C",
        place,
        "--literal-pathspecs",
        "-c",
        "safe.directory=*",
        "-c",
        "core.fsmonitor=false",
        *words,
    ]
    environ = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        return os.fsdecode(subprocess.run(command, env=environ, capture_output=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError):
        return None
