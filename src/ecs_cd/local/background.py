"""A process that keeps running after the one that started it. A folder and a name say which.

The process inherits a lock, and the kernel frees it when the process ends for any reason. So the process with the
recorded id is this one exactly while the lock is held.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ecs_cd.local.machine import LocalError

_LAST_LINES = 8


def start(
    place: Path, name: str, command: Sequence[str], env: Mapping[str, str], *, cwd: Path, log: Path
) -> subprocess.Popen[bytes]:
    """Starts the process. ``env`` extends the environment; ``log`` gets its output."""
    with (place / f"{name}.lock").open("w") as lock, log.open("wb") as output:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return subprocess.Popen(
            command,
            env={**os.environ, **env},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(lock.fileno(),),
            start_new_session=True,
        )


def record(place: Path, name: str, started: Any) -> None:
    """Writes down what was started, a dataclass, for processes that use or end it."""
    scratch = place / f"{name}.json.new"
    scratch.write_text(json.dumps(asdict(started)), encoding="utf-8")
    scratch.replace(place / f"{name}.json")


def wait_until_up(process: subprocess.Popen[bytes], name: str, answers: Callable[[], bool], log: Path) -> None:
    """Returns when the process answers. Raises ``LocalError`` with the end of its log if it doesn't."""
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up and process.poll() is None:
        if answers():
            return
        time.sleep(0.05)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
    raise LocalError(f"{name} did not start; the end of {log}:\n{tail}")


def held(place: Path, name: str) -> bool:
    """Whether a process holds the lock; only this one can."""
    try:
        with (place / f"{name}.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def kill(place: Path, name: str, pid: int) -> None:
    """Kills the process and those of its session. ``pid`` must be that of a process that holds the lock."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    give_up = time.monotonic() + 10
    while held(place, name):
        if time.monotonic() > give_up:
            raise LocalError(f"{name} (process {pid}) does not stop: stop it, and run this again.")
        time.sleep(0.02)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
