"""An execution of the local CodePipeline, compared with the lives of its builds' containers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from benchmarks.process import TIMEOUT
from benchmarks.rows import Row
from benchmarks.world import World
from dev import patterns, workflows
from dev.base_images import codebuild_image
from dev.database import empty_database
from dev.patterns import PATTERNS
from ecs_cd.local import machine, ministack, place
from ecs_cd.local.codepipeline import process
from ecs_cd.local.codepipeline.process import Codepipeline
from ecs_cd.local.machine import LocalError
from tests.e2e.laptop import ecs_cd

PATTERN = PATTERNS[4]  # its builds run one after the other
PIPELINE = "my-app-deploy"


@dataclass(frozen=True)
class Execution:
    """Seconds: of the whole execution, and of the containers of its builds."""

    whole: float
    containers: float


def local_codepipeline(here: World, runs: int) -> list[Row]:
    """Pattern 4, each time with a new commit; the first execution warms the caches."""
    folder = here.scratch / "local-codepipeline"
    folder.mkdir()
    repo = patterns.app_repo(PATTERN, folder / "my-app", here.images)
    (folder / "infra.json").write_text(
        patterns.terraform(PATTERN, patterns.packed(here.tree, folder / "ecs-cd.tar.gz"))
    )
    engine = here.stack.aws.env
    (folder / "database.env").write_text(f"DATABASE_URL={empty_database(engine, here.server).url}\n")
    env = {**engine, "XDG_STATE_HOME": str(folder / "state")}
    flags = ["--infra", "../infra.json", "--env-file", "../database.env", "--network-of", here.server.container]
    try:
        _local(repo, env, "up", *flags, "--build-image", codebuild_image(engine))
        executions = [_execution(repo, env) for _ in range(runs + 1)][1:]
    finally:
        _local(repo, env, "down")
    over = [each.whole - each.containers for each in executions]
    return [
        Row("local_codepipeline", "an execution of pattern 4", "s", [each.whole for each in executions]),
        Row("local_codepipeline", "its builds' containers", "s", [each.containers for each in executions]),
        Row("local_codepipeline", "execution - containers", "s", over, aim=2),
    ]


def _execution(repo: Path, env: Mapping[str, str]) -> Execution:
    workflows.commit(repo, "another commit")
    _local(repo, env, "push")
    found = process.running(place.folder(repo, env))
    aws = ministack.running(place.folder(repo, env))
    if found is None or aws is None:
        raise LocalError("the local CodePipeline has ended")
    newest = _newest(found, aws.client_env)
    began, ended = newest["startTime"].timestamp(), newest["lastUpdateTime"].timestamp()
    return Execution(ended - began, _lives(found.label, began, ended, env))


def _newest(found: Codepipeline, env: Mapping[str, str]) -> Mapping[str, Any]:
    client = boto3.client(
        "codepipeline",
        endpoint_url=found.endpoint,
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )
    listed: list[dict[str, Any]] = client.list_pipeline_executions(pipelineName=PIPELINE)["pipelineExecutionSummaries"]
    return listed[0]


def _lives(label: str, since: float, until: float, env: Mapping[str, str]) -> float:
    """The seconds from start to death of the containers with this label, by the engine's clock."""
    filters = ["--filter", f"label={label}", "--filter", "event=start", "--filter", "event=die"]
    window = ["--since", f"{since:.3f}", "--until", f"{until + 1:.3f}"]
    shown = machine.run(["docker", "events", *window, *filters, "--format", "{{json .}}"], env=env).stdout
    events = [json.loads(line) for line in shown.splitlines()]
    signs = {"start": -1, "die": 1}
    return float(sum(signs[each["Action"]] * each["timeNano"] for each in events)) / 1e9


def _local(repo: Path, env: Mapping[str, str], *arguments: str) -> None:
    code, output = ecs_cd(repo, env, "local", *arguments, timeout=TIMEOUT)
    if code:
        raise LocalError(f"ecs-cd local {arguments[0]} ended with {code}:\n{output}")
