"""AWS on this machine: ministack, with an ECR registry and ECS tasks that are real containers."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev import machine
from dev.machine import LOGS, LocalError

ACCOUNT = "000000000000"
REGION = "us-east-1"


@dataclass(frozen=True)
class Aws:
    """A running ministack. `env` is what a process needs to talk to it, and to the engine behind it."""

    endpoint: str
    registry: str
    region: str
    env: dict[str, str]
    log: Path


@contextmanager
def aws(env: Mapping[str, str], neighbour: str = "") -> Iterator[Aws]:
    """ministack on a free port; ECS tasks join the network of the container `neighbour`, else the engine's own.

    At the end it goes with every container that it started and no other: its name is in their labels.
    """
    name = f"ecs-cd-{secrets.token_hex(4)}"
    port = _free_port()
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"ministack-{port}.log"
    scratch = tempfile.mkdtemp(prefix="ecs-cd-aws-")
    process: subprocess.Popen[bytes] | None = None
    try:
        process = _start(env, name, port, neighbour, scratch, log)
        _wait_until_up(process, port, log)
        endpoint = f"http://127.0.0.1:{port}"
        yield Aws(endpoint, f"localhost:{port}", REGION, {**env, **_client_env(endpoint)}, log)
    finally:
        if process is not None:
            # Nothing of it is kept, and its own way out waits for every container in turn.
            process.kill()
            process.wait()
        _remove_containers(env, f"{name}:{port}")
        _remove_images(env, f"localhost:{port}")
        shutil.rmtree(scratch, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _start(
    env: Mapping[str, str], name: str, port: int, neighbour: str, scratch: str, log: Path
) -> subprocess.Popen[bytes]:
    settings = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # Other listeners, which would be reachable from elsewhere.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # The container whose network tasks join, and the name in the labels of what it starts.
        "HOSTNAME": neighbour,
        "MINISTACK_HOSTNAME": name,
        "MINISTACK_REGION": REGION,
        "TMPDIR": scratch,
    }
    with log.open("wb") as output:
        return subprocess.Popen(
            [str(Path(sys.executable).parent / "ministack")],
            env={**os.environ, **env, **settings},
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
    raise LocalError(f"ministack did not come up; the end of {log}:\n{tail}")


def _client_env(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        # A profile or an instance's role of the machine must never be asked.
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _remove_images(env: Mapping[str, str], registry: str) -> None:
    """Images that were built for or pulled from the registry: their names mean nothing without it."""
    shown = machine.run(
        ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={registry}/*"],
        env=env,
        check=False,
    )
    names = [name for name in shown.stdout.split() if name.startswith(f"{registry}/")]
    if names:
        machine.run(["docker", "image", "rm", "--force", *names], env=env, check=False)


def _remove_containers(env: Mapping[str, str], instance: str) -> None:
    label = f"label=ministack.instance={instance}"
    # Twice: a task that was being started when ministack was killed may appear late.
    for _ in range(2):
        left = machine.run(["docker", "ps", "--all", "--quiet", "--filter", label], env=env, check=False)
        if left.stdout.split():
            machine.run(["docker", "rm", "--force", "--volumes", *left.stdout.split()], env=env, check=False)
