"""Runs a repository's workflow with act, on this machine and without a runner image.

Facts about act in this mode that callers rely on:

- Steps run in a copy of the repository's folder. They get act's environment, a terminal as standard input, output
  and error, and a separate session.
- SIGINT to act kills the step's process group immediately (SIGKILL). An `if: cancelled()` step of a composite action
  then does not run, one of the job does. SIGTERM to act ends everything, and no further step runs.
- act fetches every action that a workflow names, even for a step that does not run.
- act removes RUNNER_TEMP if the job succeeds, and keeps it if the job fails.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecs_cd.local import machine, newer_syntax
from ecs_cd.local.machine import LocalError

# Variables of the caller's environment that would make a local run depend on the user or the machine.
FOREIGN = ("AWS_", "GITHUB_", "RUNNER_", "ACTIONS_", "INPUT_", "ECS_CD_", "PYTHON", "VIRTUAL_ENV")
STAND_INS = Path(__file__).parent  # the folders of actions that replace others
STAND_IN = STAND_INS / "credentials"  # for aws-actions/configure-aws-credentials


@dataclass(frozen=True)
class Event:
    """One line that act reported, `at` seconds after its start; `step` is empty outside of a job's steps."""

    at: float
    data: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The line in readable form."""
        return str(self.data.get("msg", "")).rstrip("\n")

    @property
    def step(self) -> str:
        """The job's step: its id, or its number from 0."""
        ids = self.data.get("stepID") or [""]
        return str(ids[0])

    @property
    def of_ecs_cd(self) -> bool:
        """Whether the step inside one of ecs-cd's actions runs."""
        ids = self.data.get("stepID") or [""]
        return ids[-1] == "ecs-cd" and self.data.get("stage") == "Main"

    @property
    def failed(self) -> bool:
        """Whether a step of the job has failed, or one inside of an action."""
        return self.data.get("stepResult") == "failure"

    @property
    def workflow_command(self) -> tuple[str, str]:
        """The title and the text of a workflow command. They are read as GitHub does, which ends the properties at the
        first `::`; act does at the last, and the text may contain one."""
        head, _, text = str(self.data.get("raw", "")).strip().removeprefix("::").partition("::")
        properties = dict(pair.partition("=")[::2] for pair in head.partition(" ")[2].split(","))
        return _unescaped(properties.get("title", ""), "%3A:%2C,"), _unescaped(text)

    @property
    def is_output(self) -> bool:
        """Whether the step itself wrote the line; this includes workflow commands."""
        return bool(self.data.get("raw_output")) or "raw" in self.data


def _unescaped(text: str, more: str = "") -> str:
    """``more``: what else is escaped, each code with its character behind it."""
    for at in range(0, len(more), 4):
        text = text.replace(more[at : at + 3], more[at + 3])
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


@dataclass(frozen=True)
class Result:
    """A finished workflow run."""

    exit_code: int
    seconds: float
    events: tuple[Event, ...] = field(repr=False)

    @property
    def green(self) -> bool:
        """Whether all jobs succeeded."""
        return self.exit_code == 0

    @property
    def log(self) -> str:
        """Everything that act and the steps wrote."""
        return "".join(f"{event.text}\n" for event in self.events)

    @property
    def jobs(self) -> dict[str, str]:
        """Each job's result, by job id."""
        return {
            str(event.data["jobID"]): str(event.data["jobResult"]) for event in self.events if "jobResult" in event.data
        }


@dataclass
class Run:
    """A workflow that is running."""

    process: subprocess.Popen[str]
    scratch: Path
    started: float
    events: list[Event]
    reader: threading.Thread

    def wait(self, timeout: float | None) -> Result:
        """Waits for the end of the run."""
        self.process.wait(timeout)
        self.reader.join()
        return Result(self.process.returncode, time.monotonic() - self.started, tuple(self.events))


