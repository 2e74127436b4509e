"""`make demo`: a pattern with `ecs-cd local`, from an empty machine to the page that is served.

Engine, base images and database stand for what a developer has, Terraform's output for what the infra team has; the
rest is three commands.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dev import host, patterns
from dev.aws import Aws
from dev.base_images import base_images, codebuild_image
from dev.database import database, refusal
from dev.engine import engine
from dev.patterns import PATTERNS, Pattern
from dev.stack import Stack, clients, page
from dev.tree import release_tree
from dev.workflows import INFRA, app_repo, copied
from ecs_cd.local import machine, ministack, place
from ecs_cd.local.machine import LocalError

Say = Callable[[str], None]
TREE = "ecs-cd"


def main(arguments: Sequence[str]) -> int:
    """Runs the demonstration of a pattern, by default of the first; 0 if the deployment was green."""
    (number,) = arguments or ("1",)
    if number not in map(str, PATTERNS):
        print(f"PATTERN={number}: the patterns are 1 to {len(PATTERNS)} (docs/patterns)", file=sys.stderr)
        return 2
    machine.exit_on_signals()
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {text}", flush=True)

    try:
        return demo(PATTERNS[int(number)], say)
    except LocalError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; everything has been stopped.", file=sys.stderr)
        return 130
    finally:
        say("nothing is left running")


def demo(pattern: Pattern, say: Say) -> int:
    """Everything the demo needs; each part is removed when its block ends."""
    with tempfile.TemporaryDirectory(prefix="ecs-cd-demo-") as scratch, ThreadPoolExecutor(1) as pool, engine() as env:
        folder = Path(scratch)
        infra = pool.submit(_infra_team, pattern, folder, say)
        say("a Docker engine answers")
        images = base_images(env)
        say("base images for the app and for PostgreSQL are ready")
        with database(env, images.postgres) as server:
            say(f"PostgreSQL runs on its own network; its answer to this host: {refusal(server)}")
            (folder / "database.env").write_text(f"DATABASE_URL={server.url}\n")
            repo = (
                app_repo(folder / "my-app")
                if pattern.number == 1
                else patterns.app_repo(pattern, folder / "my-app", images)
            )
            say("the app's repository has a commit")
            flags = [*infra.result(), "--env-file", "../database.env", "--network-of", server.container]
            flags += ["--build-image", codebuild_image(env)] if pattern.has_pipeline else []
            own = {**env, "XDG_STATE_HOME": str(folder / "state")}
            try:
                return deploy(pattern, say, repo, flags, own, images.python)
            finally:
                local(say, repo, own, "down")


def _infra_team(pattern: Pattern, folder: Path, say: Say) -> list[str]:
    """The flags of `up` that name what the infra team has. Beside it is the release tree."""
    tree = release_tree(folder / TREE)
    if pattern.number == 1:
        copied(INFRA, folder / "infra")
        return ["--config", "file:../infra/document.yaml", "--templates", "../infra"]
    (folder / "infra.json").write_text(patterns.terraform(pattern, patterns.packed(tree, folder / "ecs-cd.tar.gz")))
    say(f"the infra team has applied examples/infra/{pattern.infra}; `terraform show -json` is in infra.json")
    return ["--infra", "../infra.json"]


def deploy(pattern: Pattern, say: Say, repo: Path, flags: Sequence[str], env: Mapping[str, str], base: str) -> int:
    """Up, the workflow as it would run on a push to main or the push itself, and the page."""
    push = ["run", "--var", f"BASE_IMAGE={base}", "--tree", f"../{TREE}"] if pattern.in_actions else ["push"]
    code = local(say, repo, env, "up", *flags) or local(say, repo, env, *push)
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
    sys.exit(main(sys.argv[1:]))
