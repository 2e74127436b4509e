"""After an end without a verdict: says what is still running, and stops what it was asked to stop.

The same code serves the process that got SIGINT, and the later step that finds the state file of a
process that the runner killed.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd import rollouts, state
from ecs_cd.aws import ecs
from ecs_cd.aws.session import Aws, explain
from ecs_cd.ci import Ci
from ecs_cd.core import rollout
from ecs_cd.core.references import short
from ecs_cd.core.strategy import Strategy
from ecs_cd.run_task import OURS
from ecs_cd.watch import Clock

_LOOKS = 4


def left_behind(environ: Mapping[str, str], ci: Ci) -> None:
    """Settles what killed processes of this job left, once."""
    for path, under_way in state.left_behind(environ):
        if settle(under_way, Aws(environ, str(under_way.get("region", ""))), ci, time):
            path.unlink(missing_ok=True)


def settle(under_way: Mapping[str, Any], aws: Aws, ci: Ci, clock: Clock) -> bool:
    """Says what this is and how it goes on, or stops it; whether AWS told. Never raises for what AWS answers: it is
    the last word."""
    if "docker_config" in under_way:
        shutil.rmtree(under_way["docker_config"], ignore_errors=True)
    if under_way.get("kind") == "task":
        known = str(under_way.get("task") or under_way.get("started_by"))
        return _tried(known, ci, partial(_task, under_way, aws, ci, clock))
    stop = under_way.get("on_cancel") == "stop"
    entries = under_way.get("deployments", ())
    told = [_tried(f"service {each['service']}", ci, partial(_deployment, each, aws, ci, stop)) for each in entries]
    return all(told)


def _tried(what: str, ci: Ci, tell: Callable[[], None]) -> bool:
    try:
        tell()
    except (ClientError, BotoCoreError) as error:
        ci.error(f"what became of {what} could not be found out: {explain(error)}", title="still running?")
        return False
    return True


def _task(under_way: Mapping[str, Any], aws: Aws, ci: Ci, clock: Clock) -> None:
    cluster, what = str(under_way["cluster"]), str(under_way["what"])
    arn = under_way.get("task") or _find(aws, under_way, clock)
    if not arn:
        ci.warning(f"no {what} task is seen; if RunTask got through, its startedBy is {under_way['started_by']}")
    elif (ecs.task(aws, cluster, arn) or {}).get("lastStatus") == "STOPPED":
        ci.line(f"the {what} task {arn} has stopped already")
    elif under_way.get("on_cancel") == "stop":
        ecs.stop_task(aws, cluster, arn, "cancelled (ecs-cd, on-cancel: stop)")
        ci.warning(f"the {what} task {arn} is being stopped, as on-cancel says")
    else:
        ci.warning(
            f"the {what} goes on as task {arn}. To stop it: aws ecs stop-task --cluster {cluster} --task {short(arn)}"
        )


def _find(aws: Aws, under_way: Mapping[str, Any], clock: Clock) -> str | None:
    """The task's ARN; ListTasks may see it a moment late, and the runner leaves us ten seconds. Where the caller named
    the tasks' startedBy, another's may have the same."""
    if not under_way["started_by"].startswith(OURS):
        return None
    for attempt in range(_LOOKS):
        if attempt:
            clock.sleep(1)
        arn = ecs.started_by(aws, under_way["cluster"], under_way["family"], under_way["started_by"])
        if arn:
            return arn
    return None


def _deployment(entry: Mapping[str, Any], aws: Aws, ci: Ci, stop: bool) -> None:
    ci.warning(rollouts.stop(aws, entry) if stop else _goes_on(entry, aws))


def _goes_on(entry: Mapping[str, Any], aws: Aws) -> str:
    name, wanted = str(entry["service"]), str(entry["task_definition"])
    if entry["strategy"] == Strategy.CODE_DEPLOY.value:
        return f"CodeDeploy goes on with deployment {entry['id'] or '(not known)'} of service {name} to {short(wanted)}"
    current = rollout.primary(ecs.look_at_service(aws, str(entry["cluster"]), name) or {})
    if current.get("taskDefinition") != wanted:
        running = short(str(current.get("taskDefinition", "unknown")))
        return f"service {name} works towards {running}, not towards {short(wanted)}"
    state = current.get("rolloutState", "IN_PROGRESS")
    return f"deployment {current.get('id')} of service {name} to {short(wanted)} is {state}; ECS goes on with it"
