"""Why an execution failed: from its failed actions to findings, as if they had failed in this job."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import codebuild, logs
from ecs_cd.aws.errors import explain
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.handoff import services
from ecs_cd.handoff.rules import actions, builds
from ecs_cd.handoff.rules.actions import Action
from ecs_cd.handoff.tracked import TrackedExecution
from ecs_cd.job.job import Job
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused
from ecs_cd.report import verdict_line


def find(tracked: TrackedExecution, job: Job) -> list[Finding]:
    """The causes of all failed actions, in the order of the pipeline."""
    failed = [action for action in tracked.snapshot.actions if action.status == actions.FAILED]
    return [finding for action in failed for finding in _of_action(action, tracked, job)]


def _of_action(action: Action, tracked: TrackedExecution, job: Job) -> list[Finding]:
    """What the action's own service shows, or CodePipeline's words if it shows nothing or can't be read."""
    look = _looks(action, tracked, job)
    try:
        found = look() if look else []
    except (ClientError, BotoCoreError, Refused) as error:
        job.ci.line(f"{action.path}: some evidence is missing: {explain(error).sentence}")
        found = []
    return found or [_by_codepipeline(action)]


def _looks(action: Action, tracked: TrackedExecution, job: Job) -> Callable[[], list[Finding]] | None:
    if not action.external_id and action.provider != actions.ECS:
        return None
    match action.provider:
        case actions.CODEBUILD:
            return lambda: _of_build(action, tracked, job)
        case actions.CODEDEPLOY:
            return lambda: services.of_codedeploy(action, job)
        case actions.ECS:
            return lambda: services.of_ecs(action, job)
        case _:
            return None


def _by_codepipeline(action: Action) -> Finding:
    words = tuple(filter(None, [action.error_code, *action.error.splitlines(), action.summary]))
    return Finding(f"{action.path} failed", words, f"See {action.external_url}" if action.external_url else "")


def _of_build(action: Action, tracked: TrackedExecution, job: Job) -> list[Finding]:
    """ecs-cd's own findings if it ran in the build, else the failed phase and the end of the log."""
    found = codebuild.look_at_builds(job.aws, [action.external_id])
    if not found:
        return []
    place = builds.stream(found[0])
    log = logs.Stream(*place, region=None) if place else None
    lines = logs.tail(job.aws, log, pace.BUILD_LOG_PAGES, pace.BUILD_LOG_LINES) if log else ()
    if log and log.trouble:
        job.ci.line(f"{action.path}: {log.trouble}")
    verdict = verdict_line.find(lines, action.external_id, tracked.nonce)
    own = builds.by_ecs_cd(verdict, action.path) if verdict else []
    return own or [builds.finding(found[0], action.path, builds.last_lines(lines))]
