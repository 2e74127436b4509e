"""A verb as a process, started like the action's step: its lines, its end and its memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecs_cd.local.act import FOREIGN
from ecs_cd.local.machine import LocalError

TIMEOUT = 120  # seconds for anything that is waited for

# A small process between us and the verb: the peak of a child begins with that of who started it.
LAUNCH = """\
import os, sys, time
child = os.fork()
if not child:
    os.execv(sys.argv[2], sys.argv[2:])
status, usage = os.wait4(child, 0)[1:]
with open(sys.argv[1], "w") as file:
    print(time.time(), usage.ru_maxrss, os.waitstatus_to_exitcode(status), file=file)
"""


@dataclass(frozen=True)
class Process:
    """The time of its end, its peak memory in MB, its lines with their times."""

    ended: float
    peak: float
    lines: Sequence[tuple[float, str]]


def verb(
    name: str,
    inputs: Mapping[str, str],
    env: Mapping[str, str],
    *,
    tree: Path,
    where: Path,
    scratch: Path,
    exit_code: int = 0,
) -> Process:
    """Runs a verb of the release tree in a folder; raises if it ends with another exit code."""
    report = scratch / "report"
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)},
        **env,
        "GITHUB_ACTIONS": "true",
        "ACT": "true",
        "RUNNER_TEMP": str(scratch),
        "GITHUB_OUTPUT": str(scratch / "output"),
        "GITHUB_STEP_SUMMARY": str(scratch / "summary"),
        "ECS_CD_INPUTS": json.dumps(inputs),
    }
    command = [sys.executable, "-I", "-S", "-c", LAUNCH, str(report), str(tree / "bin" / "ecs-cd"), name]
    lines = _run(command, where, environment)
    ended, peak, code = report.read_text().split()
    if int(code) != exit_code:
        raise LocalError(f"{name} ended with {code}, not {exit_code}:\n" + "".join(line for _, line in lines))
    return Process(float(ended), int(peak) * 1024 / 1e6, lines)


def _run(command: Sequence[str], where: Path, env: dict[str, str]) -> list[tuple[float, str]]:
    """A command's output, each line with its time; no process remains, whatever happens."""
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, cwd=where, env=env, text=True, start_new_session=True, **streams)
    end = threading.Timer(TIMEOUT, os.killpg, (process.pid, signal.SIGKILL))
    end.start()
    try:
        lines = [(time.time(), line) for line in process.stdout or ()]
        process.wait()
        return lines
    finally:
        end.cancel()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
