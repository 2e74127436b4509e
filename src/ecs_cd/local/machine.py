"""Local processes: runs one, finds one, and exits cleanly on a signal."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

Say = Callable[[str], None]  # a line for the developer
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class LocalError(Exception):
    """A component is unavailable or did not start; the message says what to do."""


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
    timeout: float | None = None,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs a command and captures its output; a failure includes the end of the output.

    `env` extends the process environment.
    """
    arguments = [str(part) for part in command]
    done = subprocess.run(
        arguments,
        check=False,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
    )
    if check and done.returncode != 0:
        tail = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-15:])
        raise LocalError(f"{' '.join(arguments[:4])} ... ended with {done.returncode}:\n{tail}")
    return done


def program(name: str) -> str | None:
    """The path of a program from this Python's packages, or else from PATH."""
    return beside(name) or shutil.which(name)


def beside(name: str) -> str | None:
    """The path of a program from this Python's packages."""
    path = Path(sys.executable).parent / name
    return str(path) if os.access(path, os.X_OK) else None


def exit_on_signals() -> None:
    """Turns the first termination signal into an exception, so that context managers clean up; ignores later ones.

    Processes that clean up inherit this: an impatient second Ctrl-C at the terminal doesn't reach them either.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        for each in ENDING:
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    for each in ENDING:
        signal.signal(each, leave)
