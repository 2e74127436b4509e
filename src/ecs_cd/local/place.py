"""Where ecs-cd records a repository's local stack: a folder of the user, one for each repository folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_FILE = "stack.json"


PLACEHOLDER = "ecs-cd-placeholder"  # its repository; no document names it, because it is never deployed


@dataclass(frozen=True)
class Stack:
    """What `up` created, for `run` and for the next `up`, and what it was created from."""

    cluster: str
    services: Mapping[str, str]  # keys in the document, names in ECS
    files: Mapping[str, str]  # files of the workspace, with their local contents
    templates: Mapping[str, str]  # families, with digests of the registered templates
    notes: Sequence[str]  # how the local AWS differs
    options: Mapping[str, Any]  # of world.Options
    kept: Mapping[str, str]  # of sources.Sources
    digests: Mapping[str, str]


def folder(repository: Path, environ: Mapping[str, str]) -> Path:
    """The folder for a repository's stack; https://specifications.freedesktop.org/basedir-spec/latest/"""
    base = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".local" / "state")
    digest = hashlib.sha256(str(repository).encode()).hexdigest()[:12]
    return Path(base) / "ecs-cd" / f"{repository.name}-{digest}"


def save(place: Path, stack: Stack) -> None:
    """Saves the stack."""
    scratch = place / f"{_FILE}.new"
    scratch.write_text(json.dumps(asdict(stack)), encoding="utf-8")
    scratch.replace(place / _FILE)


def load(place: Path) -> Stack | None:
    """The stack that `up` saved, if `up` finished. A stack in the format of another version is ignored."""
    try:
        return Stack(**json.loads((place / _FILE).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
