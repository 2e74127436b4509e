"""A local AWS: one ministack per place, which keeps running after the process that started it.

A place is a folder with its record and a lock.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import urllib.request
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ecs_cd.local import background, containers, machine
from ecs_cd.local.machine import LocalError

_NAME = "ministack"
_RECORD = f"{_NAME}.json"
_LOG = f"{_NAME}.log"
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
    found = Ministack(f"ecs-cd-{secrets.token_hex(4)}", background.free_port(), region, account, network_of)
    (place / _SCRATCH).mkdir(parents=True, exist_ok=True)
    background.record(place, _NAME, found)  # before the process starts: its name identifies what it leaves
    settings = {**env, **_settings(found, place)}
    process = background.start(place, _NAME, [program], settings, cwd=place / _SCRATCH, log=log)
    found = Ministack(**{**asdict(found), "pid": process.pid})
    background.record(place, _NAME, found)
    background.wait_until_up(process, _NAME, lambda: _answers(found), log)
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
    return found if found and background.held(place, _NAME) else None


def kill(place: Path) -> None:
    """Kills the process. None of its state is kept, and a normal exit would wait for each container in turn."""
    found = running(place)
    if found is not None and found.pid:
        background.kill(place, _NAME, found.pid)


def end(place: Path, env: Mapping[str, str]) -> None:
    """Ends ministack and removes all its containers and images, and no others. It can be repeated."""
    kill(place)
    found = recorded(place)
    if found is None:
        return
    containers.remove_labelled(f"ministack.instance={found.name}:{found.port}", env)
    containers.remove_images(found.registry, env)
    shutil.rmtree(place / _SCRATCH, ignore_errors=True)
    for name in (_RECORD, f"{_NAME}.lock"):
        (place / name).unlink(missing_ok=True)


def use(found: Ministack, environ: MutableMapping[str, str]) -> None:
    """Makes it the AWS of this process and its child processes."""
    for name in [name for name in environ if name.startswith("AWS_")]:
        del environ[name]
    environ.update(found.client_env)


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


def _answers(found: Ministack) -> bool:
    try:
        with urllib.request.urlopen(f"{found.endpoint}/_ministack/health", timeout=5):
            return True
    except OSError:
        return False