@contextmanager
def start(
    repo: Path,
    *,
    workflow: str,
    event: str = "push",
    event_file: Path | None = None,
    job: str | None = None,
    env: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    labels: Sequence[str] = ("ubuntu-latest",),
    replaced: Mapping[str, Path],
    on_event: Callable[[Event], None] | None = None,
) -> Iterator[Run]:
    """Starts a workflow of ``repo``, and interrupts it at the end of the block if it still runs.

    ``labels`` are the labels in `runs-on`; all of them mean this machine. ``replaced`` maps `OWNER/NAME@REF` to the
    folder to use instead. ``event_file`` holds the event payload, as JSON.
    """
    scratch = Path(tempfile.mkdtemp(prefix="ecs-cd-act-", dir=_scratch_place()))
    run: Run | None = None
    try:
        command = [*_command(scratch, variables or {}, secrets or {}), event, "--workflows"]
        command += [newer_syntax.workflow(repo, workflow, scratch)]
        command += [part for label in labels for part in ("--platform", f"{label}=-self-hosted")]
        folders = {to: newer_syntax.tree(to, scratch) for to in dict.fromkeys(replaced.values())}
        command += ["--local-repository", f"{newer_syntax.SELF}={repo}"]
        command += [part for name, to in replaced.items() for part in ("--local-repository", f"{name}={folders[to]}")]
        command += ["--eventpath", str(event_file)] if event_file else []
        command += ["--job", job] if job else []
        run = _start(command, repo, scratch, env, on_event)
        yield run
    finally:
        if run is not None:
            _end(run)
        shutil.rmtree(scratch, ignore_errors=True)


def worth_showing(event: Event) -> bool:
    """Whether to show the line: output of steps, results of the job's steps, missing actions; not act's bookkeeping."""
    if event.data.get("level") == "error" and event.data.get("stage") != "Main":
        return True
    if event.is_output:
        return event.data.get("command", "error") in ("error", "warning", "notice", "group")
    of_job = len(event.data.get("stepID", [])) == 1 and event.data.get("stage") == "Main"
    return "jobResult" in event.data or (of_job and "stepResult" in event.data)


def _scratch_place() -> str | None:
    """A folder in memory, if it allows programs to run: act copies the action's whole tree twice for each use."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or os.statvfs(memory).f_flag & os.ST_NOEXEC:
        return None
    room = shutil.disk_usage(memory).free
    return str(memory) if room > 1 << 30 else None


def _command(scratch: Path, variables: Mapping[str, str], secrets: Mapping[str, str]) -> list[str]:
    program = machine.program("act")
    if program is None:
        raise LocalError("act is not installed.")
    command = [program, "--json", "--no-cache-server"]
    # In files, because process lists don't show those; the repository's files are not meant for this run.
    for kind, values in (("env", {}), ("secret", secrets), ("input", {}), ("var", variables)):
        file = scratch / f"{kind}.yml"
        file.write_text(json.dumps(dict(values)), encoding="utf-8")  # JSON is YAML: any text is a value
        command += [f"--{kind}-file", str(file)]
    return command


def _start(
    command: list[str],
    repo: Path,
    scratch: Path,
    env: Mapping[str, str],
    on_event: Callable[[Event], None] | None,
) -> Run:
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=repo,
        env=_environment(scratch, env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # Ctrl-C at the terminal goes to the caller, which decides how the run ends.
        start_new_session=True,
    )
    events: list[Event] = []

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            event = Event(time.monotonic() - started, _parse(line))
            events.append(event)
            if on_event is not None:
                on_event(event)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    return Run(process, scratch, started, events, reader)


def _environment(scratch: Path, env: Mapping[str, str]) -> dict[str, str]:
    config = scratch / "config" / "act"
    config.mkdir(parents=True)
    # Without this file act asks which image to use.
    (config / "actrc").touch()
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    places = {"XDG_CACHE_HOME": str(scratch / "cache"), "XDG_CONFIG_HOME": str(scratch / "config")}
    return {**own, **places, **env}


def _parse(line: str) -> Mapping[str, Any]:
    """Parses a line of act's JSON log; other text (an error before a job starts) becomes a message."""
    try:
        data = json.loads(line)
    except ValueError:
        return {"msg": line}
    return data if isinstance(data, dict) else {"msg": line}


def _end(run: Run) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if run.process.poll() is not None:
            break
        run.process.send_signal(number)
        try:
            run.process.wait(15)
        except subprocess.TimeoutExpired:
            continue
    run.reader.join(5)
