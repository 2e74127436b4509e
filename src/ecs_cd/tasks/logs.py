"""Where a container's log is: its group and stream in CloudWatch Logs, from the task definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecs_cd.aws.logs import Stream
from ecs_cd.job.job import Job
from ecs_cd.model.references import short
from ecs_cd.tasks.rules.task_definition import container


def log_stream(definition: Mapping[str, Any], name: str, task_arn: str) -> Stream | None:
    """The log stream of a task's container; ``None`` if it is unknown.

    It is unknown if the container uses another log driver than awslogs, or if awslogs has no stream prefix: Docker then
    names the stream after the container's id.
    """
    configuration = container(definition, name).get("logConfiguration", {})
    options = configuration.get("options", {})
    prefix, group = options.get("awslogs-stream-prefix"), options.get("awslogs-group")
    if configuration.get("logDriver") != "awslogs" or not prefix or not group:
        return None
    return Stream(group, f"{prefix}/{name}/{short(task_arn)}", options.get("awslogs-region"))


def page(job: Job, log: Stream) -> str:
    """The log stream's page in the AWS console; empty for a local AWS."""
    return job.aws.console().log_stream(log.group, log.name, log.region or "")
