"""A verb run in this process against the scripted AWS, as in a step of a GitHub job."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ecs_cd import cli
from ecs_cd.model.references import short
from tests.scripted_aws import Clock, Params, ScriptedAws, ecs
from tests.timelines import permissions

SHA = "c0ffee" + "0" * 34
REPOSITORY = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/my-app"
DOCUMENT = {
    "cluster": ecs.CLUSTER,
    "images": {"app": {"repository": REPOSITORY}},
    "migration": {"task-definition": "migration", "container": "app", "command": ["migrate", "up"]},
    "services": {"web": {"task-definition": "web", "containers": {"app": "app"}}},
}


_READS = re.compile(r"\.(Get|List|Head|Describe|BatchGet|Simulate)[A-Z]\w*$|^sts\.AssumeRole")


def mutations(aws: ScriptedAws) -> set[str]:
    """The operations that were called and are no reads."""
    return {call.operation for call in aws.calls if not _READS.search(call.operation)}


@dataclass(frozen=True)
class Step:
    """The results of a step."""

    exit_code: int
    log: str
    outputs: dict[str, str]
    summary: str


@pytest.fixture(autouse=True)
def permitted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A verb calls what docs/reference/permissions.md gives it, and nothing else."""
    with permissions.recorded(monkeypatch) as pairs:
        yield
    given = permissions.table()
    missing = {(verb, name) for verb, name in pairs if name not in permissions.allowed(verb, given)}
    assert not missing, f"not in the table of docs/reference/permissions.md: {sorted(missing)}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def aws(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedAws]:
    """An AWS that has the commit's image, and whose service runs web:1, a revision of another image."""
    with ScriptedAws(clock) as scripted:
        scripted.use(monkeypatch)
        set_the_scene(scripted)
        yield scripted


def set_the_scene(aws: ScriptedAws) -> None:
    """The document, the commit's image, and the service that runs web:1."""
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(DOCUMENT), "Version": 3}})
    aws.on("ecr.BatchGetImage", _image)
    aws.on("ecr.DescribeRepositoryCreationTemplates", {"repositoryCreationTemplates": []})
    aws.on("ecs.DescribeTaskDefinition", _task_definition)
    aws.on("ecs.RegisterTaskDefinition", _registered)
    aws.on("ecs.DescribeServices", {"services": [ecs.service()]})
    aws.on("ecs.ListTasks", {"taskArns": []})
    aws.on("ecs.DescribeTasks", lambda params: {"tasks": [ecs.task(short(arn)) for arn in params["tasks"]]})


@pytest.fixture
def step(
    aws: ScriptedAws,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Step]]:
    """Runs a verb with inputs by name, ``on_cancel="stop"``; config and sha are set."""
    monkeypatch.chdir(tmp_path)
    files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for name, path in files.items():
        path.touch()
        monkeypatch.setenv(name, str(path))
    for name in ("GITHUB_SHA", "ACT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    handlers = {received: signal.getsignal(received) for received in (signal.SIGINT, signal.SIGTERM)}

    def run(verb: str, **inputs: str) -> Step:
        given = {"config": "/my/parameter", "sha": SHA, **{k.replace("_", "-"): v for k, v in inputs.items()}}
        monkeypatch.setenv("ECS_CD_INPUTS", json.dumps(given))
        exit_code = cli.main([verb], os.environ, clock=clock)
        captured = capfd.readouterr()
        assert not list((tmp_path / "ecs-cd").glob("under-way-*")) or exit_code in (7, 8), (
            f"a state file is left: {captured.out}{captured.err}"
        )
        return Step(
            exit_code,
            captured.out + captured.err,
            dict(
                re.findall(
                    r"^([\w-]+)<<(?:ghadelimiter_\S+)\n(.*?)\nghadelimiter_",
                    files["GITHUB_OUTPUT"].read_text(),
                    re.M | re.S,
                )
            ),
            files["GITHUB_STEP_SUMMARY"].read_text(),
        )

    yield run
    for received, handler in handlers.items():
        signal.signal(received, handler)


def _image(params: Params) -> Params:
    wanted = params["imageIds"][0]
    image_id = {"imageDigest": ecs.DIGEST, **wanted}
    return {"images": [{"imageId": image_id, "imageManifest": "{}"}], "failures": []}


def _task_definition(params: Params) -> Params:
    """The newest revision: the same family with the previous image."""
    found = ecs.task_definition(params["taskDefinition"].rpartition("/")[2].partition(":")[0])
    container = {**found["containerDefinitions"][0], "image": f"{REPOSITORY}@sha256:{'0' * 64}"}
    return {"taskDefinition": {**found, "containerDefinitions": [container]}, "tags": []}


def _registered(params: Params) -> Params:
    """Always revision 2."""
    return {"taskDefinition": ecs.task_definition(params["family"], 2)}
