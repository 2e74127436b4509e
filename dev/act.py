"""Runs an app repo's own workflow with act, on this machine and without an image for the runner.

Facts about act in this mode that callers rely on:

- A step gets act's own environment, a terminal as standard input, output and error, and a session of its own.
- SIGINT to act kills the step's process group outright (SIGKILL); a composite action's `if: cancelled()` step
  does not run then, a job's own does. SIGTERM to act ends everything, and no step runs any more.
- Every action that a workflow names is fetched, even for a step that does not run.
- RUNNER_TEMP is removed after a green job and stays after a red one.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dev import machine
from dev.machine import ROOT, LocalError

SUITE = "org/ecs-cd@v1"
CREDENTIALS = "aws-actions/configure-aws-credentials@v6"
# Of the caller's environment: what would make a local run depend on who runs it, and where.
FOREIGN = ("AWS_", "GITHUB_", "RUNNER_", "ACTIONS_", "INPUT_", "ECS_CD_", "PYTHON", "VIRTUAL_ENV")
EXAMPLE = ROOT / "examples" / "single-image"


@dataclass(frozen=True)
class Event:
    """One line that act reported, `at` seconds after its start; `step` is empty outside of a job's steps."""

    at: float
    data: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The line as a person reads it."""
        return str(self.data.get("msg", "")).rstrip("\n")

    @property
    def step(self) -> str:
        """The job's step: its id, or its number from 0."""
        ids = self.data.get("stepID") or [""]
        return str(ids[0])

    @property
    def is_output(self) -> bool:
        """A line that the step itself wrote, a workflow command included."""
        return bool(self.data.get("raw_output")) or "raw" in self.data


@dataclass(frozen=True)
class Result:
    """A workflow run that has ended."""

    exit_code: int
    seconds: float
    events: tuple[Event, ...] = field(repr=False)

    @property
    def green(self) -> bool:
        """All jobs succeeded."""
        return self.exit_code == 0

    @property
    def log(self) -> str:
        """Everything that act and the steps wrote."""
        return "".join(f"{event.text}\n" for event in self.events)

    def outputs(self, step: str = "cd") -> dict[str, str]:
        """The outputs of a job's step."""
        return {
            event.data["name"]: event.data["arg"]
            for event in self.events
            if event.data.get("command") == "set-output" and event.data.get("stepID") == [step]
        }

    def step_result(self, step: str = "cd") -> str:
        """success, failure or skipped; empty for a step that was not reached."""
        found = [
            event.data["stepResult"]
            for event in self.events
            if event.data.get("stage") == "Main" and event.data.get("stepID") == [step] and "stepResult" in event.data
        ]
        return str(found[-1]) if found else ""

    @property
    def jobs(self) -> dict[str, str]:
        """Each job's result, by job id."""
        return {
            str(event.data["jobID"]): str(event.data["jobResult"]) for event in self.events if "jobResult" in event.data
        }

    @property
    def summary(self) -> str:
        """The job summary, as Markdown."""
        # A composite action's summary is reported for the step inside and for the job's step.
        parts = [
            event.data["content"]
            for event in self.events
            if event.data.get("command") == "summary" and len(event.data.get("stepID", [])) == 1
        ]
        return "".join(parts)

    def annotations(self, level: str = "error") -> list[str]:
        """The messages of ::error, ::warning or ::notice."""
        return [str(event.data["arg"]) for event in self.events if event.data.get("command") == level]

    def at(self, text: str) -> float:
        """When the text first appeared, in seconds after the start."""
        for event in self.events:
            if text in event.text:
                return event.at
        raise LocalError(f"The log never says {text!r}:\n{self.log}")


