"""Executions of a pipeline in virtual time, against the scripted CodePipeline: the delays and calls of hand-off."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

from benchmarks import scripts
from benchmarks.rows import Row
from benchmarks.scripts import INPUTS, REPOSITORY, SHA
from ecs_cd import cli
from ecs_cd.local.machine import LocalError
from tests.scripted_aws import Clock, course, ecs
from tests.scripted_aws.codebuild import Build, Builds
from tests.scripted_aws.codepipeline import NAME, Pipeline, declaration

INTERVAL = 5  # seconds between two polls
LATE = INTERVAL + 1
PHASES = 4  # a run: ends that fall differently between two polls
LENGTH = 300  # seconds
WAITING = (60.0, 240.0)  # of these, nothing changes
DOCUMENT = {
    "cluster": ecs.CLUSTER,
    "images": {"app": {"repository": REPOSITORY}},
    "pipeline": {"name": NAME, "variables": {"IMAGE_APP": "app"}, "commit": "COMMIT"},
}


@dataclass(frozen=True)
class Taken:
    """A hand-off, in virtual seconds since its execution started: when each later call came, and when it ended."""

    starts: int
    calls: list[float]
    ended: float


def hand_off(runs: int) -> list[Row]:
    """An execution that succeeds, one that fails, and one that nothing is known of but that it waits."""
    phases = [number * INTERVAL / (PHASES * runs) for number in range(PHASES * runs)]
    good = [_hand_off(_course("Succeeded", LENGTH - phase), 0) for phase in phases]
    bad = [_hand_off(_course("Failed", LENGTH - phase), 1) for phase in phases]
    late = [run.ended - (LENGTH - phase) for run, phase in zip(good, phases, strict=True)]
    red = [run.ended - (LENGTH - phase) for run, phase in zip(bad, phases, strict=True)]
    begin, end = WAITING
    waiting = [60 * sum(begin <= at < end for at in run.calls) / (end - begin) for run in good]
    return [
        Row("hand_off", "Succeeded to the verdict", "s", late, most=LATE),
        Row("hand_off", "Failed to the verdict", "s", red, most=LATE),
        Row("hand_off", "a minute of waiting for a build", "calls", waiting, most=24),
        Row("hand_off", "executions started", "calls", [run.starts for run in (*good, *bad)], most=1),
    ]


def _course(status: str, end: float) -> course.Course:
    """All stages, of which the deployment takes the longest, and decides."""
    last = "Succeeded" if status == "Succeeded" else "Failed"
    return (
        *course.SUCCEEDS[:2],
        *course.runs(6, "Migrate/Migrate", 20, build=course.MIGRATION),
        course.happens(22, "Deploy/Deploy", "InProgress", build=course.DEPLOYMENT),
        course.happens(end - 1, "Deploy/Deploy", last, build=course.DEPLOYMENT),
        course.ends(end, status),
    )


def _hand_off(goes: course.Course, exit_code: int) -> Taken:
    clock, log = Clock(), io.StringIO()
    with scripts.scripted(clock, log) as (aws, environ):
        pipeline = Pipeline(clock, [goes], declaration(variables=("IMAGE_APP", "COMMIT"))).script(aws)
        Builds(pipeline, {course.MIGRATION: Build(6, 20), course.DEPLOYMENT: Build(22, LENGTH)}).script(aws)
        aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(DOCUMENT), "Version": 1}})
        image = {"imageId": {"imageDigest": ecs.DIGEST, "imageTag": SHA}, "imageManifest": "{}"}
        aws.on("ecr.BatchGetImage", {"images": [image], "failures": []})
        flags = [part for name, value in INPUTS.items() for part in (f"--{name}", value)]
        code = cli.main(["hand-off", *flags], environ, clock=clock)
        ended = clock.monotonic()
    if code != exit_code:
        raise LocalError(f"hand-off against the scripted AWS ended with {code}, not {exit_code}:\n{log.getvalue()}")
    starts = [call.time for call in aws.calls if call.operation == "codepipeline.StartPipelineExecution"]
    return Taken(len(starts), [call.time - starts[0] for call in aws.calls if call.time > starts[0]], ended - starts[0])
