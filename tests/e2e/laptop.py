"""`ecs-cd` as a developer types it in the app's repository."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from dev import host
from ecs_cd.local import act, machine


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """This machine's environment, without what a job or another AWS has in it, and this one."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(act.FOREIGN)}
    return {**own, **env}


def ecs_cd(repo: Path, env: Mapping[str, str], *arguments: str, timeout: float = 300) -> tuple[int, str]:
    """Runs a command to its end: its exit code and all its output."""
    done = subprocess.run(
        host.ecs_cd(*arguments),
        cwd=repo,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    return done.returncode, done.stdout


def left_in_docker(env: Mapping[str, str], port: int) -> list[str]:
    """Containers and images of the local AWS at this port. Other tests use the same engine meanwhile."""
    kinds = (
        ["ps", "--all", "--no-trunc", "--format", "{{.Image}} {{.Labels}}"],
        ["images", "--format", "{{.Repository}}:{{.Tag}}"],
    )
    lines = [line for kind in kinds for line in machine.run(["docker", *kind], env=env).stdout.splitlines()]
    return [line for line in lines if f":{port}" in line]
