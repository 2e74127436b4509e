"""Docker on this machine: whether it is complete, and what a local AWS leaves in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ecs_cd.local import machine, placeholder
from ecs_cd.local.machine import LocalError

Env = Mapping[str, str]


def answers(env: Env) -> bool:
    """Whether the client can reach an engine."""
    return not no_answer(env)


def no_answer(env: Env) -> str:
    """Why the client can't reach an engine, in its own words; empty if it can."""
    if shutil.which("docker", path=env.get("PATH")) is None:
        return "there is no client"
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        asked = machine.run(command, env=env, check=False, timeout=30)
    except subprocess.TimeoutExpired:
        return "no answer in 30 seconds"
    return "" if asked.returncode == 0 else asked.stderr.strip() or "no reason is given"


def has_buildx(env: Env) -> bool:
    """Whether the client has the build plugin."""
    return machine.run(["docker", "buildx", "version"], env=env, check=False).returncode == 0


def host_in_use() -> dict[str, str]:
    """The engine's address, for programs that don't read the client's contexts, such as the library in ministack."""
    if "DOCKER_HOST" in os.environ or shutil.which("docker") is None:
        return {}
    shown = machine.run(["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], check=False)
    return {"DOCKER_HOST": shown.stdout.strip()} if shown.returncode == 0 and shown.stdout.strip() else {}


def architecture(env: Env) -> str:
    """The native architecture of the engine: `amd64`, `arm64`."""
    return machine.run(["docker", "version", "--format", "{{.Server.Arch}}"], env=env).stdout.strip()


def network(container: str, env: Env) -> str:
    """The first network of a running container; empty without one."""
    shown = machine.run(
        ["docker", "container", "inspect", "--format", "{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}",
         container],
        env=env,
        check=False,
    )  # fmt: skip
    return next(iter(shown.stdout.split()), "")


def push_placeholder(target: str, env: Env) -> None:
    """Creates the placeholder image and pushes it; the engine keeps no trace of it."""
    made_for = architecture(env)
    if made_for not in placeholder.ARCHITECTURES:
        raise LocalError(
            f"The Docker engine is for {made_for}; a local AWS runs on {', '.join(placeholder.ARCHITECTURES)}."
        )
    with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
        archive.write(placeholder.root_filesystem(made_for))
        archive.flush()
        machine.run(["docker", "import", "--change", 'ENTRYPOINT ["/pause"]', Path(archive.name), target], env=env)
    try:
        machine.run(["docker", "push", "--quiet", target], env=env)
    finally:
        machine.run(["docker", "image", "rm", target], env=env, check=False)


def remove_labelled(label: str, env: Env) -> None:
    """Removes all containers with the label, and their anonymous volumes."""
    # Twice: a task that ministack was starting when it was killed may appear late.
    for _ in range(2):
        command = ["docker", "ps", "--all", "--quiet", "--filter", f"label={label}"]
        left = machine.run(command, env=env, check=False).stdout.split()
        if left:
            machine.run(["docker", "rm", "--force", "--volumes", *left], env=env, check=False)


def remove_images(registry: str, env: Env) -> None:
    """Removes images built for or pulled from the registry: without it their names are useless."""
    command = ["docker", "images", "--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}"]
    shown = machine.run(command, env=env, check=False).stdout
    names = [_image(*line.split()) for line in shown.splitlines() if line.startswith(f"{registry}/")]
    if names:
        machine.run(["docker", "image", "rm", "--force", *dict.fromkeys(names)], env=env, check=False)


def _image(repository: str, tag: str, digest: str) -> str:
    return f"{repository}@{digest}" if tag == "<none>" else f"{repository}:{tag}"
