"""A local AWS: one ministack per place, which keeps running after the process that started it.

A place is a folder with its record and a lock. ministack inherits the lock, and the kernel frees it when ministack ends
for any reason. So the process with the recorded id is this ministack exactly while the lock is held.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ecs_cd.local import containers, machine
from ecs_cd.local.machine import LocalError

_RECORD = "ministack.json"
_LOCK = "ministack.lock"
_LOG = "ministack.log"
_SCRATCH = "scratch"


@dataclass(frozen=True)
class Ministack:
    """A started ministack; everything that it owns in Docker carries ``name`` and ``port``."""

    name: str
    port: int
    region: str
    account: str
    network_of: str = ""
    pid: int = 0

    @property
    def endpoint(self) -> str:
        """The endpoint for all its services."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def registry(self) -> str:
        """The host of its ECR repositories; `localhost`, because Docker doesn't require TLS there."""
        return f"localhost:{self.port}"

    @property
    def client_env(self) -> dict[str, str]:
        """The environment that makes a process use this AWS and no other."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.account,  # ministack treats twelve digits as the account
            "AWS_SECRET_ACCESS_KEY": "local",
            # boto3 must never use a profile or an instance role of the machine.
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


def start(
    place: Path, env: Mapping[str, str], *, region: str, account: str, network_of: str = "", log: Path | None = None
) -> Ministack:
    """Starts ministack on a free port, and returns when it is ready.

    ECS tasks join the network of the container ``network_of``, else the engine's default network. ``env`` extends the
    environment and selects the engine.
    """
    program = machine.program("ministack")
    if program is None:
        raise LocalError("ministack is not installed.")
    log = log or place / _LOG
    found = Ministack(f"ecs-cd-{secrets.token_hex(4)}", _free_port(), region, account, network_of)
    (place / _SCRATCH).mkdir(parents=True, exist_ok=True)
    _record(place, found)  # before the process starts: its name identifies what it leaves
    with (place / _LOCK).open("w") as lock, log.open("wb") as output:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        process = subprocess.Popen(
            [program],
            env={**os.environ, **env, **_settings(found, place)},
            cwd=place / _SCRATCH,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(lock.fileno(),),
            start_new_session=True,
        )
    found = Ministack(**{**asdict(found), "pid": process.pid})
    _record(place, found)
    _wait_until_up(process, found, log)
    return found


def recorded(place: Path) -> Ministack | None:
    """The ministack that was started in this place, whether or not it still runs."""
    try:
        return Ministack(**json.loads((place / _RECORD).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise LocalError(
            f"{place / _RECORD} was not written by this version of ecs-cd: stop ministack's processes and containers "
            f"(`ps`, `docker ps`), remove {place}, and run this again."
        ) from error


def running(place: Path) -> Ministack | None:
    """The ministack that was started in this place, if it still runs."""
    found = recorded(place)
    return found if found and _held(place) else None


def kill(place: Path) -> None:
    """Kills the process. None of its state is kept, and a normal exit would wait for each container in turn."""
    found = running(place)
    if found is None or not found.pid:
        return
    with suppress(ProcessLookupError):
        os.killpg(found.pid, signal.SIGKILL)
    give_up = time.monotonic() + 10
    while _held(place):
        if time.monotonic() > give_up:
            raise LocalError(f"ministack (process {found.pid}) does not stop: stop it, and run this again.")
        time.sleep(0.02)
    with suppress(ChildProcessError):
        os.waitpid(found.pid, 0)


def end(place: Path, env: Mapping[str, str]) -> None:
    """Ends ministack and removes all its containers and images, and no others. It can be repeated."""
    kill(place)
    found = recorded(place)
    if found is None:
        return
    containers.remove_labelled(f"ministack.instance={found.name}:{found.port}", env)
    containers.remove_images(found.registry, env)
    shutil.rmtree(place / _SCRATCH, ignore_errors=True)
    for name in (_RECORD, _LOCK):
        (place / name).unlink(missing_ok=True)


def use(found: Ministack, environ: MutableMapping[str, str]) -> None:
    """Makes it the AWS of this process and its child processes."""
    for name in [name for name in environ if name.startswith("AWS_")]:
        del environ[name]
    environ.update(found.client_env)


def _record(place: Path, found: Ministack) -> None:
    scratch = place / f"{_RECORD}.new"
    scratch.write_text(json.dumps(asdict(found)), encoding="utf-8")
    scratch.replace(place / _RECORD)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _settings(found: Ministack, place: Path) -> dict[str, str]:
    return {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(found.port),
        # Other listeners, which other machines could reach.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # The container whose network tasks join, and the name in the labels of everything it starts.
        "HOSTNAME": found.network_of,
        "MINISTACK_HOSTNAME": found.name,
        "MINISTACK_REGION": found.region,
        "MINISTACK_ACCOUNT_ID": found.account,
        "TMPDIR": str(place / _SCRATCH),
    }


def _wait_until_up(process: subprocess.Popen[bytes], found: Ministack, log: Path) -> None:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{found.endpoint}/_ministack/health", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
    raise LocalError(f"ministack did not start; the end of {log}:\n{tail}")


def _held(place: Path) -> bool:
    """Whether a process holds the lock; only this ministack can."""
    try:
        with (place / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
