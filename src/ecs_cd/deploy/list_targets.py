"""`rollback` with `list`: reads what each service can go back to, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecr, ecs
from ecs_cd.aws.errors import code
from ecs_cd.deploy import restorable, rollback
from ecs_cd.deploy.existing import Selection
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules import targets
from ecs_cd.deploy.rules.history import PastDeployment
from ecs_cd.deploy.rules.targets import Target
from ecs_cd.document.rules.document import by_container
from ecs_cd.inputs.rollback import Rollback
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import DIGEST, Repository, image_reference, repository, short
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.tasks.rules.revisions import running


def result(plans: Sequence[DeploymentPlan], selection: Selection, inputs: Rollback, job: Job) -> Result:
    """The tables of all services, as parts of the summary and as the output ``targets``."""
    texts, found = {}, {}
    for plan in plans:
        listed, default, words = _service(plan, selection, inputs, job)
        title = f"{plan.target.key}: {words}"
        texts[title] = targets.lines(listed) if listed else ["AWS lists no deployment of this service."]
        found[plan.target.key] = targets.as_json(listed, default)
        job.ci.line(title)
        job.ci.relay(texts[title])
    verdict = Verdict(Outcome.SKIPPED, "list: nothing was changed")
    outputs = {"result": verdict.outcome.value, "targets": json.dumps(found, sort_keys=True)}
    return Result(verdict, outputs, texts=texts)


def _service(plan: DeploymentPlan, selection: Selection, inputs: Rollback, job: Job) -> tuple[list[Target], str, str]:
    """The revisions, the one that a rollback goes back to, and what it does in words."""
    past, (default, words) = concurrently(
        lambda: rollback.known_history(plan, job), lambda: _default(plan, selection, inputs, job)
    )
    named = targets.revisions(past, str(running(plan.service)))[: pace.LISTED_REVISIONS]
    places = by_container(plan.target, selection.repositories)
    found = concurrently(*(partial(_target, each, state, places, job) for each, state in named))
    return found, default, words


def _default(plan: DeploymentPlan, selection: Selection, inputs: Rollback, job: Job) -> tuple[str, str]:
    try:
        choice = rollback.decide(plan, selection, inputs, job)
    except Refused as refused:
        why = [each.removeprefix(f"{plan.target.key}: ") for each in refused.problems]
        return "", f"rollback refuses: {'; '.join(why)}"
    return choice.back_to, f"rollback goes back to {short(choice.back_to)}: {choice.words}"


def _target(past: PastDeployment, state: str, places: Mapping[str, Repository], job: Job) -> Target:
    described: Mapping[str, Any] = ecs.task_definition(job.aws, past.task_definition) or {}
    definition = described.get("taskDefinition", {})
    images = {str(each["name"]): str(each.get("image", "")) for each in definition.get("containerDefinitions", ())}
    tags = {name: _tags(image, job) for name, image in images.items()}
    ours = places or {name: repository(image_reference(image)[0]) for name, image in images.items()}
    ours = {name: place for name, place in ours.items() if tags.get(name)}
    obstacles = restorable.obstacles(definition, job)
    return Target(past, state, targets.commits(described, tags, ours), images, obstacles)


def _tags(image: str, job: Job) -> list[str]:
    """All tags of an image in ECR; the tag that the task definition names, if nothing else is known."""
    uri, version = image_reference(image)
    place = repository(uri)
    if not DIGEST.fullmatch(version):
        return [version]
    try:
        return ecr.tags(job.aws, place, version) if place.account else []
    except (ClientError, BotoCoreError) as error:
        job.ci.line(f"image: the tags of {image} can't be read ({code(error) or error})")
        return []
