"""After a cancellation: says what is still running, and stops what it was asked to stop.

The same code serves the process that got SIGINT, and the later step that finds the state file of a
process that the runner killed.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd import state
from ecs_cd.aws import ecs
from ecs_cd.aws.session import Aws, explain
from ecs_cd.ci import Ci
from ecs_cd.core import rollout
from ecs_cd.core.references import short


def left_behind(environ: Mapping[str, str], ci: Ci) -> None:
    """Settles what killed processes of this job left, once."""
    for path, under_way in state.left_behind(environ):
        settle(under_way, Aws(environ, str(under_way.get("region", ""))), ci)
        path.unlink(missing_ok=True)


def settle(under_way: Mapping[str, Any], aws: Aws, ci: Ci) -> None:
    """Says what this is and how it goes on. Never raises for what AWS answers: it is the last word."""
    if "docker_config" in under_way:
        shutil.rmtree(under_way["docker_config"], ignore_errors=True)
    try:
        if under_way.get("kind") == "migration":
            _migration(under_way, aws, ci)
        elif under_way.get("kind") == "deployment":
            _deployment(under_way, aws, ci)
    except (ClientError, BotoCoreError) as error:
        ci.error(f"what is still running could not be found out: {explain(error)}", title="cancelled")


def _migration(under_way: Mapping[str, Any], aws: Aws, ci: Ci) -> None:
    cluster = str(under_way["cluster"])
    arn = under_way.get("task") or ecs.started_by(aws, cluster, str(under_way["started_by"]))
    task = ecs.task(aws, cluster, arn) if arn else None
    if not arn or task is None:
        ci.line("cancelled: no migration task was started")
    elif task.get("lastStatus") == "STOPPED":
        ci.line(f"cancelled: the migration task {arn} has stopped already")
    elif under_way.get("on_cancel") == "stop":
        ecs.stop_task(aws, cluster, arn, "cancelled (ecs-cd, on-cancel: stop)")
        ci.warning(f"cancelled: the migration task {arn} is being stopped, as on-cancel says")
    else:
        ci.warning(
            f"cancelled: the migration goes on as task {arn}. "
            f"To stop it: aws ecs stop-task --cluster {cluster} --task {short(arn)}"
        )


def _deployment(under_way: Mapping[str, Any], aws: Aws, ci: Ci) -> None:
    cluster, name = str(under_way["cluster"]), str(under_way["service"])
    wanted = str(under_way["task_definition"])
    service = ecs.look_at_service(aws, cluster, name) or {}
    current = rollout.primary(service)
    if current.get("taskDefinition") != wanted:
        running = short(str(current.get("taskDefinition", "unknown")))
        ci.warning(f"cancelled: service {name} works towards {running}, not towards {short(wanted)}")
    else:
        ci.warning(
            f"cancelled: deployment {current.get('id')} of service {name} to {short(wanted)} "
            f"is {current.get('rolloutState', 'IN_PROGRESS')}; ECS goes on with it"
        )
