"""`make demo`: the example's own workflow with `ecs-cd local`, from an empty machine to the page that is served.

Engine, base images and database stand for what a developer has; the rest is three commands.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from dev import host
from dev.aws import Aws
from dev.base_images import base_images
from dev.database import database, refusal
from dev.engine import engine
from dev.stack import Stack, clients, page
from dev.tree import release_tree
from dev.workflows import INFRA, app_repo, copied
from ecs_cd.local import machine, ministack, place
from ecs_cd.local.machine import LocalError

Say = Callable[[str], None]


def main() -> int:
    """Run the demonstration; 0 if the deployment was green."""
    machine.exit_on_signals()
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {text}", flush=True)

    try:
        return demo(say)
    except LocalError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; everything has been stopped.", file=sys.stderr)
        return 130
    finally:
        say("nothing is left running")


def demo(say: Say) -> int:
    """Everything the demo needs; each part is removed when its block ends."""
    with tempfile.TemporaryDirectory(prefix="ecs-cd-demo-") as scratch, engine() as env:
        say("a Docker engine answers")
        images = base_images(env)
        say("base images for the app and for PostgreSQL are ready")
        with database(env, images.postgres) as server:
            say(f"PostgreSQL runs on its own network; its answer to this host: {refusal(server)}")
            folder = Path(scratch)
            tree = release_tree(folder / "ecs-cd")
            repo = app_repo(folder / "my-app")
            copied(INFRA, folder / "infra")
            (folder / "database.env").write_text(f"DATABASE_URL={server.url}\n")
            say("the app's repository has a commit")
            own = {**env, "XDG_STATE_HOME": str(folder / "state")}
            try:
                return deploy(say, repo, tree, own, images.python, server.container)
            finally:
                local(say, repo, own, "down")


def deploy(say: Say, repo: Path, tree: Path, env: Mapping[str, str], base: str, neighbour: str) -> int:
    """Up, the workflow as it would run on a push to main, and the page."""
    infra = ["--config", "file:../infra/document.yaml", "--templates", "../infra", "--env-file", "../database.env"]
    code = local(say, repo, env, "up", *infra, "--network-of", neighbour)
    code = code or local(say, repo, env, "run", "--var", f"BASE_IMAGE={base}", "--tree", str(tree))
    if code:
        return code
    say("the service serves:")
    for line in page(local_stack(repo, env)).splitlines():
        say(f"  {line}")
    return 0


def local(say: Say, repo: Path, env: Mapping[str, str], *arguments: str) -> int:
    """A command as a developer types it; its exit code."""
    say(f"$ ecs-cd local {' '.join(arguments)}")
    return subprocess.run(
        host.ecs_cd("local", *arguments), cwd=repo, env={**os.environ, **env}, stdin=subprocess.DEVNULL, check=False
    ).returncode


def local_stack(repo: Path, env: Mapping[str, str]) -> Stack:
    """What `ecs-cd local up` made for the example's repository."""
    running = ministack.running(place.folder(repo, env))
    assert running is not None, "it is up"
    aws = Aws(running.endpoint, running.registry, running.region, {**env, **running.client_env})
    return Stack(aws, clients(aws))


if __name__ == "__main__":
    sys.exit(main())
