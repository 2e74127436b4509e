"""Kinds of deployment: a file each, with the same functions. Here they are called for whichever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ecs_cd.aws import task_definitions
from ecs_cd.aws.session import Aws
from ecs_cd.deploy.plan import Plan
from ecs_cd.deploy.rules import blue_green as blue_green_rules
from ecs_cd.deploy.rules import codedeploy as codedeploy_rules
from ecs_cd.deploy.rules import rolling as rolling_rules
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.strategies import blue_green, codedeploy, rolling
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.diagnosis.findings import Evidence
from ecs_cd.job.job import Job
from ecs_cd.model.lifecycle import Strategy, Until
from ecs_cd.model.references import family
from ecs_cd.model.verdict import InProgress, Verdict
from ecs_cd.report.timeline import Phase
from ecs_cd.tasks.rules import revisions

Busy = codedeploy.Busy


def _kind(strategy: Strategy) -> Any:
    if strategy is Strategy.ROLLING:
        return rolling
    return codedeploy if strategy is Strategy.CODE_DEPLOY else blue_green


def prepare(job: Job, plan: Plan) -> Plan:
    """With what this kind of deployment needs besides. Raises ``Refused`` for all that can be known to be wrong."""
    if plan.strategy is not Strategy.CODE_DEPLOY:
        return plan
    appspec = codedeploy.prepare(job, plan.cluster, plan.service, plan.target.codedeploy, plan.definition)
    return replace(plan, appspec=appspec)


def patience(job: Job, plan: Plan, timeout: float) -> float:
    """Seconds to follow it, where what the deployment waits for by itself comes on top of the timeout."""
    return codedeploy.patience(job, plan, timeout) if plan.strategy is Strategy.CODE_DEPLOY else timeout


def start(job: Job, plan: Plan, arn: str) -> OwnDeployment:
    """Begins the deployment of this revision, or finds that it is there or under way already."""
    own: OwnDeployment = _kind(plan.strategy).start(job, plan, arn)
    return own


def read(job: Job, followed: Sequence[TrackedDeployment]) -> None:
    """A look at each of them, into its ``look``; of a kind all at once. Raises ``Unreadable``."""
    by_kind: dict[Any, list[TrackedDeployment]] = {}
    for one in followed:
        by_kind.setdefault(_kind(one.plan.strategy), []).append(one)
    for kind, ones in by_kind.items():
        for one, look in zip(ones, kind.read(job, ones), strict=True):
            one.look = look


def judge(one: TrackedDeployment, until: Until) -> Verdict | InProgress:
    """What the last look says of it."""
    match one.look:
        case rolling_rules.Snapshot():
            crashed = sum(rolling_rules.crashed(each.task) for each in one.stopped.values())
            return rolling_rules.judge(one.own, replace(one.look, crashed=crashed), until)
        case blue_green_rules.Snapshot():
            return blue_green_rules.judge(one.own, one.look, until)
        case _:
            return codedeploy_rules.judge(one.own, one.look, until)


def phase(one: TrackedDeployment) -> Phase | None:
    """What it is doing; ``None``: the last look does not tell."""
    if one.back_to:
        return Phase.ROLLBACK
    match one.look:
        case rolling_rules.Snapshot():
            return rolling_rules.phase(one.own, one.look)
        case blue_green_rules.Snapshot():
            return blue_green_rules.phase(one.look)
        case _:
            return codedeploy_rules.phase(one.look)


def worth_evidence(one: TrackedDeployment, before: Any) -> bool:
    """Whether tasks may have died, or something turned for the worse, between two looks."""
    match one.look:
        case rolling_rules.Snapshot():
            return rolling_rules.worth_evidence(one.own, before, one.look)
        case blue_green_rules.Snapshot():
            return blue_green_rules.worth_evidence(before, one.look)
        case _:
            return codedeploy_rules.worth_evidence(before, one.look)


def told(one: TrackedDeployment) -> Evidence:
    """What the last look itself tells of a failure."""
    match one.look:
        case rolling_rules.Snapshot():
            return rolling_rules.evidence(one.own, one.look)
        case blue_green_rules.Snapshot():
            return blue_green_rules.evidence(one.look)
        case codedeploy_rules.Snapshot():
            return codedeploy_rules.evidence(one.look)
        case _:
            return Evidence()


def events(one: TrackedDeployment) -> Mapping[str, Any] | None:
    """The service, where looks of this kind bring it with its events."""
    return one.look.service if isinstance(one.look, rolling_rules.Snapshot) else None


def under_way(job: Job, plan: Plan, arn: str) -> str:
    """Somebody else's deployment of this service that has not come to its end, in words; empty: there is none."""
    return str(_kind(plan.strategy).under_way(job, plan, arn))


def undo(job: Job, one: TrackedDeployment) -> OwnDeployment:
    """Begins to go back to what ran before; the deployment that has to be followed then.

    Raises ``Refused`` where that can't be, or would undo somebody else's deployment.
    """
    own: OwnDeployment = _kind(one.plan.strategy).undo(job, one)
    return own


# ---- deployments of whoever began them: the verbs `continue` and `rollback` ----


def waiting(job: Job, plan: Plan) -> OwnDeployment | None:
    """The service's deployment that waits for somebody; a rolling update never does."""
    if plan.strategy is Strategy.ROLLING:
        return None
    if plan.strategy is not Strategy.CODE_DEPLOY:
        return blue_green.waiting(job, plan)
    info = codedeploy.current(job, plan.cluster, plan.name, plan.target.codedeploy) or {}
    if info.get("status") != "Ready":
        return None
    name, target = str(info["deploymentId"]), codedeploy_rules.deploys(info)
    return OwnDeployment(plan.strategy, name, target, rolling_rules.running(plan.service))


def go_on(job: Job, plan: Plan, own: OwnDeployment) -> None:
    """Lets it go on."""
    if plan.strategy is Strategy.CODE_DEPLOY:
        codedeploy.proceed(job, own.id)
    else:
        blue_green.go_on(job, plan, own)


def previous(job: Job, plan: Plan, current: str) -> str | None:
    """What the service ran before ``current``: by its service deployments, where ECS lists them, or else the family's
    revision before it."""
    known = None if plan.strategy is Strategy.CODE_DEPLOY else blue_green.previous(job, plan, current)
    return known or revisions.before(current, task_definitions.active(job.aws, family(current)))


def stop(aws: Aws, under_way: Mapping[str, Any]) -> str:
    """Stops the deployment that an entry of the state file tells, if it is still ours; a sentence of what was done."""
    return str(_kind(Strategy(under_way["strategy"])).stop(aws, under_way))
