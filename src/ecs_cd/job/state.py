"""The work in progress, in a file that survives SIGKILL.

ecs-cd writes it before each mutation and removes it when the outcome is known. The verb ``clean-up`` reads it in a
later step if the runner killed the process outright; after SIGINT, the process itself cleans up.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shlex
import stat
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecs_cd.model.errors import Cancelled, Refused
from ecs_cd.model.run import Run


def folder(environ: Mapping[str, str]) -> Path:
    """ecs-cd's own folder: in RUNNER_TEMP, else this user's in the system's temp folder, which TMPDIR names.

    Raises ``Refused`` if another user created it: it could be a trap.
    """
    runner_temp = environ.get("RUNNER_TEMP")
    path = Path(runner_temp) / "ecs-cd" if runner_temp else Path(tempfile.gettempdir()) / f"ecs-cd-{os.getuid()}"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid():
            path.chmod(0o700)  # it may be older, from under another umask
    except OSError as error:
        raise Refused(
            f"{path} can't be created: {error.strerror}", "Set RUNNER_TEMP or TMPDIR to your own folder."
        ) from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise Refused(f"{path} belongs to another user", "Remove it, or set RUNNER_TEMP or TMPDIR to your own folder.")
    return path


def write_private(path: Path, text: str) -> None:
    """Writes a file that only this user can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


class State:
    """The state file of one process, or of a ``part`` of its run. ``nonce`` is unique to it."""

    def __init__(self, environ: Mapping[str, str], run: Run, part: str = "") -> None:
        self.folder = folder(environ)
        self.nonce = secrets.token_hex(16)
        self.under_way: dict[str, Any] = {}
        _leave_clean_up(self.folder)
        self._closed = False
        self._lock = threading.Lock()
        self._path = self.folder / f"under-way-{_job(run)}-{f'{part}-' if part else ''}{os.getpid()}.json"

    def begin(self, **what: Any) -> None:
        """Writes what is about to happen, before it does; later calls add what is known by then.

        Raises ``Refused`` if the first write fails, so that nothing is started, and ``Cancelled`` after ``close``.
        """
        with self._lock:
            if self._closed:
                raise Cancelled
            self._write(self.under_way | what)

    def _write(self, known: dict[str, Any]) -> None:
        scratch = self._path.with_suffix(".new")
        try:
            write_private(scratch, json.dumps(known))
            scratch.replace(self._path)
        except OSError as error:
            if not self.under_way:
                scratch.unlink(missing_ok=True)
                raise _unwritable(self._path, error) from error
            # The work is already running: memory has all that is known, and the file has its previous content.
        self.under_way = known

    def close(self) -> None:
        """The run is cancelled: nothing more may begin in another thread."""
        with self._lock:
            self._closed = True

    def end(self) -> None:
        """Removes the file: the outcome is known, and nothing is in progress."""
        self.under_way = {}
        self._path.unlink(missing_ok=True)


def _leave_clean_up(folder: Path) -> None:
    """Writes a script for a later step of the job, which does not know the action's folder."""
    launcher = Path(__file__).resolve().parents[3] / "bin" / "ecs-cd"
    if launcher.is_file():
        try:
            write_private(folder / "clean-up", f"exec {shlex.quote(str(launcher))} clean-up\n")
        except OSError as error:
            raise _unwritable(folder / "clean-up", error) from error


def _unwritable(path: Path, error: OSError) -> Refused:
    return Refused(
        f"{path} can't be written: {error.strerror}", "Free some space, or set RUNNER_TEMP or TMPDIR to another folder."
    )


def left_behind(environ: Mapping[str, str], run: Run) -> list[tuple[Path, dict[str, Any]]]:
    """The state files of this job's processes that ended without an outcome, oldest first."""
    found = sorted(folder(environ).glob(f"under-way-{_job(run)}-*.json"), key=lambda path: path.stat().st_mtime)
    return [(path, json.loads(path.read_text(encoding="utf-8"))) for path in found if not _alive(path)]


def client_token(run: Run, nonce: str, call: Mapping[str, Any]) -> str:
    """The clientToken of a RunTask call: the same for retries within this step, and otherwise different.

    On GitHub it is a hash of run, attempt, job, step and the call's parameters. Under act, run and attempt are
    always 1, and elsewhere they do not exist, so the nonce of this process replaces them. It also replaces the step
    in CodeBuild: a build may start the same task twice on purpose.
    """
    origin = [run.repository, run.id, run.attempt, run.job, run.step or nonce] if run.is_unique else [nonce]
    return hashlib.sha256(json.dumps([origin, call], sort_keys=True).encode()).hexdigest()


def _job(run: Run) -> str:
    return hashlib.sha256(f"{run.id}/{run.attempt}/{run.job}".encode()).hexdigest()[:12]


def _alive(path: Path) -> bool:
    process = path.stem.rpartition("-")[2]
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass
    return True
