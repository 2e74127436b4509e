"""`make demo`: a pattern with `ecs-cd local`, from an empty machine to the page that is served.

Engine, base images and database stand for what a developer has, Terraform's output for what the infra team has; the
rest is three commands. With KEEP=1 everything stays up until Enter.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from dev import host, patterns
from dev.aws import Aws
from dev.base_images import base_images, codebuild_image
from dev.database import database, refusal
from dev.engine import engine
from dev.patterns import PATTERNS, Pattern
from dev.relay import Relay, Say
from dev.stack import APP_PORT, Stack, clients, page, running_tasks
from dev.tree import release_tree
from dev.workflows import INFRA, app_repo, copied
from ecs_cd.local import machine, ministack, place
from ecs_cd.local.machine import LocalError

TREE = "ecs-cd"
KEEP = "KEEP"


def main(arguments: Sequence[str]) -> int:
    """Runs the demonstration of a pattern, by default of the first; 0 if the deployment was green."""
    (number,) = arguments or ("1",)
    if number not in map(str, PATTERNS):
        print(f"PATTERN={number}: the patterns are 1 to {len(PATTERNS)} (docs/patterns)", file=sys.stderr)
        return 2
    keep = os.environ.get(KEEP, "") not in ("", "0")
    if keep and not sys.stdin.isatty():
        print(f"{KEEP}=1 waits for Enter, and stdin is no terminal: run it in one, or without {KEEP}", file=sys.stderr)
        return 2
    machine.exit_on_signals()
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {text}", flush=True)

    try:
        return demo(PATTERNS[int(number)], say, keep=keep)
    except LocalError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; everything has been stopped.", file=sys.stderr)
        return 130
    finally:
        say("nothing is left running")


def demo(pattern: Pattern, say: Say, *, keep: bool = False) -> int:
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
                code = local(say, repo, own, "up", *flags)
                if code:
                    return code
                code = deploy(pattern, say, repo, own, images.python)
                if keep:
                    wait(pattern, say, repo, own, images.python)
                return code
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


def push(pattern: Pattern, base: str) -> list[str]:
    """The command after a change: the workflow as it would run on a push to main, or the push itself."""
    return ["run", "--var", f"BASE_IMAGE={base}", "--tree", f"../{TREE}"] if pattern.in_actions else ["push"]


def deploy(pattern: Pattern, say: Say, repo: Path, env: Mapping[str, str], base: str) -> int:
    """The push, then the result in short and the page."""
    relay = Relay(say)
    code = local(say, repo, env, *push(pattern, base), relay=relay)
    if code:
        return code
    say("in short:")
    for line in relay.ended:
        say(f"  {line}")
    stack = local_stack(repo, env)
    text = page(stack)
    say(f"{address(stack)} serves:")
    for line in text.splitlines():
        say(f"  {line}")
    return 0


def address(stack: Stack) -> str:
    """The URL of the page."""
    task, *_ = running_tasks(stack)
    return f"http://{task.address}:{APP_PORT}/"


def wait(pattern: Pattern, say: Say, repo: Path, env: Mapping[str, str], base: str) -> None:
    """Keeps everything up until Enter; says how to play on."""
    source = "app/app.py" if pattern.several else "app.py"
    commit = [] if pattern.in_actions else ["git commit --all --message 'A change'"]
    say("everything stays up until you press Enter here. To play on, in another terminal:")
    for line in (
        f". {shlex.quote(str(play(repo, env)))}",
        f"$EDITOR {source}",
        *commit,
        shlex.join(["ecs-cd", "local", *push(pattern, base)]),
    ):
        say(f"  {line}")
    with suppress(EOFError):
        input()


def play(repo: Path, env: Mapping[str, str]) -> Path:
    """A file for a shell to source: it leads to the app's repository, with an `ecs-cd` for this local AWS."""
    programs = repo.parent / "bin"
    programs.mkdir(exist_ok=True)
    command = programs / "ecs-cd"
    command.write_text(f'#!/bin/sh\nexec {shlex.join(host.ecs_cd())} "$@"\n')
    command.chmod(0o755)
    exports = {**env, "PATH": f"{programs}{os.pathsep}{env.get('PATH', os.environ['PATH'])}"}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in exports.items()]
    file = repo.parent / "play.sh"
    file.write_text("\n".join([*lines, f"cd {shlex.quote(str(repo))}", ""]))
    return file


def local(say: Say, repo: Path, env: Mapping[str, str], *arguments: str, relay: Relay | None = None) -> int:
    """A command as a developer types it; its exit code. A signal ends it before this returns."""
    say(f"$ ecs-cd local {shlex.join(arguments)}")
    relay = relay or Relay(say)
    with subprocess.Popen(
        host.ecs_cd("local", *arguments),
        cwd=repo,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout
        try:
            for line in process.stdout:
                relay.line(line)
            code = process.wait()
        except BaseException:
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)  # Ctrl-C has reached it as well; two signals at once would make Python complain
            process.terminate()
            process.communicate()
            raise
    relay.end(failed=code != 0)
    return code


def local_stack(repo: Path, env: Mapping[str, str]) -> Stack:
    """What `ecs-cd local up` made for the example's repository."""
    running = ministack.running(place.folder(repo, env))
    assert running is not None, "it is up"
    aws = Aws(running.endpoint, running.registry, running.region, {**env, **running.client_env})
    return Stack(aws, clients(aws))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
