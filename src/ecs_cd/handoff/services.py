"""Why a deployment by CodePipeline's own actions failed: what ECS and CodeDeploy show, if the role may read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import codedeploy, ecs, logs
from ecs_cd.aws.errors import transient_as_unreadable
from ecs_cd.deploy.rules import codedeploy as codedeploy_rules
from ecs_cd.deploy.rules.codedeploy import Snapshot
from ecs_cd.diagnosis import stopped_tasks
from ecs_cd.diagnosis.evidence import Evidence, Finding, StoppedTask
from ecs_cd.diagnosis.findings import diagnose, new_events
from ecs_cd.handoff.rules.actions import CODEDEPLOY, Action, moment
from ecs_cd.job.job import Job
from ecs_cd.job.watch import watch
from ecs_cd.model import pace
from ecs_cd.model.references import short
from ecs_cd.model.verdict import InProgress, Outcome, Verdict
from ecs_cd.tasks.logs import log_stream


def of_codedeploy(action: Action, job: Job) -> list[Finding]:
    """The causes of a failed CodeDeployToECS action."""
    settings = action.configuration
    group = codedeploy.deployment_group(job.aws, settings["ApplicationName"], settings["DeploymentGroupName"])
    info = codedeploy.look_at_deployments(job.aws, [action.external_id]).get(action.external_id, {})
    shown = Evidence()
    for service in group.get("ecsServices", ()):
        cluster, name = str(service["clusterName"]), str(service["serviceName"])
        target = codedeploy.ecs_target(job.aws, action.external_id, codedeploy_rules.target_id(cluster, name))
        shown = codedeploy_rules.evidence(Snapshot(info, target))
        shown = replace(shown, stopped=_stopped(cluster, name, action.started, job))
    return diagnose(shown)


def after_rollback(action: Action | None, failed: Verdict, deadline: float, job: Job) -> Verdict:
    """The verdict on a failed CodeDeployToECS action after CodeDeploy's own rollback.

    It stays ``failed`` without a rollback, and if CodeDeploy can't be read.
    """
    if action is None or action.provider != CODEDEPLOY or not action.external_id:
        return failed
    began, name = job.clock.monotonic(), action.external_id
    known: dict[str, Any] = {}

    def look() -> Snapshot:
        back = codedeploy_rules.rollback_id(known.get(name, {}))
        with transient_as_unreadable():
            known.update(codedeploy.look_at_deployments(job.aws, [name, *filter(None, [back])]))
        return Snapshot(known.get(name, {}), rollback=known.get(back), at=job.clock.monotonic(), ended_at=began)

    def judge(snapshot: Snapshot) -> Verdict | dict[str, InProgress]:
        if snapshot.status not in codedeploy_rules.ENDED_BADLY:
            return failed
        state = codedeploy_rules.ended_badly(snapshot)
        return state if isinstance(state, Verdict) else {action.path: state}

    try:
        known.update({str(each["deploymentId"]): each for each in codedeploy.deployments(job.aws, [name])})
        ended = watch(
            look,
            judge,
            lambda path, watching: job.ci.line(f"{path or 'pipeline'}: {watching.message}", alarming=watching.alarming),
            clock=job.clock,
            timeout=max(0.0, deadline - began),
            interval=lambda _: pace.EXECUTION_EVERY,
        )
    except (ClientError, BotoCoreError):
        return failed  # the causes name what is missing
    if ended.outcome in (Outcome.ROLLED_BACK, Outcome.ROLLBACK_FAILED):
        return replace(ended, message=f"{failed.message}; {ended.message}")
    unfinished = ended.outcome in (Outcome.TIMED_OUT, Outcome.UNKNOWN)
    return replace(failed, message=f"{failed.message}; CodeDeploy's rollback has not ended") if unfinished else failed


def of_ecs(action: Action, job: Job) -> list[Finding]:
    """The causes of a failed ECS deploy action."""
    cluster, name = action.configuration["ClusterName"], action.configuration["ServiceName"]
    service = ecs.look_at_service(job.aws, cluster, name) or {}
    events = {**service, "events": [each for each in service.get("events", ()) if _since(each, action.started)]}
    stopped = _stopped(cluster, name, action.started, job)
    return diagnose(Evidence(stopped=stopped, events=tuple(new_events(events, set()))))


def _stopped(cluster: str, name: str, since: float | None, job: Job) -> tuple[StoppedTask, ...]:
    """The service's tasks that have stopped since the action began, some with the end of their logs."""
    arns = ecs.service_task_arns(job.aws, cluster, name, "STOPPED")[: ecs.TASKS_A_CALL]
    tasks = ecs.tasks(job.aws, cluster, arns) if arns else []
    dead = [task for task in tasks if _since(task, since, "stoppedAt") and stopped_tasks.failed_containers(task)]
    return tuple(
        StoppedTask(task, _log(task, job) if number < pace.TAILS_PER_CAUSE else ()) for number, task in enumerate(dead)
    )


def _log(task: Mapping[str, Any], job: Job) -> tuple[str, ...]:
    described = ecs.task_definition(job.aws, short(str(task["taskDefinitionArn"]))) or {}
    definition = described.get("taskDefinition", {})
    for container in stopped_tasks.failed_containers(task):
        stream = log_stream(definition, str(container.get("name", "")), str(task["taskArn"]))
        lines = logs.tail(job.aws, stream, pace.TAIL_PAGES) if stream else ()
        if lines:
            return lines
    return ()


def _since(what: Mapping[str, Any], since: float | None, key: str = "createdAt") -> bool:
    at = moment(what.get(key))
    return since is None or at is None or at >= since
