"""A local AWS: one ministack a place, that goes on after the process which started it.

A place is a folder with a record of it and a lock. ministack inherits the lock and the kernel frees it at its end,
however that comes, so the process with the recorded id is ours exactly as long as the lock is held.
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
    """One that was started; everything that it owns in Docker carries ``name`` and ``port``."""

    name: str
    port: int
    region: str
    account: str
    network_of: str = ""
    pid: int = 0

    @property
    def endpoint(self) -> str:
        """The address of all its services."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def registry(self) -> str:
        """The host of its ECR repositories; `localhost` is where Docker asks for no TLS."""
        return f"localhost:{self.port}"

    @property
    def client_env(self) -> dict[str, str]:
        """What a process needs to talk to it, and to no other AWS."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.account,  # ministack takes twelve digits for the account
            "AWS_SECRET_ACCESS_KEY": "local",
            # A profile or an instance's role of the machine must never be asked.
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


def start(
    place: Path, env: Mapping[str, str], *, region: str, account: str, network_of: str = "", log: Path | None = None
) -> Ministack:
    """Starts one on a free port; ready when this returns.

    ECS tasks join the network of the container ``network_of``, else the engine's own. What ``env`` adds to the
    environment names the engine.
    """
    program = machine.program("ministack")
    if program is None:
        raise LocalError("ministack is not installed.")
    log = log or place / _LOG
    found = Ministack(f"ecs-cd-{secrets.token_hex(4)}", _free_port(), region, account, network_of)
    (place / _SCRATCH).mkdir(parents=True, exist_ok=True)
    _record(place, found)  # before there is a process: what it leaves is found by its name
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
    """The one that was started in this place, whether it still runs or not."""
    try:
        return Ministack(**json.loads((place / _RECORD).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise LocalError(
            f"{place / _RECORD} is not what this ecs-cd writes: end what `docker ps` and `ps` show of ministack, "
            f"remove {place}, and run this again."
        ) from error


def running(place: Path) -> Ministack | None:
    """The one that was started in this place, if it still runs."""
    found = recorded(place)
    return found if found and _held(place) else None


def kill(place: Path) -> None:
    """Ends the process. Nothing of it is kept, and its own way out would wait for each container in turn."""
    found = running(place)
    if found is None or not found.pid:
        return
    with suppress(ProcessLookupError):
        os.killpg(found.pid, signal.SIGKILL)
    give_up = time.monotonic() + 10
    while _held(place):
        if time.monotonic() > give_up:
            raise LocalError(f"ministack (process {found.pid}) does not end: end it, and run this again.")
        time.sleep(0.02)
    with suppress(ChildProcessError):
        os.waitpid(found.pid, 0)


def end(place: Path, env: Mapping[str, str]) -> None:
    """Ends it, and removes every container and image of it and no others; again and again, if need be."""
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
    """Makes it the AWS of this process, and of those that it starts."""
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
        # Other listeners, which would be reachable from elsewhere.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # The container whose network tasks join, and the name in the labels of what it starts.
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
    raise LocalError(f"ministack did not come up; the end of {log}:\n{tail}")


def _held(place: Path) -> bool:
    """A process holds the lock: ours, for nobody else gets it."""
    try:
        with (place / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
