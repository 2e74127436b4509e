"""An app repo as the tests and benchmarks need it, and its workflows run with the tree of this repository."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.aws import ACCOUNT
from dev.host import ROOT
from ecs_cd.local import act, machine, oidc
from ecs_cd.local.act import Event
from ecs_cd.local.machine import LocalError
from ecs_cd.model.owner import ACTION

SUITE = f"{ACTION}@v1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ecs-cd"
CREDENTIALS = "aws-actions/configure-aws-credentials@v6"
EXAMPLE = ROOT / "examples" / "single-image"
INFRA = ROOT / "examples" / "infra"


@dataclass(frozen=True)
class Result(act.Result):
    """A finished workflow run, and what its steps reported."""

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
        return [event.workflow_command[1] for event in self.events if event.data.get("command") == level]

    def at(self, text: str) -> float:
        """When the text first appeared, in seconds after the start."""
        for event in self.events:
            if text in event.text:
                return event.at
        raise LocalError(f"The log never says {text!r}:\n{self.log}")


@dataclass
class Run(act.Run):
    """A workflow that is running, and what a person or GitHub could do to it."""

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

    def runner_temp(self) -> Path | None:
        """RUNNER_TEMP of the job, while it exists."""
        return next(iter(self.scratch.glob("cache/act/*/tmp")), None)

    def wait(self, timeout: float | None = 300) -> Result:
        """Wait for the end of the run."""
        return Result(**vars(super().wait(timeout)))


def run_workflow(repo: Path, tree: Path, *, timeout: float = 300, **how: Any) -> Result:
    """Run a workflow of `repo` to its end, with `tree` as what `uses: OWNER/ecs-cd...@v1` names.

    `how` is what ecs_cd.local.act.start takes.
    """
    with start_workflow(repo, tree, **how) as run:
        return run.wait(timeout)


@contextmanager
def start_workflow(
    repo: Path,
    tree: Path,
    *,
    workflow: str = "deploy.yml",
    env: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    **how: Any,
) -> Iterator[Run]:
    """Start a workflow of `repo`; it is interrupted at the end of the block if it still runs."""
    replaced = {SUITE: tree, CREDENTIALS: act.STAND_IN}
    own = {"ECS_CD_ROLE": ROLE, **(variables or {})}
    changed = threading.Condition()

    def notify(_: Event) -> None:
        with changed:
            changed.notify_all()

    how = {"workflow": workflow, "replaced": replaced, "variables": own, "on_event": notify, **how}
    with oidc.token_endpoint() as id_token, act.start(repo, env={**env, **id_token}, **how) as run:
        yield Run(**vars(run), changed=changed)


def app_repo(destination: Path, example: Path = EXAMPLE) -> Path:
    """An app's repository with one commit: the example, copied out of this repository."""
    copied(example, destination)
    git(destination, "init", "--quiet", "--initial-branch", "main")
    git(destination, "remote", "add", "origin", "https://github.com/org/my-app.git")
    commit(destination, "first version")
    return destination


def copied(example: Path, destination: Path) -> Path:
    """A folder of the examples somewhere else."""
    return Path(shutil.copytree(example, destination, ignore=shutil.ignore_patterns("__pycache__")))


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
