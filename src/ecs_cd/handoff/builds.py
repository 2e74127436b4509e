"""What CodeBuild and ecs-cd say about the builds of an execution, read once it has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import codebuild, logs
from ecs_cd.aws.errors import explain
from ecs_cd.handoff.rules import actions, builds
from ecs_cd.handoff.rules.actions import Action
from ecs_cd.handoff.rules.builds import Build
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model import pace
from ecs_cd.report import verdict_line
from ecs_cd.report.verdict_line import VerdictLine

_PASS = "pass `#{variables.ECS_CD_NONCE}` to the action's EnvironmentVariables"


@dataclass(frozen=True)
class ReadBuild:
    """A build with the end of its log, and its verdict if ecs-cd ran in it."""

    build: Build
    log: Sequence[str] = ()
    verdict: VerdictLine | None = None


def read(of: Sequence[Action], nonce: str, job: Job) -> dict[str, ReadBuild]:
    """The builds of these actions by their ids. What can't be read is logged and left out."""
    ids = [a.external_id for a in of if a.provider == actions.CODEBUILD and a.external_id]
    if not ids:
        return {}
    try:
        found = codebuild.builds(job.aws, ids)
    except (ClientError, BotoCoreError) as error:
        job.ci.line(f"pipeline: the builds can't be read: {explain(error).sentence}")
        return {}
    read_all = concurrently(*(partial(_with_log, build, nonce, job) for build in found))
    return {str(each.build["id"]): each for each in read_all}


def stream(build: Build) -> logs.Stream | None:
    """The build's log, ``None`` if it has none yet."""
    place = builds.stream(build)
    return logs.Stream(*place, region=None) if place else None


def _with_log(build: Build, nonce: str, job: Job) -> ReadBuild:
    log = stream(build)
    lines = logs.tail(job.aws, log, pace.BUILD_LOG_PAGES, pace.BUILD_LOG_LINES) if log else ()
    if log and log.trouble:
        job.ci.line(f"pipeline: {log.trouble}")
    name = str(build["id"])
    verdict = verdict_line.find(lines, name, nonce)
    if nonce and not verdict and verdict_line.find(lines, name):
        job.ci.line(
            f"pipeline: the verdict of build {name} lacks this execution's nonce, so it does not count; {_PASS}"
        )
    return ReadBuild(build, lines, verdict)


def failed(of: Sequence[Action], found: Mapping[str, ReadBuild]) -> list[VerdictLine]:
    """What ecs-cd said in the builds that failed."""
    ids = [action.external_id for action in of if action.status == actions.FAILED]
    return [verdict for name in ids if name in found and (verdict := found[name].verdict)]


def facts(found: Mapping[str, ReadBuild]) -> dict[str, dict[str, str]]:
    """By build, what ecs-cd reported in it: images, revisions, tasks."""
    return {
        name: {fact: value for part in each.verdict.parts for fact, value in part.facts.items()}
        for name, each in found.items()
        if each.verdict
    }


def logs_of(found: Mapping[str, ReadBuild]) -> dict[str, str]:
    """By build, the page of its log."""
    return {name: builds.log_link(each.build) for name, each in found.items()}
