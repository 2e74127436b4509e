"""The evidence of a failed deployment, and the findings in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.diagnosis import stopped_tasks


@dataclass(frozen=True)
class Finding:
    """A likely cause, its evidence (lines, including the last lines of the log), and the next step.

    ``detail``: what makes the cause this one: the telling line of the log, the name of the missing secret or image.
    ``log``: the command that shows the whole log of the container.
    ``logged``: the job log already has the evidence and the next step, line by line as it arrived; ``in_log``: it has
    these lines of the evidence.
    ``permanent``: it can't resolve itself while this deployment runs, so waiting does not help.
    ``page``: where the whole log is, in the AWS console.
    """

    cause: str
    evidence: tuple[str, ...] = ()
    next_step: str = ""
    logged: bool = False
    permanent: bool = False
    detail: str = ""
    log: str = ""
    in_log: frozenset[str] = frozenset()
    page: str = ""

    @property
    def words(self) -> str:
        """The cause in a line: ``container `app` exited with 1: KeyError: 'DATABASE_URL'``."""
        return f"{self.cause}: {self.detail}" if self.detail and self.detail not in self.cause else self.cause

    @property
    def remedy(self) -> str:
        """What to do next, and where the whole log is."""
        return f"{self.next_step} The whole log: {self.log}".strip() if self.log else self.next_step


@dataclass(frozen=True)
class StoppedTask:
    """A stopped task, and the last log lines of the container that took it down.

    ``group`` and ``stream``: where that log is; empty if it can't be determined. ``page``: the same in the AWS console.
    """

    task: stopped_tasks.Task
    log: tuple[str, ...] = ()
    group: str = ""
    stream: str = ""
    page: str = ""


@dataclass(frozen=True)
class Evidence:
    """Everything known about a deployment that does not succeed. All of it may be empty."""

    stopped: tuple[StoppedTask, ...] = ()  # of this deployment, stopped by themselves
    events: tuple[str, ...] = ()  # messages of the service's events since its start, oldest first
    # DescribeTargetHealth's descriptions of targets that are not healthy, with DescribeTargetGroups' member of each as
    # TargetGroup if it could be read.
    targets: tuple[Mapping[str, Any], ...] = ()
    alarms: tuple[Mapping[str, Any], ...] = ()  # DescribeAlarms' alarms that are in ALARM
    hooks: tuple[Mapping[str, Any], ...] = ()  # DescribeServiceDeployments' lifecycleHookDetails
    lifecycle: tuple[Mapping[str, Any], ...] = ()  # lifecycleEvents of CodeDeploy's ECS target
    waiting: tuple[Finding, ...] = ()  # what the deployment waits for
    reason: str = ""  # rolloutStateReason, statusReason, or CodeDeploy's error code and message
