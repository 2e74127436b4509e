"""The programs that ecs-cd starts: none of them comes from the checkout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ecs_cd.job import workspace


def path(environ: Mapping[str, str]) -> str:
    """PATH without what is relative, empty, or inside the checkout: a commit could put a `git` or a `docker` there."""
    folders = workspace.roots(environ)
    entries = environ.get("PATH", os.defpath).split(os.pathsep)
    kept = [entry for entry in entries if Path(entry).is_absolute() and not workspace.inside(entry, folders)]
    return os.pathsep.join(kept) or "/nonexistent"  # an empty PATH would be the working directory
