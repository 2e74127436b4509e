"""Decides how a service gets back: reads what is under way, AWS's history, and whose deployment it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecs
from ecs_cd.aws.errors import code, explain, is_transient
from ecs_cd.deploy import restorable, strategies
from ecs_cd.deploy.existing import Selection
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules import rollback
from ecs_cd.deploy.rules.history import PastDeployment
from ecs_cd.deploy.rules.rollback import NAME_IT, Application, Choice, Situation, Way
from ecs_cd.deploy.rules.unfinished import Unfinished, still_serving
from ecs_cd.document.rules.document import by_container
from ecs_cd.images import registry
from ecs_cd.inputs.rollback import Rollback
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import COMMIT, RegisteredTaskDefinition, Repository, family, repository, short
from ecs_cd.tasks.rules import revisions


def decide(plan: DeploymentPlan, selection: Selection, inputs: Rollback, job: Job) -> Choice:
    """How this service gets back; changes nothing. Raises ``Refused`` with the service's name."""
    try:
        return _decide(plan, selection, inputs, job)
    except Refused as refused:
        raise Refused([f"{plan.target.key}: {each}" for each in refused.problems], refused.remedy) from refused


def _decide(plan: DeploymentPlan, selection: Selection, inputs: Rollback, job: Job) -> Choice:
    strategy, current = strategies.of(plan), str(revisions.running(plan.service))
    unfinished, past = concurrently(lambda: strategy.unfinished(job, plan), lambda: known_history(plan, job))
    to = _target(inputs.to, plan, selection, past, job) if inputs.to else ""
    now = Situation(plan.strategy, current, unfinished, still_serving(plan.service), past)
    choice = rollback.choose(now, to)
    if choice.way is Way.FOLLOW:
        return choice
    before = _described(choice.back_to, job)
    if unfinished and not inputs.force:
        _check_whose(unfinished, choice, _application(plan, selection, inputs), job)
    _check_restorable(choice, before, plan.target.key, job)
    return choice


def _check_restorable(choice: Choice, before: Mapping[str, Any], key: str, job: Job) -> None:
    """Raises ``Refused`` if ECS can start no task of the target. What AWS undoes itself still runs, and needs none."""
    if choice.way is Way.UNDO:
        for problem in restorable.missing_images(before, job):
            words = f"{problem}: its tasks still run, and ECS can start no other"
            job.ci.line(f"{key}: {short(choice.back_to)}: {words}", alarming=True)
        return
    found = [
        f"ECS can start no task of {short(choice.back_to)} ({choice.why}): {problem}"
        for problem in restorable.obstacles(before, job)
    ]
    if found:
        raise Refused(found, NAME_IT)


def known_history(plan: DeploymentPlan, job: Job) -> Sequence[PastDeployment]:
    """Nothing if the role may not read it: what still runs may be enough."""
    try:
        return strategies.of(plan).history(job, plan)
    except ClientError as error:
        if is_transient(error):
            raise
        job.ci.line(f"{plan.target.key}: {explain(error).sentence}", alarming=True)
        return ()


def _application(plan: DeploymentPlan, selection: Selection, inputs: Rollback) -> Application:
    source, repositories = plan.target.task_definition, by_container(plan.target, selection.repositories)
    return Application(
        families={family(source.name)} if inputs.config and isinstance(source, RegisteredTaskDefinition) else set(),
        repositories={container: str(place) for container, place in repositories.items()},
        role=inputs.role_to_assume[-1] if inputs.role_to_assume else "",
    )


def _check_whose(unfinished: Unfinished, choice: Choice, application: Application, job: Job) -> None:
    brings, whose = unfinished.own.task_definition, "AWS does not return what it brings"
    if brings:
        definitions = {arn: _described(arn, job) for arn in (brings, choice.back_to)}
        whose = rollback.stranger(brings, choice.back_to, definitions, application)
    if whose:
        raise Refused(
            f"{unfinished.words}, and this application's pipeline seems not to have made it: {whose}",
            "Run rollback with --force to take it back all the same.",
        )


# ---- the target that the user names ----


def _target(to: str, plan: DeploymentPlan, selection: Selection, past: Sequence[PastDeployment], job: Job) -> str:
    """The ARN of the revision."""
    if COMMIT.fullmatch(to):
        return _of_commit(to, plan, selection, past, job)
    if not _described(to, job):
        raise Refused(f"to: there is no task definition {to} in {job.aws.region}")
    prefix = str(revisions.running(plan.service)).rpartition("/")[0]
    return to if to.startswith("arn:") else f"{prefix}/{to}"


def _of_commit(
    commit: str, plan: DeploymentPlan, selection: Selection, past: Sequence[PastDeployment], job: Job
) -> str:
    """The newest revision that ran well in this service with the commit's images."""
    named = by_container(plan.target, selection.repositories)
    newest_first = sorted(past, key=lambda each: each.created_at, reverse=True)
    arns = dict.fromkeys(each.task_definition for each in newest_first if each.well and each.task_definition)
    digests: dict[Repository, str] = {}
    for arn in list(arns)[: pace.COMMIT_REVISIONS]:
        found = ecs.task_definition(job.aws, arn) or {}
        images = revisions.images(found.get("taskDefinition", {}))
        places = named or {container: repository(uri) for container, (uri, _) in images.items()}
        digests |= {place: _digest(place, commit, job) for place in {*places.values()} - digests.keys()}
        if revisions.has_commit(found, commit, places, digests):
            return arn
    raise Refused(f"to: no revision that ran well in this service has the images of the commit {commit}", NAME_IT)


def _digest(place: Repository, commit: str, job: Job) -> str:
    """The digest of the commit's image in this repository; empty without an image, or if it is not in ECR."""
    if not (place.account or place.public):
        return ""
    tag = place.tag(commit)
    try:
        image = registry.images(job.aws, place, [tag]).get(tag)
    except (ClientError, BotoCoreError, Refused) as error:
        job.ci.line(f"image: {place}:{tag} can't be read ({code(error) or error})")
        return ""
    return image.digest if image else ""


def _described(name: str, job: Job) -> Mapping[str, Any]:
    """The task definition as DescribeTaskDefinition returns it; empty if it does not exist."""
    found: Mapping[str, Any] = (ecs.task_definition(job.aws, name) or {}).get("taskDefinition", {})
    return found
