"""From a process's start to its first AWS request, compared with the official deploy action, in pairs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

from benchmarks.rows import Row
from benchmarks.scripts import INPUTS, REPOSITORY
from dev.tree import release_tree
from ecs_cd.local.act import FOREIGN
from ecs_cd.local.machine import LocalError
from tests.scripted_aws import ecs

OFFICIAL = "OFFICIAL_DEPLOY_ACTION"  # a checkout of aws-actions/amazon-ecs-deploy-task-definition
PAIRS = 5  # for each run that is asked for
COLD = 2
TIMEOUT = 20  # seconds for a start
TASK_DEFINITION = {"family": "web", "containerDefinitions": [{"name": "app", "image": "app:1", "memory": 128}]}
DOCUMENT = {
    "cluster": ecs.CLUSTER,
    "images": {"app": {"repository": REPOSITORY}},
    "migration": {"task-definition": "migration", "container": "app", "command": ["migrate"]},
    "services": {"web": {"task-definition": "web", "containers": {"app": "app"}}},
    "pipeline": {"name": "web-deploy", "variables": {"IMAGE_APP": "app"}},
}
# What they are told after the first request, so that there is a second.
ANSWERS = {
    "GetParameter": {"Parameter": {"Value": json.dumps(DOCUMENT), "Version": 1}},
    "RegisterTaskDefinition": {"taskDefinition": {**TASK_DEFINITION, "taskDefinitionArn": "arn:aws:ecs:::web:1"}},
}


@dataclass(frozen=True)
class Contender:
    """A contender of the comparison: the folder with its code, its command and its inputs."""

    name: str
    folder: Path
    command: tuple[str, ...]
    env: Mapping[str, str]


@dataclass(frozen=True)
class Start:
    """Seconds to the first and second request, seconds of CPU, and peak memory in MB, both at the second."""

    first: float
    second: float
    cpu: float
    peak: float


def cold_start(runs: int) -> list[Row]:
    """The rows of three verbs; without a checkout of the official action there is no comparison."""
    with tempfile.TemporaryDirectory(prefix="ecs-cd-bench-") as scratch:
        workspace = Path(scratch) / "workspace"
        workspace.mkdir()
        (workspace / "task-definition.json").write_text(json.dumps(TASK_DEFINITION))
        tree = release_tree(Path(scratch) / "ecs-cd")
        return [row for verb in ("deploy", "migrate", "hand-off") for row in _rows(verb, tree, workspace, runs)]


def _rows(verb: str, tree: Path, workspace: Path, runs: int) -> list[Row]:
    contenders = [_ours(verb, tree), *_official(verb, tree.parent)]
    for contender in contenders:
        _start(contender, workspace)  # so that Python's and Node's own files are in memory
    warm = [[_start(each, workspace) for each in contenders] for _ in range(runs * PAIRS)]
    cold = [[_start(each, workspace, cold=True) for each in contenders] for _ in range(runs * COLD)]
    rows = []
    for what, pairs, key, aim in (
        ("to the first AWS request", warm, "first", 1),
        ("to the second, answered at once", warm, "second", None),
        ("CPU to the second", warm, "cpu", None),
        ("to the first, from the disk", cold, "first", None),
    ):
        measured = [[getattr(start, key) for start in pair] for pair in pairs]
        for number, contender in enumerate(contenders):
            values = [pair[number] for pair in measured]
            rows.append(Row("cold_start", f"{verb}: {what}, {contender.name}", "s", values))
        if len(contenders) > 1:
            ratios = [ours / theirs for ours, theirs in measured]
            rows.append(Row("cold_start", f"{verb}: {what}, ours / official", "x", ratios, aim))
    ours, *theirs = ([start.peak for start in column] for column in zip(*warm, strict=True))
    rows.append(Row("cold_start", f"{verb}: memory by then, ours", "MB", ours, int(min(theirs[0])) if theirs else None))
    rows += [Row("cold_start", f"{verb}: memory by then, official", "MB", values) for values in theirs]
    return rows


def _ours(verb: str, tree: Path) -> Contender:
    return Contender("ours", tree, (str(tree / "bin" / "ecs-cd"), verb), {"ECS_CD_INPUTS": json.dumps(INPUTS)})


def _official(verb: str, scratch: Path) -> list[Contender]:
    """The official deploy action, or for `migrate` its run-task: a standalone task that it waits for. No official
    action starts a pipeline."""
    if verb == "hand-off" or not (checkout := os.environ.get(OFFICIAL)):
        return []
    dist = scratch / "official"
    if not (Path(checkout) / "dist" / "index.js").is_file():
        raise LocalError(f"{OFFICIAL}: {checkout} has no dist/index.js; name a checkout of the deploy action.")
    shutil.copytree(Path(checkout) / "dist", dist, dirs_exist_ok=True)
    inputs = {"task-definition": "task-definition.json", "cluster": ecs.CLUSTER}
    inputs |= {"deploy": {"service": "web"}, "migrate": {"run-task": "true"}}[verb]
    env = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
    return [Contender("official", dist, ("node", str(dist / "index.js")), env)]


def _start(contender: Contender, workspace: Path, *, cold: bool = False) -> Start:
    """Starts it and kills it at its second request; cold, from a fresh copy that is not in the page cache."""
    with tempfile.TemporaryDirectory(dir=workspace.parent) as scratch, _endpoint() as endpoint:
        command = contender.command
        if cold:
            copy = Path(scratch) / "copy"
            shutil.copytree(contender.folder, copy, symlinks=True)
            _out_of_memory(copy)
            command = tuple(word.replace(str(contender.folder), str(copy)) for word in command)
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith((*FOREIGN, "AWS_"))},
            **contender.env,
            "AWS_ENDPOINT_URL": endpoint.url,
            "AWS_REGION": "ap-northeast-1",
            "AWS_ACCESS_KEY_ID": "AKIDSCRIPTED",
            "AWS_SECRET_ACCESS_KEY": "scripted",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_TEMP": scratch,
        }
        started = time.monotonic()
        process = subprocess.Popen(
            command, cwd=workspace, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        come = endpoint.second.wait(TIMEOUT)
        peak = _peak(process.pid) if come else 0.0
        os.kill(process.pid, signal.SIGKILL)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0  # it has been waited for
        if not come:
            raise LocalError(f"{' '.join(command)} made no second request within {TIMEOUT} s.")
        first, second = (at - started for at in endpoint.times[:2])
        return Start(first, second, usage.ru_utime + usage.ru_stime, peak)


def _peak(process: int) -> float:
    """In MB, of this process alone."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024 / 1e6


def _out_of_memory(folder: Path) -> None:
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        with path.open("rb") as file:
            os.fsync(file.fileno())  # what is not written yet stays
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@dataclass
class _Endpoint:
    url: str = ""
    times: list[float] = field(default_factory=list)
    second: Event = field(default_factory=Event)


@contextmanager
def _endpoint() -> Iterator[_Endpoint]:
    """An AWS that records when requests arrive, and answers until there are no ANSWERS left."""
    endpoint = _Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one_request(self) -> None:
            if self.connection.recv(1, socket.MSG_PEEK):  # else the connection has come to its end
                endpoint.times.append(time.monotonic())
            super().handle_one_request()

        def do_POST(self) -> None:
            if len(endpoint.times) > 1:
                endpoint.second.set()
                return  # without an answer: it stays as it is until it is ended
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.dumps(ANSWERS.get(self.headers.get("X-Amz-Target", "").rpartition(".")[2], {})).encode()
            self.send_response_only(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Times are enough."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A killed process leaves its connections open."""

    server = Server(("127.0.0.1", 0), Handler)
    endpoint.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
