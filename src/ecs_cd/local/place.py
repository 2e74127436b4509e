"""Where a repository's local stack is written down: a folder of this user's, one for each repository folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

_FILE = "stack.json"


@dataclass(frozen=True)
class Stack:
    """What `up` made, for `run` and for the next `up`."""

    config: str  # as workflows name it
    cluster: str
    services: Mapping[str, str]  # the document's keys, ECS's names
    files: Mapping[str, str] = field(default_factory=dict)  # of the workspace, as they are to be here
    templates: Mapping[str, str] = field(default_factory=dict)  # families, and what was registered for them


def folder(repository: Path, environ: Mapping[str, str]) -> Path:
    """The place of a repository's stack; https://specifications.freedesktop.org/basedir-spec/latest/"""
    base = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".local" / "state")
    digest = hashlib.sha256(str(repository).encode()).hexdigest()[:12]
    return Path(base) / "ecs-cd" / f"{repository.name}-{digest}"


def save(place: Path, stack: Stack) -> None:
    """Writes it down."""
    scratch = place / f"{_FILE}.new"
    scratch.write_text(json.dumps(asdict(stack)), encoding="utf-8")
    scratch.replace(place / _FILE)


def load(place: Path) -> Stack | None:
    """What `up` wrote, if it came to its end. What another version of ecs-cd wrote is as good as nothing."""
    try:
        return Stack(**json.loads((place / _FILE).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
