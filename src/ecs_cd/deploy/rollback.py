"""Decides how a service gets back: reads what is under way, AWS's history, and whose deployment it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ecs_cd.aws import ecs
from ecs_cd.deploy import strategies
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules import rollback, rolling
from ecs_cd.deploy.rules.history import PastDeployment
from ecs_cd.deploy.rules.rollback import NAME_IT, Choice, Situation, Way
from ecs_cd.deploy.rules.unfinished import Unfinished
from ecs_cd.images import registry
from ecs_cd.inputs.rollback import Rollback
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import COMMIT, RegisteredTaskDefinition, family, repository, short
from ecs_cd.tasks.rules import revisions


def decide(plan: DeploymentPlan, inputs: Rollback, job: Job) -> Choice:
    """How this service gets back; changes nothing. Raises ``Refused`` with the service's name."""
    try:
        return _decide(plan, inputs, job)
    except Refused as refused:
        raise Refused([f"{plan.target.key}: {each}" for each in refused.problems], refused.remedy) from refused


def _decide(plan: DeploymentPlan, inputs: Rollback, job: Job) -> Choice:
    strategy = strategies.of(plan)
    unfinished, past = concurrently(lambda: strategy.unfinished(job, plan), lambda: strategy.history(job, plan))
    to = _target(inputs.to, past, job) if inputs.to else ""
    current, serving = str(revisions.running(plan.service)), rolling.serving(plan.service)
    choice = rollback.choose(Situation(plan.strategy, current, unfinished, serving, past), to)
    if choice.way is Way.FOLLOW:
        return choice
    before = _described(choice.back_to, job)
    if unfinished and not inputs.force:
        _check_whose(plan, unfinished, before, inputs, job)
    if choice.way is Way.DEPLOY and before.get("status") != "ACTIVE":
        state = before.get("status", "not registered")
        raise Refused(f"{short(choice.back_to)} ({choice.why}) is {state}, so ECS starts no task of it", NAME_IT)
    return choice


def _check_whose(
    plan: DeploymentPlan, unfinished: Unfinished, before: Mapping[str, Any], inputs: Rollback, job: Job
) -> None:
    source = plan.target.task_definition
    named = {family(source.name)} if inputs.config and isinstance(source, RegisteredTaskDefinition) else set()
    families = named | {str(before["family"])} if "family" in before else named
    brings = unfinished.own.task_definition
    role = inputs.role_to_assume[-1] if inputs.role_to_assume else ""
    whose = "AWS does not return what it brings"
    if brings:
        whose = rollback.stranger(_described(brings, job), before, families, role)
    if whose:
        raise Refused(
            f"{unfinished.words}, and this application's pipeline seems not to have made it: {whose}",
            "Run rollback with --force to take it back all the same.",
        )


def _target(to: str, past: Sequence[PastDeployment], job: Job) -> str:
    """The ARN of the revision that the input names."""
    if COMMIT.fullmatch(to):
        return _of_commit(to, past, job)
    found = _described(to, job)
    if not found:
        raise Refused(f"to: there is no task definition {to} in {job.aws.region}")
    return str(found["taskDefinitionArn"])


def _of_commit(commit: str, past: Sequence[PastDeployment], job: Job) -> str:
    """The newest revision that ran well in this service with an image of the commit."""
    newest_first = sorted(past, key=lambda each: each.created_at, reverse=True)
    arns = dict.fromkeys(each.task_definition for each in newest_first if each.well and each.task_definition)
    digests: dict[str, str] = {}
    for arn in list(arns)[: pace.COMMIT_REVISIONS]:
        found = ecs.task_definition(job.aws, arn) or {}
        images = revisions.images(found.get("taskDefinition", {}))
        for uri in {uri for uri, _ in images} - digests.keys():
            digests[uri] = _digest(uri, commit, job)
        if revisions.has_commit(found, commit, digests):
            return arn
    raise Refused(f"to: no revision that ran well in this service has an image of the commit {commit}", NAME_IT)


def _digest(uri: str, commit: str, job: Job) -> str:
    """The digest of the commit's image in this repository; empty if there is none, or if it is not in ECR."""
    place = repository(uri)
    if not (place.account or place.public):
        return ""
    image = registry.images(job.aws, place, [commit]).get(commit)
    return image.digest if image else ""


def _described(name: str, job: Job) -> Mapping[str, Any]:
    """The task definition as DescribeTaskDefinition returns it; empty if it does not exist."""
    found: Mapping[str, Any] = (ecs.task_definition(job.aws, name) or {}).get("taskDefinition", {})
    return found
