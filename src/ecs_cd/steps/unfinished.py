"""After an end without a verdict: reports what still runs, and stops it if on-cancel says so.

The process that got SIGINT runs this code, as does the later step that finds the state file of a process that
the runner killed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import codepipeline, ecs
from ecs_cd.aws.errors import explain
from ecs_cd.aws.session import Aws
from ecs_cd.ci import Ci
from ecs_cd.deploy import strategies
from ecs_cd.deploy.rules import rolling
from ecs_cd.diagnosis import stopped_tasks
from ecs_cd.handoff.rules import links
from ecs_cd.job.job import concurrently
from ecs_cd.model import pace
from ecs_cd.model.clock import Clock
from ecs_cd.model.errors import Refused, Unreadable
from ecs_cd.model.exhaustive import assert_never
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.model.references import short
from ecs_cd.tasks.rules import origin

_ANNOTATIONS = 5  # GitHub shows ten of each kind per step


class Words(NamedTuple):
    """What happened to something, and whether that is a line, a warning or an error."""

    text: str
    kind: str = "warning"


def report_or_stop(under_way: Mapping[str, Any], aws: Aws, ci: Ci, clock: Clock) -> bool:
    """Reports the unfinished work or stops it. Returns whether AWS gave its state. Never raises AWS errors: nothing
    handles them after this."""
    if "docker_config" in under_way:
        shutil.rmtree(under_way["docker_config"], ignore_errors=True)
    if under_way.get("kind") == "task":
        return _report([_tried(partial(_task, under_way, aws, clock), _name_of_task(under_way), clock)], ci)
    if under_way.get("kind") == "execution":
        return _report([_tried(partial(_execution, under_way, aws), _name_of_execution(under_way), clock)], ci)
    # The runner gives us ten seconds, and there may be a hundred deployments.
    stop = under_way.get("on_cancel") == "stop"
    calls = [
        partial(_tried, partial(_deployment, each, aws, stop), f"service {each['service']}", clock)
        for each in under_way.get("deployments", ())
    ]
    return _report(concurrently(*calls), ci)


def _name_of_task(under_way: Mapping[str, Any]) -> str:
    return str(under_way.get("task") or under_way.get("started_by"))


def _tried(find_out: Callable[[], Words], what: str, clock: Clock) -> Words:
    """What ``find_out`` returns. Calls it again after ``Unreadable``, whose words count if that lasts: what AWS does
    not show yet proves nothing, and the runner gives us ten seconds."""
    words = Words("")
    for attempt in range(pace.CLEAN_UP_LOOKS):
        try:
            clock.sleep(min(1, attempt))
            return find_out()
        except Unreadable as error:
            words = Words(str(error))
        except (ClientError, BotoCoreError, Refused) as error:
            return Words(f"can't find out what became of {what}: {explain(error)}", "error")
    return words


def _report(found: Sequence[Words], ci: Ci) -> bool:
    """Reports all in order, the first as annotations; returns whether every state is known."""
    for number, words in enumerate(found):
        if words.kind == "line" or number >= _ANNOTATIONS:
            ci.line(words.text)
        elif words.kind == "warning":
            ci.warning(words.text)
        else:
            ci.error(words.text, title="still running?")
    return all(words.kind != "error" for words in found)


def _task(under_way: Mapping[str, Any], aws: Aws, clock: Clock) -> Words:
    cluster, what = str(under_way["cluster"]), str(under_way["what"])
    arn = under_way.get("task") or _find(aws, under_way, clock)
    if not arn:
        return Words(f"no {what} task is visible; if RunTask succeeded, its startedBy is {under_way['started_by']}")
    task = ecs.task(aws, cluster, arn) or {}
    if task.get("lastStatus") == "STOPPED":
        return Words(f"the {what} task {arn} has already stopped: {stopped_tasks.ended_words(task)}", "line")
    if under_way.get("on_cancel") == "stop":
        ecs.stop_task(aws, cluster, arn, "cancelled (ecs-cd, on-cancel: stop)")
        return Words(f"the {what} task {arn} is being stopped (on-cancel: stop)")
    how = f"aws ecs stop-task --cluster {cluster} --task {short(arn)}"
    return Words(f"the {what} continues as task {arn}. A re-run follows it. To stop it: {how}")


def _find(aws: Aws, under_way: Mapping[str, Any], clock: Clock) -> str | None:
    """The task's ARN. ListTasks may list it a moment late, and the runner gives us ten seconds. If the caller chose
    startedBy, another task may have the same, so this returns ``None``."""
    if not under_way["started_by"].startswith(origin.PREFIX):
        return None
    for attempt in range(pace.CLEAN_UP_LOOKS):
        if attempt:
            clock.sleep(1)
        arn = ecs.started_by(aws, under_way["cluster"], under_way["family"], under_way["started_by"])
        if arn:
            return arn
    return None


def _name_of_execution(under_way: Mapping[str, Any]) -> str:
    execution = under_way["execution"]
    return f"{f'execution {execution}' if execution else 'an execution'} of the pipeline {under_way['pipeline']}"


def _execution(under_way: Mapping[str, Any], aws: Aws) -> Words:
    """Stops the execution only by its id: without one, it could be somebody else's."""
    pipeline, execution = str(under_way["pipeline"]), str(under_way["execution"])
    page = links.execution(aws.region, pipeline, execution) if execution else links.pipeline(aws.region, pipeline)
    if not execution:
        return Words(f"if StartPipelineExecution succeeded, an execution of the pipeline {pipeline} continues: {page}")
    status = str(codepipeline.execution(aws, pipeline, execution)["status"])
    if status not in ("InProgress", "Stopping"):
        return Words(f"execution {execution} of the pipeline {pipeline} has ended: {status}", "line")
    if under_way.get("on_cancel") == "stop":
        if not codepipeline.stop(aws, pipeline, execution, "cancelled (ecs-cd, on-cancel: stop)"):
            return Words(f"execution {execution} of {pipeline} has ended or is already being stopped: {page}")
        return Words(
            f"execution {execution} of {pipeline} is being stopped (on-cancel: stop); its running actions end first"
        )
    how = f"aws codepipeline stop-pipeline-execution --pipeline-name {pipeline} --pipeline-execution-id {execution}"
    return Words(f"execution {execution} of {pipeline} continues: {page}. To stop it: {how}")


