"""The actions that a workflow uses here: from a folder, replaced by stand-ins, or from GitHub."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from ecs_cd.local import act, machine, repository
from ecs_cd.local.machine import LocalError, Say
from ecs_cd.local.workflow import Workflow
from ecs_cd.model.errors import Refused

_ROOT = Path(__file__).resolve().parents[3]
# The parts of a checkout that `uses:` needs: act copies the whole folder, twice for each step.
_PARTS = (
    "action.yml", "actions", "build-push", "images", "migrate", "deploy", "hand-off", "bin", "src", "requirements",
    ".github/workflows/pipeline.yml",
)  # fmt: skip
_DEPENDENCIES = "dist"  # a release has them in this folder
_LOCK = Path("requirements", "runtime.txt")
_GITHUB = "https://github.com"
_PATIENCE = 20  # seconds for GitHub's answer
_OUTSIDE = Path("/")  # of every checkout: `bin/ecs-cd` installs into none
_SHA = re.compile(r"[0-9a-f]{40}")


def replaced(chosen: Workflow, tree: str, scratch: Path, environ: Mapping[str, str], say: Say) -> dict[str, Path]:
    """Maps each action to the folder that act uses for it. Raises ``Refused`` if ``tree`` has no actions."""
    ours = _own_tree(Path(tree).resolve() if tree else _ROOT, scratch, environ, say) if chosen.ours else None
    if ours is None and tree and chosen.ours:
        raise Refused(f"--tree: {tree} is not a tree of ecs-cd: it has no action.yml and bin/ecs-cd")
    # The tree contains what the reusable workflow of ecs-cd uses.
    called = repository.workflows(ours) if ours else []
    uses = [name for workflow in (chosen, *called) for name in workflow.ours] if ours else []
    stand_ins = {name: folder for workflow in (chosen, *called) for name, folder in workflow.stand_ins.items()}
    return {**{name: ours for name in uses if ours}, **{name: act.STAND_INS / to for name, to in stand_ins.items()}}


def require(names: Iterable[str], token: str) -> None:
    """Raises ``Refused`` for actions, OWNER/NAME@REF, that GitHub doesn't have, or that can't be fetched from it.

    ``token`` is that of the workflow; without it, Git's own credentials count.
    """
    problems = [
        f"{name} can't be fetched from {_GITHUB}: {why}" for name in names if (why := _unavailable(name, token))
    ]
    if problems:
        raise Refused(problems, "--tree DIR uses a checkout or a release of ecs-cd instead.")


def _unavailable(name: str, token: str) -> str:
    """Why an action can't be fetched; empty if it can."""
    place, _, ref = name.partition("@")
    refs = () if _SHA.fullmatch(ref) else (f"refs/tags/{ref}", f"refs/heads/{ref}")
    try:
        listed = machine.run(
            ["git", "ls-remote", "--", f"{_GITHUB}/{place}", *refs],
            env={"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "LC_ALL": "C", **_with_token(token)},
            check=False,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_PATIENCE} seconds"
    if listed.returncode != 0:
        reasons = [line.partition(": ")[2] for line in listed.stderr.splitlines() if line.startswith("fatal: ")]
        why = reasons[0] if reasons else f"git ends with {listed.returncode}"
        return "there is no such public repository" if _asks_who_i_am(why) else why
    return "" if listed.stdout.strip() else f"it has no tag or branch {ref}"


def _asks_who_i_am(reason: str) -> bool:
    """Whether GitHub wants credentials, as it does for every repository that it doesn't show."""
    return any(words in reason for words in ("could not read Username", "Authentication failed", "not found"))


def _with_token(token: str) -> dict[str, str]:
    """Git's configuration with the token: in the environment, because process lists show arguments."""
    if not token:
        return {}
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    key = f"http.{_GITHUB}/.extraheader"
    number = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    return {
        "GIT_CONFIG_COUNT": str(number + 1),
        f"GIT_CONFIG_KEY_{number}": key,
        f"GIT_CONFIG_VALUE_{number}": f"AUTHORIZATION: basic {basic}",
    }


def _own_tree(tree: Path, scratch: Path, environ: Mapping[str, str], say: Say) -> Path | None:
    """The folder with the actions: a release as it is, or a copy of the needed parts of a checkout."""
    if not ((tree / "action.yml").is_file() and (tree / "bin" / "ecs-cd").is_file()):
        return None
    if (tree / _DEPENDENCIES).is_dir():
        return tree
    for name in _PARTS:
        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        if (tree / name).is_dir() and not (tree / name).is_symlink():
            shutil.copytree(tree / name, scratch / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(tree / name, scratch / name, follow_symlinks=False)
    (scratch / _DEPENDENCIES).symlink_to(_installed(scratch, environ, say), target_is_directory=True)
    return scratch


def _installed(tree: Path, environ: Mapping[str, str], say: Say) -> Path:
    """The folder with the tree's locked dependencies. Its own `bin/ecs-cd` installs them at the first run."""
    cache = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".cache")
    lock = hashlib.sha256((tree / _LOCK).read_bytes()).hexdigest()[:12]
    base = Path(cache) / "ecs-cd" / "local" / lock
    if found := _dependencies(base):
        return found
    say("installing the dependencies of ecs-cd's checkout, once")
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    machine.run(
        ["sh", tree / "bin" / "ecs-cd", "--help"], env={"RUNNER_TEMP": "", "XDG_CACHE_HOME": str(base)}, cwd=_OUTSIDE
    )
    if found := _dependencies(base):
        return found
    raise LocalError(f"The dependencies of {tree} were not installed in {base}.")


def _dependencies(base: Path) -> Path | None:
    return next(iter(sorted(base.glob("ecs-cd/dependencies-*"))), None)
