"""The measured system: the local deployment, the verbs as processes, and both polled from outside."""

from __future__ import annotations

import itertools
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import process
from benchmarks.process import TIMEOUT, Process
from benchmarks.proxy import proxy
from dev.aws import aws
from dev.base_images import BaseImages, base_images
from dev.database import Database, database
from dev.engine import engine
from dev.stack import Stack, create_stack
from dev.tree import release_tree
from dev.workflows import app_repo, commit
from ecs_cd.local import machine
from ecs_cd.local.machine import LocalError

EMPTY_WORKFLOW = "on: push\njobs: {nothing: {runs-on: ubuntu-latest, steps: [{uses: actions/checkout@v5}]}}\n"


@dataclass(frozen=True, eq=False)
class World:
    """A stack with the release tree and an app's repository; `calls` came through the proxy at `endpoint`."""

    stack: Stack
    endpoint: str
    calls: list[str]
    tree: Path
    repo: Path
    images: BaseImages
    scratch: Path
    server: Database

    @property
    def base(self) -> str:
        return self.images.python


@dataclass(frozen=True)
class Step(Process):
    """A verb's process, with its AWS calls."""

    calls: Sequence[str]


@dataclass(frozen=True)
class Snapshot:
    """The rolloutState of each deployment by id, as returned to a request sent at `asked`."""

    asked: float
    deployments: dict[str, str]


@contextmanager
def world() -> Iterator[World]:
    """Sets up the whole environment, and removes each part when the block ends."""
    with ExitStack() as parts:
        scratch = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="ecs-cd-bench-")))
        env = parts.enter_context(engine())
        images = base_images(env)
        tree, repo = release_tree(scratch / "ecs-cd"), app_repo(scratch / "my-app")
        (repo / ".github" / "workflows" / "empty.yml").write_text(EMPTY_WORKFLOW)
        server = parts.enter_context(database(env, images.postgres))
        stack = create_stack(parts.enter_context(aws(env, neighbour=server.container)), server, images.python)
        endpoint, calls = parts.enter_context(proxy(stack.aws.endpoint))
        yield World(stack, endpoint, calls, tree, repo, images, scratch, server)


def change(here: World) -> str:
    """A commit with one more line in the app; its SHA."""
    with (here.repo / "app.py").open("a") as file:
        print(f"# {time.time_ns()}", file=file)
    return commit(here.repo, "a change")


def build_inputs(here: World, sha: str) -> dict[str, str]:
    """The inputs of the example's workflow."""
    return {"build-args": f"BASE={here.base}\nCOMMIT={sha}"}


def verb(here: World, name: str, inputs: Mapping[str, str] | None = None, exit_code: int = 0) -> Step:
    """Runs a verb like its action's step, with its AWS calls through the counting proxy."""
    before = len(here.calls)
    given = {"config": here.stack.parameter, **(inputs or {})}
    env = {**here.stack.aws.env, "AWS_ENDPOINT_URL": here.endpoint}
    ran = process.verb(name, given, env, tree=here.tree, where=here.repo, scratch=here.scratch, exit_code=exit_code)
    return Step(ran.ended, ran.peak, ran.lines, here.calls[before:])


@contextmanager
def polled(here: World) -> Iterator[list[Snapshot]]:
    """Polls the service past the proxy, once before the block and every 50 ms while it runs."""
    looks: list[Snapshot] = []
    done, first = threading.Event(), threading.Event()

    def look() -> None:
        while not done.wait(0.05 if looks else 0):
            asked = time.time()
            looks.append(
                Snapshot(asked, {deployment["id"]: deployment["rolloutState"] for deployment in deployments(here)})
            )
            first.set()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    first.wait(TIMEOUT)
    try:
        yield looks
    finally:
        done.set()
        thread.join(TIMEOUT)


def seen(looks: Sequence[Snapshot], shows: Callable[[Snapshot], bool]) -> float:
    """The earliest possible time: that of the last poll that did not show it."""
    for earlier, later in itertools.pairwise(looks):
        if shows(later):
            return earlier.asked
    raise LocalError("no look at the service shows what was waited for")


def life(here: World, family: str, since: float) -> tuple[float, float]:
    """The start and the end, by Docker's clock, of the family's container that ended last since then."""
    filters = ["type=container", "event=start", "event=die", f"label=com.amazonaws.ecs.task-definition-family={family}"]
    arguments = [f"--since={since:.6f}", f"--until={time.time():.6f}", *(f"--filter={each}" for each in filters)]
    command = ["docker", "events", "--format={{json .}}", *arguments]
    events = machine.run(command, env=here.stack.aws.env, timeout=TIMEOUT).stdout
    at = {
        event["Action"]: event["timeNano"] / 1e9
        for event in map(json.loads, events.splitlines())
        if event["Actor"]["Attributes"]["image"].startswith(f"{here.stack.aws.registry}/")
    }
    if set(at) != {"start", "die"}:
        raise LocalError(f"Docker does not tell the life of a container of {family}: {events}")
    return at["start"], at["die"]


def until(shows: Callable[[], bool], what: str) -> float:
    """The time at which a condition becomes true, polled every 20 ms."""
    give_up = time.time() + TIMEOUT
    while time.time() < give_up:
        if shows():
            return time.time()
        time.sleep(0.02)
    raise LocalError(f"not within {TIMEOUT} s: {what}")


def wait_until_settled(here: World) -> None:
    """Waits until nothing of an earlier deployment is still being stopped."""

    def settled() -> bool:
        return all(
            deployment["status"] == "PRIMARY"
            or (deployment["rolloutState"] == "FAILED" and not deployment["runningCount"])
            for deployment in deployments(here)
        )

    until(settled, "the old tasks are gone")


def deployments(here: World) -> Sequence[Any]:
    """The service's current deployments, read past the proxy."""
    ecs = here.stack.clients.ecs
    return ecs.describe_services(cluster=here.stack.cluster, services=[here.stack.service])["services"][0][
        "deployments"
    ]