@dataclass
class Run:
    """A workflow that is running."""

    process: subprocess.Popen[str]
    runner_temp: Callable[[], Path | None]
    started: float
    events: list[Event]
    reader: threading.Thread
    changed: threading.Condition

    def wait_for(self, text: str, timeout: float = 60) -> Event:
        """Wait until the log has a line with the text."""
        give_up = time.monotonic() + timeout
        with self.changed:
            while True:
                for event in self.events:
                    if text in event.text:
                        return event
                left = give_up - time.monotonic()
                if left <= 0 or not self.reader.is_alive():
                    raise LocalError(
                        f"The log does not say {text!r}:\n{''.join(e.text + chr(10) for e in self.events)}"
                    )
                self.changed.wait(min(left, 1))

    def interrupt(self) -> None:
        """SIGINT to act, as a person's Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def interrupt_step(self, number: signal.Signals = signal.SIGINT) -> None:
        """A signal to the running step's own process, as GitHub's runner sends it."""
        for pid in _children(self.process.pid):
            os.kill(pid, number)

    def wait(self, timeout: float = 300) -> Result:
        """Wait for the end of the run."""
        self.process.wait(timeout)
        self.reader.join()
        return Result(self.process.returncode, time.monotonic() - self.started, tuple(self.events))


def run_workflow(repo: Path, tree: Path, *, timeout: float = 300, **how: Any) -> Result:
    """Run a workflow of `repo` to its end, with `tree` as what `uses: org/ecs-cd...@v1` names.

    `how` is what start_workflow takes.
    """
    with start_workflow(repo, tree, **how) as run:
        return run.wait(timeout)


@contextmanager
def start_workflow(
    repo: Path,
    tree: Path,
    *,
    workflow: str = "deploy.yml",
    event: str = "push",
    env: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    job: str | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Iterator[Run]:
    """Start a workflow of `repo`; it is interrupted at the end of the block if it still runs."""
    scratch = Path(tempfile.mkdtemp(prefix="ecs-cd-act-", dir=_scratch_place()))
    run: Run | None = None
    try:
        command = _command(scratch, tree, workflow, event, variables or {}, secrets or {}, job)
        run = _start(command, repo, scratch, {**env, **(secrets or {})}, on_event)
        yield run
    finally:
        if run is not None:
            _end(run)
        shutil.rmtree(scratch, ignore_errors=True)


def _scratch_place() -> str | None:
    """Memory, where programs may be run from it: act copies the action's whole tree twice for each use."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or os.statvfs(memory).f_flag & os.ST_NOEXEC:
        return None
    room = shutil.disk_usage(memory).free
    return str(memory) if room > 1 << 30 else None


def _command(
    scratch: Path,
    tree: Path,
    workflow: str,
    event: str,
    variables: Mapping[str, str],
    secrets: Mapping[str, str],
    job: str | None,
) -> list[str]:
    replaced = {SUITE: tree, CREDENTIALS: ROOT / "dev" / "credentials"}
    (scratch / "vars").write_text("".join(f"{key}={value}\n" for key, value in variables.items()))
    (scratch / "none").touch()
    command = [str(Path(sys.executable).parent / "act"), event, "--json", "--no-cache-server"]
    command += ["--platform", "ubuntu-latest=-self-hosted", "--workflows", f".github/workflows/{workflow}"]
    for name, place in replaced.items():
        command += ["--local-repository", f"{name}={place}"]
    command += ["--var-file", str(scratch / "vars")]
    # By name: act reads the value from its environment.
    command += [part for name in secrets for part in ("--secret", name)]
    # Files of these kinds in the repository are not meant for this run.
    for kind in ("env", "secret", "input"):
        command += [f"--{kind}-file", str(scratch / "none")]
    return command + (["--job", job] if job else [])


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
        # Ctrl-C at the terminal is for the caller, who decides how the run ends.
        start_new_session=True,
    )
    events: list[Event] = []
    changed = threading.Condition()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            event = Event(time.monotonic() - started, _parse(line))
            with changed:
                events.append(event)
                changed.notify_all()
            if on_event is not None:
                on_event(event)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    return Run(process, lambda: _runner_temp(scratch), started, events, reader, changed)


def _environment(scratch: Path, env: Mapping[str, str]) -> dict[str, str]:
    config = scratch / "config" / "act"
    config.mkdir(parents=True)
    # Without this file act asks which image to use.
    (config / "actrc").touch()
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    places = {"XDG_CACHE_HOME": str(scratch / "cache"), "XDG_CONFIG_HOME": str(scratch / "config")}
    return {**own, **places, **env}


def _parse(line: str) -> Mapping[str, Any]:
    """A line of act's JSON log; what is none (an error before a job starts) becomes a message."""
    try:
        data = json.loads(line)
    except ValueError:
        return {"msg": line}
    return data if isinstance(data, dict) else {"msg": line}


def _runner_temp(scratch: Path) -> Path | None:
    return next(iter(scratch.glob("cache/act/*/tmp")), None)


def _children(pid: int) -> list[int]:
    """The process ids of direct children."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may hold anything; the fields after it do not.
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(place.parent.name))
    return found


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


def app_repo(destination: Path, example: Path = EXAMPLE) -> Path:
    """An app's repository with one commit: the example, copied out of this repository."""
    shutil.copytree(example, destination, ignore=shutil.ignore_patterns("__pycache__"))
    git(destination, "init", "--quiet", "--initial-branch", "main")
    git(destination, "remote", "add", "origin", "https://github.com/org/my-app.git")
    commit(destination, "first version")
    return destination


def commit(repo: Path, message: str) -> str:
    """Commit everything; returns the commit's SHA."""
    git(repo, "add", "--all")
    author = ("-c", "user.name=Developer", "-c", "user.email=developer@example.com")
    git(repo, *author, "-c", "commit.gpgsign=false", "commit", "--quiet", "--allow-empty", "--message", message)
    return git(repo, "rev-parse", "HEAD")


def git(repo: Path, *arguments: str) -> str:
    """Run git in the repository, without the configuration of the person who runs this."""
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return machine.run(["git", "-C", repo, *arguments], env=alone).stdout.strip()
