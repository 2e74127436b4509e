"""Reads the repository: its paths, and the texts of workflows, actions, scripts and task definitions."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ecs_cd.init.rules.scope import Snapshot
from ecs_cd.job import workspace
from ecs_cd.model.errors import Refused

_SKIPPED = {".git", "node_modules", "vendor", ".venv", "venv", ".terraform", "__pycache__", ".tox", "target", "dist"}
_TEXTS = (".yml", ".yaml", ".json", ".sh", ".hcl", ".tpl", ".tmpl", ".template", ".bash")
_LARGEST = 512 * 1024  # bytes
_MOST_FILES = 50_000
_REMOTE = re.compile(r"url\s*=\s*(?P<url>\S+)")


def top(folder: str) -> Path:
    """The top of the checkout around a folder. Raises ``Refused`` if it is not in a Git checkout."""
    if not Path(folder or ".").is_dir():
        raise Refused(f"{folder} is not a folder")
    found = workspace.top(folder or ".")
    if found is None:
        raise Refused(
            f"{Path(folder or '.').absolute()} is not in a Git checkout",
            "Go to the checkout of your app's repository, or run `git init` there.",
        )
    return found


def snapshot(root: Path) -> Snapshot:
    """Reads everything that the decisions need. Raises ``Refused`` if a workflow can't be read."""
    paths: set[str] = set()
    texts: dict[str, str] = {}
    for path in _files(root):
        name = path.relative_to(root).as_posix()
        paths.add(name)
        if _matters(name):
            text = _text(path, name, root)
            if text is not None:
                texts[name] = text
    return Snapshot(_name(root), frozenset(paths), texts, _branch(root))


def _files(root: Path) -> Iterator[Path]:
    count = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(each for each in folders if each not in _SKIPPED)
        for name in sorted(names):
            count += 1
            if count > _MOST_FILES:
                return
            yield Path(folder, name)


def _matters(name: str) -> bool:
    return name.endswith(_TEXTS) or ".json." in name or ("task" in name.lower() and "." in name)


def _text(path: Path, name: str, root: Path) -> str | None:
    """A file's text; ``None`` if it is large, binary, or leads out of the checkout, and no workflow."""
    try:
        if problem := _problem(path, root):
            raise OSError(problem)
        return path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        if name.startswith(".github/workflows/") and name.endswith((".yml", ".yaml")):
            why = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)
            raise Refused(f"{name} can't be read: {why}", "Repair or remove it: init reads every workflow.") from None
        return None


def _problem(path: Path, root: Path) -> str:
    """Why a file isn't read; empty if it is."""
    inside = os.path.realpath(root)
    real = Path(os.path.realpath(path))
    if path.is_symlink() and (not real.is_relative_to(inside) or ".git" in real.relative_to(inside).parts):
        return "it is a symlink that leads out of the checkout"
    if not path.is_file():
        return "it is a symlink to nothing" if path.is_symlink() else "it is not a regular file"
    return f"it is larger than {_LARGEST // 1024} KiB" if path.stat().st_size > _LARGEST else ""


def _git_folder(root: Path) -> Path:
    """The folder with Git's configuration, also of a worktree."""
    place = root / ".git"
    if place.is_file():
        named = place.read_text(encoding="utf-8", errors="replace").partition("gitdir:")[2].strip()
        place = (root / named).resolve()
        common = place / "commondir"
        if common.is_file():
            place = (place / common.read_text(encoding="utf-8").strip()).resolve()
    return place


def _name(root: Path) -> str:
    """The repository's name: that of its remote, or else of its folder."""
    try:
        found = _REMOTE.search((_git_folder(root) / "config").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        found = None
    name = found["url"].rstrip("/").removesuffix(".git").rpartition("/")[2].rpartition(":")[2] if found else ""
    return name or root.name


def _branch(root: Path) -> str:
    """The branch of the remote's HEAD, or else the one that is checked out."""
    for name in ("refs/remotes/origin/HEAD", "HEAD"):
        try:
            text = (_git_folder(root) / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if found := re.search(r"ref: refs/(?:heads|remotes/origin)/(\S+)", text):
            return found[1]
    return "main"
