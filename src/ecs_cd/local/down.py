"""`ecs-cd local down`: removes the local AWS completely, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ecs_cd.local import containers, ministack, place, repository
from ecs_cd.local.codepipeline import process
from ecs_cd.local.machine import Say
from ecs_cd.model.errors import Refused


def down(environ: Mapping[str, str], say: Say) -> int:
    """Stops and removes what `up` started for this repository, including leftovers of a crash or a restart."""
    root = repository.root(Path.cwd())
    folder = place.folder(root, environ)
    if not folder.is_dir():
        say(f"nothing is up for {root}")
        return 0
    env = containers.host_in_use()
    process.kill(folder)
    ministack.kill(folder)
    if ministack.recorded(folder) and not containers.answers(env):
        raise Refused(
            "the local AWS has stopped, but its containers and images can't be removed: no Docker engine answers",
            "Start the engine, and run this again.",
        )
    process.end(folder, env)
    ministack.end(folder, env)
    shutil.rmtree(folder)
    with suppress(OSError):  # it holds other repositories
        folder.parent.rmdir()
    say(f"nothing is left of the local AWS of {root}")
    return 0
