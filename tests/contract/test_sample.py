"""The README's job log is what a deployment writes whose container crashes at its start."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from tests.contract import parts
from tests.scripted_aws import ScriptedAws, at, ecs
from tests.timelines.conftest import Step, aws, clock, step  # noqa: F401  (fixtures)


def crash(scripted: ScriptedAws) -> None:
    """A task that dies after 20 seconds, a circuit breaker that fires after 60 and rolls back until 90."""
    old = ecs.deployment("ecs-svc/1", "ACTIVE", task_definition="web:1")
    new = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")
    failed = new | {"rolloutState": "FAILED", "rolloutStateReason": ecs.BREAKER_TRIPPED, "failedTasks": 3}
    back = ecs.deployment("ecs-svc/3", rollout_state="IN_PROGRESS", reason=ecs.rolling_back("ecs-svc/3"))
    completed = back | {"rolloutState": "COMPLETED", "runningCount": 1}
    moments = {0: [new, old], 20: [new | {"failedTasks": 1}, old], 60: [failed, old]}
    moments |= {70: [back, failed | {"status": "ACTIVE"}], 90: [completed, failed | {"status": "ACTIVE"}]}
    dead = ecs.task(
        "7c1e",
        "STOPPED",
        containers=[ecs.container(status="STOPPED") | {"exitCode": 1}],
        task_definition="web:2",
        started_by="ecs-svc/2",
        stopCode="EssentialContainerExited",
        stoppedReason="Essential container in task exited",
    )
    lines = ("Traceback (most recent call last):", "KeyError: 'DATABASE_URL'")
    timeline = [at(moment, {"services": [ecs.service(deployments=found)]}) for moment, found in moments.items()]
    scripted.on("ecs.UpdateService", {"service": ecs.service(deployments=moments[0])})
    scripted.on("ecs.DescribeServices", *timeline, after="ecs.UpdateService")
    scripted.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
    scripted.on("ecs.ListTasks", at(0, {"taskArns": []}), at(20, {"taskArns": [dead["taskArn"]]}))
    scripted.on("ecs.DescribeTasks", ecs.described("tasks", dead))
    scripted.on("logs.GetLogEvents", {"events": [{"message": line} for line in lines], "nextForwardToken": "f/1"})


def as_shown(log: str) -> list[str]:
    """The log as GitHub shows it, without colours and what switches workflow commands off and on; digests shortened."""
    text = re.sub(r"^::(?:stop-commands::)?\w+(?:::)?\n", "", re.sub(r"\x1b\[\d*m", "", log), flags=re.M)
    text = re.sub(r"^::error title=[^:]*::", "Error: ", text, flags=re.M).replace("%0A", "\n")
    return re.sub(r"(?<=sha256:)[0-9a-f]{64}", "...", text).splitlines()


def test_the_readmes_log_is_what_is_written(aws: ScriptedAws, step: Callable[..., Step]) -> None:  # noqa: F811
    """Line by line; after a change of words the README changes as well."""
    crash(aws)
    written = as_shown(step("deploy").log)
    (shown,) = (block.splitlines() for block in parts.blocks(parts.README, "text") if block.startswith("config:"))
    assert written == shown, "\n".join(["README.md has to show:", *difflib.ndiff(shown, written)])
