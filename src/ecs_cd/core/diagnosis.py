"""Why tasks fail: from the evidence to the likely cause, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecs_cd.core import tasks
from ecs_cd.core.references import short


@dataclass(frozen=True)
class Finding:
    """A likely cause, the evidence for it (lines, the log's last lines among them), the next step.

    ``told``: the job log has the evidence already, line by line as it came.
    """

    cause: str
    evidence: tuple[str, ...] = ()
    next_step: str = ""
    told: bool = False


@dataclass(frozen=True)
class StoppedTask:
    """A stopped task, and the last log lines of the container that took it down."""

    task: tasks.Task
    log: tuple[str, ...] = ()


# A task's reason (ECS's own words) -> cause, next step. The first match counts.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
_REASONS: tuple[tuple[str, str, str], ...] = (
    (
        r"CannotPull\w*.*(no such host|timeout|timed out|request canceled|connection refused|unreachable)",
        "the image can't be pulled: no route to its registry",
        "Check the way from the task's subnets to the registry: NAT gateway or VPC endpoints (ecr.api, ecr.dkr, s3), "
        "security groups, DNS.",
    ),
    (
        r"CannotPull\w*.*(toomanyrequests|rate limit)",
        "the image can't be pulled: the registry's rate limit",
        "Pull from ECR (a pull-through cache or a copy) instead of the public registry.",
    ),
    (
        r"CannotPull\w*.*no space left",
        "the image can't be pulled: the disk is full",
        "Raise `ephemeralStorage`, or clean the instance's disk.",
    ),
    (
        r"CannotPull\w*.*pull access denied",
        "the image can't be pulled: it is not there, or no permission",
        "Check the image's name in the task definition; a private registry other than ECR wants repositoryCredentials.",
    ),
    (
        r"CannotPull\w*.*(not ?found|manifest unknown|does not exist|no such)",
        "the image can't be pulled: it is not there",
        "Check the image's name and tag in the task definition, and that it was pushed to that registry.",
    ),
    (
        r"CannotPull\w*.*(denied|not authorized|no basic auth|\b40[13]\b)",
        "the image can't be pulled: no permission",
        "Give the execution role ecr:GetAuthorizationToken, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer.",
    ),
    (
        r"CannotPull",
        "the image can't be pulled",
        "Check that the image exists, for the task's platform as well, and the way from the task's subnets to it.",
    ),
    (
        r"ResourceInitializationError",
        "the task's resources could not be set up (secrets, log group or network)",
        "Check that each secret and log group named in the task definition exists, that the execution "
        "role may read it, and the route to its service.",
    ),
    (
        r"OutOfMemory",
        "the container ran out of memory",
        "Raise `memory` in the task definition, or find out what needs so much.",
    ),
    (
        r"CannotStartContainer",
        "the container can't be started",
        "Check the container's entryPoint and command: does the file exist in the image, and is it executable?",
    ),
    (
        r"health ?checks?",
        "the health check failed",
        "Look at what the health check asks for, and at the grace period.",
    ),
)


# These say who ended the task; the exit code is then only how it died.
_STOPPED_FROM_OUTSIDE = {
    "SpotInterruption": "AWS took the spot capacity back",
    "TerminationNotice": "the instance is being terminated",
    "InfrastructureHealth": "AWS found the infrastructure below the task unhealthy",
    "UserInitiated": "somebody stopped the task",
}


def task_failed(stopped: StoppedTask) -> Finding:
    """The likely cause of one task's end."""
    task = stopped.task
    culprits = tasks.failed_containers(task)
    name = str(culprits[0].get("name", "")) if culprits else ""
    code = culprits[0].get("exitCode") if culprits else None
    words = " ".join(filter(None, [str(task.get("stoppedReason", "")), *(str(c.get("reason", "")) for c in culprits)]))
    evidence = (f"task {short(str(task.get('taskArn', '')))}: {words or 'no reason given'}", *stopped.log)
    stop_code = str(task.get("stopCode", ""))
    if stop_code in _STOPPED_FROM_OUTSIDE:
        return Finding(_STOPPED_FROM_OUTSIDE[stop_code], evidence)
    for pattern, cause, next_step in _REASONS:
        if re.search(pattern, words, re.IGNORECASE | re.DOTALL):
            return Finding(f"{cause}{f' (container `{name}`)' if name else ''}", evidence, next_step)
    if code == 137:
        step = "Exit code 137 is SIGKILL: out of memory, or not stopped in time."
        return Finding(f"container `{name}` was killed (exit code 137)", evidence, step)
    if code == 0:
        step = "A service's container has to go on running; look at its command."
        return Finding(f"container `{name}` ended by itself, with exit code 0", evidence, step)
    if code is not None:
        return Finding(
            f"container `{name}` exited with {code}", evidence, "Read its last log lines above." if stopped.log else ""
        )
    return Finding(str(task.get("stopCode") or "a task stopped"), evidence)


def deployment_failed(stopped: Sequence[StoppedTask], events: Sequence[str]) -> list[Finding]:
    """Causes, the most frequent first, each once; the service's events are evidence of their own."""
    by_cause: dict[str, list[Finding]] = {}
    for one in stopped:
        finding = task_failed(one)
        by_cause.setdefault(finding.cause, []).append(finding)
    ranked = sorted(by_cause.values(), key=len, reverse=True)
    findings = [_most_telling(group) for group in ranked]
    if events:
        findings.append(
            Finding("the service's events" if findings else "no task died by itself", tuple(events), told=True)
        )
    return findings


def _most_telling(group: list[Finding]) -> Finding:
    best = max(group, key=lambda finding: len(finding.evidence))
    times = f" ({len(group)} tasks)" if len(group) > 1 else ""
    return Finding(best.cause + times, best.evidence, best.next_step)


def new_events(service: Mapping[str, Any], seen: set[str]) -> list[str]:
    """The messages of the service's events that are not in ``seen``, the oldest first."""
    events = sorted(service.get("events", ()), key=lambda event: str(event.get("createdAt", "")))
    return [str(event["message"]) for event in events if event["id"] not in seen]
