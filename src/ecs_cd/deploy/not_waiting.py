"""Reads what became of deployments that were to be continued, and no longer wait."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import code
from ecs_cd.deploy import strategies
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rollback import known_history
from ecs_cd.deploy.rules import blue_green, not_waiting
from ecs_cd.deploy.strategies.blue_green_calls import described
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.tasks.rules import revisions


def explain(plans: Sequence[DeploymentPlan], job: Job) -> list[Verdict]:
    """Of each service, why it has nothing to continue: ROLLED_BACK, ROLLBACK_FAILED, or SKIPPED for anything else."""
    found: list[Verdict] = concurrently(*(partial(_explain, plan, job) for plan in plans))
    return found


def _explain(plan: DeploymentPlan, job: Job) -> Verdict:
    if plan.strategy is Strategy.ROLLING:
        return Verdict(Outcome.SKIPPED, f"{not_waiting.NONE}: a rolling update never pauses")
    current = str(revisions.running(plan.service))
    unfinished, past = concurrently(lambda: strategies.of(plan).unfinished(job, plan), lambda: known_history(plan, job))
    last = not_waiting.last(unfinished, past, current)
    name = unfinished.own.id if unfinished else last.id if last else ""
    return not_waiting.judge(unfinished, past, current, _expired(name, job))


def _expired(name: str, job: Job) -> str:
    if not name.startswith("arn:"):
        return ""
    try:
        return blue_green.expired(described(job.aws, name))
    except (ClientError, BotoCoreError) as error:  # the rest is known
        job.ci.line(f"the hooks of {name} can't be read ({code(error) or error})")
        return ""
