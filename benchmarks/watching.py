"""Rollouts of minutes in virtual time, against the scripted AWS: reads, and how late the verdict is."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import tempfile

import pytest

from benchmarks.rows import Row
from ecs_cd import cli
from local.machine import LocalError
from tests.scripted_aws import Clock, ScriptedAws, at, ecs

DOCUMENT = {
    "cluster": ecs.CLUSTER,
    "images": {"app": {"repository": ecs.IMAGE.partition("@")[0]}},
    "services": {"web": {"task-definition": "web", "containers": {"app": "app"}}},
}
SHA = "c0ffee" + "0" * 34
PHASE = 0.37  # seconds, so that COMPLETED falls differently between two looks each time


def watching(runs: int) -> list[Row]:
    """Rollouts of 60 s and 150 s."""
    rows = []
    for seconds in (60, 150):
        taken = [_rollout(seconds + number * PHASE) for number in range(runs)]
        late = [late for _, late in taken]
        rows.append(Row("watching", f"calls in a rollout of {seconds} s", "calls", [reads for reads, _ in taken]))
        rows.append(Row("watching", f"COMPLETED to the verdict, {seconds} s, virtual", "s", late, 2))
    return rows


def _rollout(seconds: float) -> tuple[int, float]:
    """How many calls follow UpdateService, and how long after COMPLETED the verb ends."""
    clock, log = Clock(), io.StringIO()
    with contextlib.ExitStack() as parts:
        scratch = parts.enter_context(tempfile.TemporaryDirectory(prefix="ecs-cd-bench-"))
        aws = parts.enter_context(ScriptedAws(clock))
        aws.use(parts.enter_context(pytest.MonkeyPatch.context()))
        for number in (signal.SIGINT, signal.SIGTERM):  # the verb takes them over
            parts.callback(signal.signal, number, signal.getsignal(number))
        parts.enter_context(contextlib.redirect_stdout(log))
        parts.enter_context(contextlib.redirect_stderr(log))
        _script(aws, seconds)
        environ = {**aws.environ, "RUNNER_TEMP": scratch}
        code = cli.main(["deploy", "--config", "/my/parameter", "--sha", SHA], environ, clock=clock)
    if code:
        raise LocalError(f"deploy against the scripted AWS ended with {code}:\n{log.getvalue()}")
    updated = [call.operation for call in aws.calls].index("ecs.UpdateService")
    return len(aws.calls) - updated - 1, clock.monotonic() - aws.calls[updated].time - seconds


def _script(aws: ScriptedAws, seconds: float) -> None:
    """A service that takes the update and is COMPLETED that many virtual seconds later."""
    old = ecs.deployment("ecs-svc/1", status="ACTIVE", task_definition="web:1")
    new = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")
    moving = ecs.service(deployments=[new, old])
    done = ecs.service(deployments=[ecs.deployment("ecs-svc/2", task_definition="web:2")])
    task = ecs.task(task_definition="web:2", started_by="ecs-svc/2")
    image = {"imageId": {"imageDigest": ecs.DIGEST, "imageTag": SHA}, "imageManifest": "{}"}
    former = ecs.task_definition("web")
    former["containerDefinitions"][0]["image"] = "my-app:before"
    timeline = at(0, {"services": [moving]}), at(seconds, {"services": [done]})
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(DOCUMENT), "Version": 1}})
    aws.on("ecr.BatchGetImage", {"images": [image], "failures": []})
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": former, "tags": []})
    aws.on("ecs.RegisterTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2)})
    aws.on("ecs.DescribeServices", {"services": [ecs.service()]})
    aws.on("ecs.UpdateService", {"service": moving})
    aws.on("ecs.DescribeServices", *timeline, after="ecs.UpdateService")
    aws.on("ecs.ListTasks", {"taskArns": []}, where={"desiredStatus": "STOPPED"})
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]}, where={"desiredStatus": "RUNNING"})
    aws.on("ecs.DescribeTasks", ecs.described("tasks", task))
