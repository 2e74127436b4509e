"""Why an execution failed: from its failed actions to findings, as if they had failed in this job."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import explain
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.handoff import services
from ecs_cd.handoff.builds import ReadBuild
from ecs_cd.handoff.rules import actions, progress
from ecs_cd.handoff.rules import builds as rules
from ecs_cd.handoff.rules.actions import Action
from ecs_cd.handoff.rules.progress import Snapshot
from ecs_cd.job.job import Job
from ecs_cd.model.errors import Refused


def find(pipeline: str, snapshot: Snapshot, builds: Mapping[str, ReadBuild], job: Job) -> list[Finding]:
    """The causes of all failed actions of the pipeline's execution, in their order."""
    return [
        finding
        for action in snapshot.actions
        if action.status == actions.FAILED
        for finding in _of_action(action, rules.retry(pipeline, snapshot.id, action.stage), builds, job)
    ]


def _of_action(action: Action, again: str, builds: Mapping[str, ReadBuild], job: Job) -> list[Finding]:
    """What the action's own service shows, or CodePipeline's words if it shows nothing or can't be read. ``again`` is
    the command that retries its stage."""
    try:
        found = _shown(action, again, builds, job)
    except (ClientError, BotoCoreError, Refused) as error:
        job.ci.line(f"{action.path}: some evidence is missing: {explain(error).sentence}")
        found = []
    return found or [_by_codepipeline(action)]


def _shown(action: Action, again: str, builds: Mapping[str, ReadBuild], job: Job) -> list[Finding]:
    match action.provider:
        case actions.CODEBUILD if action.external_id in builds:
            return _of_build(action, again, builds[action.external_id])
        case actions.CODEDEPLOY if action.external_id and action.configures("ApplicationName", "DeploymentGroupName"):
            return services.of_codedeploy(action, job)
        case actions.ECS if action.configures("ClusterName", "ServiceName"):
            return services.of_ecs(action, job)
        case _:
            return []


def _by_codepipeline(action: Action) -> Finding:
    if action.category == actions.APPROVAL:
        return Finding(progress.rejected_words(action), (), "Ask them; a re-run of this job starts a new execution.")
    words = tuple(filter(None, [action.error_code, *action.error.splitlines(), action.summary]))
    return Finding(f"{action.path} failed", words, f"See {action.external_url}" if action.external_url else "")


def _of_build(action: Action, again: str, found: ReadBuild) -> list[Finding]:
    """ecs-cd's own findings if it ran in the build, else the failed phase and the end of the log."""
    own = rules.by_ecs_cd(found.verdict, action.path) if found.verdict else []
    return own or [rules.finding(found.build, action.path, rules.last_lines(found.log), again)]
