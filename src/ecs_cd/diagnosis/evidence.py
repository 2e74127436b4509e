"""What is known of a deployment that does not succeed, and what is found in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.diagnosis import stopped_tasks


@dataclass(frozen=True)
class Finding:
    """A likely cause, the evidence for it (lines, the log's last lines among them), the next step.

    ``told``: the job log has the evidence already, line by line as it came.
    ``permanent``: it does not heal by itself while this deployment runs; waiting is of no use.
    """

    cause: str
    evidence: tuple[str, ...] = ()
    next_step: str = ""
    told: bool = False
    permanent: bool = False


@dataclass(frozen=True)
class StoppedTask:
    """A stopped task, and the last log lines of the container that took it down."""

    task: stopped_tasks.Task
    log: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """All that is known of a deployment that does not succeed. Everything may be empty."""

    stopped: tuple[StoppedTask, ...] = ()  # of this deployment, stopped by themselves
    events: tuple[str, ...] = ()  # messages of the service's events since it started, the oldest first
    targets: tuple[Mapping[str, Any], ...] = ()  # DescribeTargetHealth's descriptions, those not healthy
    alarms: tuple[Mapping[str, Any], ...] = ()  # DescribeAlarms' alarms that are in ALARM
    hooks: tuple[Mapping[str, Any], ...] = ()  # DescribeServiceDeployments' lifecycleHookDetails
    lifecycle: tuple[Mapping[str, Any], ...] = ()  # lifecycleEvents of CodeDeploy's ECS target
    reason: str = ""  # rolloutStateReason, statusReason, or CodeDeploy's error code and message
