"""The evidence of a failed deployment, and the findings in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.diagnosis import stopped_tasks


@dataclass(frozen=True)
class Finding:
    """A likely cause, its evidence (lines, including the last lines of the log), and the next step.

    ``logged``: the job log already has the evidence, line by line as it arrived.
    ``permanent``: it can't resolve itself while this deployment runs, so waiting does not help.
    """

    cause: str
    evidence: tuple[str, ...] = ()
    next_step: str = ""
    logged: bool = False
    permanent: bool = False


@dataclass(frozen=True)
class StoppedTask:
    """A stopped task, and the last log lines of the container that took it down."""

    task: stopped_tasks.Task
    log: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Everything known about a deployment that does not succeed. All of it may be empty."""

    stopped: tuple[StoppedTask, ...] = ()  # of this deployment, stopped by themselves
    events: tuple[str, ...] = ()  # messages of the service's events since its start, oldest first
    targets: tuple[Mapping[str, Any], ...] = ()  # DescribeTargetHealth's descriptions of targets that are not healthy
    alarms: tuple[Mapping[str, Any], ...] = ()  # DescribeAlarms' alarms that are in ALARM
    hooks: tuple[Mapping[str, Any], ...] = ()  # DescribeServiceDeployments' lifecycleHookDetails
    lifecycle: tuple[Mapping[str, Any], ...] = ()  # lifecycleEvents of CodeDeploy's ECS target
    waiting: tuple[Finding, ...] = ()  # what the deployment waits for
    reason: str = ""  # rolloutStateReason, statusReason, or CodeDeploy's error code and message