def _deployment(entry: Mapping[str, Any], aws: Aws, stop: bool) -> Words:
    """Never stops a deployment that is already going back."""
    back = entry.get("back_to")
    if stop and not back:
        return Words(strategies.STRATEGIES[Strategy(entry["strategy"])].stop(aws, entry))
    return Words(_goes_on(entry, aws))


def _goes_on(entry: Mapping[str, Any], aws: Aws) -> str:
    name, back = str(entry["service"]), entry.get("back_to")
    wanted = str(back or entry["task_definition"])
    where = f"back to {short(wanted)}" if back else f"to {short(wanted)}"
    service = ecs.look_at_service(aws, str(entry["cluster"]), name)
    if service is None:
        raise Unreadable(f"ECS does not list service {name}; if it exists, the deployment {where} continues")
    strategy = Strategy(entry["strategy"])
    match strategy:
        case Strategy.CODE_DEPLOY:
            return _codedeploy_goes_on(name, where, str(entry["id"] or _by_task_set(service, wanted)))
        case Strategy.ROLLING | Strategy.BLUE_GREEN | Strategy.LINEAR | Strategy.CANARY:
            return _ecs_goes_on(entry, service, where, wanted)
        case _:
            assert_never(strategy)


def _codedeploy_goes_on(name: str, where: str, deployment: str) -> str:
    if deployment:
        return f"CodeDeploy continues deployment {deployment} of service {name} {where}"
    return f"no deployment of service {name} {where} is visible; if CreateDeployment succeeded, CodeDeploy continues it"


def _ecs_goes_on(entry: Mapping[str, Any], service: Mapping[str, Any], where: str, wanted: str) -> str:
    name, current = str(entry["service"]), rolling.primary(service)
    if current.get("taskDefinition") != wanted:
        running = short(str(current.get("taskDefinition", "unknown")))
        words = f"service {name} is moving to {running}, not {where}"
        before = entry["task_definition"] if entry.get("back_to") else entry.get("previous_task_definition")
        if current.get("taskDefinition") == before:
            raise Unreadable(words)  # ECS may show the deployment a moment late
        return words
    state = rolling.state(current, service)
    goes_on = "" if state == "COMPLETED" else "; ECS continues it"
    return f"deployment {current.get('id')} of service {name} {where} is {state}{goes_on}"


def _by_task_set(service: Mapping[str, Any], wanted: str) -> str:
    """The deployment's id after a lost response: CodeDeploy writes it into the task set that it creates."""
    sets = (task_set for task_set in service.get("taskSets", ()) if task_set.get("taskDefinition") == wanted)
    return next((str(task_set["externalId"]) for task_set in sets if task_set.get("externalId")), "")
