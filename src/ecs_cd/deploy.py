"""deploy: an ECS rolling update, followed to its verdict, with the proof of what runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd import checkout, config, images, templates
from ecs_cd.aws import ecr, ecs
from ecs_cd.aws.session import passing
from ecs_cd.core import proof, rollout, task_definition
from ecs_cd.core.document import Document, Service, choose
from ecs_cd.core.errors import Refused
from ecs_cd.core.references import repository, short
from ecs_cd.core.task_definition import TaskDefinition
from ecs_cd.core.verdict import Outcome, Verdict
from ecs_cd.interface import Deploy
from ecs_cd.job import Job, Result, together
from ecs_cd.rollouts import rolling
from ecs_cd.step import Step, conduct
from ecs_cd.watch import watch

STEP = Step("Deployment", result="result")

_FRESH = 5.0  # seconds for which a look at the service counts as one just before UpdateService
_PROOF_ATTEMPTS = 10


@dataclass(frozen=True)
class Plan:
    """What will be deployed before the images are known; ``service`` as ECS had it at ``seen_at``."""

    target: Service
    cluster: str
    definition: TaskDefinition
    service: Mapping[str, Any]
    seen_at: float


def run(inputs: Deploy, job: Job) -> int:
    """The verb by itself; its exit code."""
    document = config.load(inputs.config, job)
    commit = checkout.commit(inputs.sha, job)
    service = target(inputs, document, job)
    plan, by_name = together(
        lambda: prepare(service, document.cluster, job),
        lambda: images.resolve(service.containers.values(), document.images, commit, job),
    )
    return conduct(STEP, lambda: execute(inputs, plan, by_name, job), job)


def target(inputs: Deploy, document: Document, job: Job) -> Service:
    """The service that is meant."""
    found = document.services[choose("service", inputs.service, document.services)]
    how = "the input service" if inputs.service else "the only one"
    job.ci.line(f"service: {found.key} ({how}), {document.cluster}/{found.name}")
    return found


def prepare(target: Service, cluster: str, job: Job) -> Plan:
    """All that can be known, and refused, before anything is changed."""
    (definition, where), service = together(
        lambda: templates.load(target.task_definition, job),
        lambda: ecs.active_service(job.aws, cluster, target.name),
    )
    task_definition.check_containers(definition, target.containers, where=where)
    _check_rolling(service)
    return Plan(target, cluster, definition, service, job.clock.monotonic())


def execute(inputs: Deploy, plan: Plan, by_name: Mapping[str, str], job: Job) -> Result:
    """One UpdateService, followed to a verdict. ``by_name`` are the document's, by digest."""
    by_container = {container: by_name[name] for container, name in plan.target.containers.items()}
    definition = task_definition.with_images(plan.definition, by_container)
    arn = templates.revision(definition, job)
    service = _fresh(plan, job)
    job.state.begin(
        kind="deployment",
        cluster=plan.cluster,
        service=plan.target.name,
        task_definition=arn,
        region=job.aws.region,
    )
    try:
        mine = rolling.start(job, plan.cluster, service, arn)
    except (ClientError, BotoCoreError):
        job.state.end()  # ECS said no: nothing was changed
        raise
    job.state.begin(deployment=mine.id)
    seen = {str(event["id"]) for event in service.get("events", ())}
    follow = rolling.Rollout(job, plan.cluster, str(service["serviceName"]), mine, definition, seen)
    verdict = watch(
        follow.look,
        lambda look: rollout.judge(follow.mine, look),
        follow.say,
        clock=job.clock,
        timeout=inputs.deployment_timeout,
        interval=lambda elapsed: 0.25 if elapsed < 5 else 0.5 if elapsed < 15 else 1.5,
    )
    if verdict.outcome is Outcome.SUCCEEDED:
        verdict = _prove(verdict, plan, follow, by_container, job)
    return _result(verdict, follow, plan, arn, by_container, job)


def _check_rolling(service: Mapping[str, Any]) -> None:
    if not rollout.is_rolling(service):
        controller = service.get("deploymentController", {}).get("type", "ECS")
        strategy = service.get("deploymentConfiguration", {}).get("strategy", "")
        raise Refused(
            f"the service {service.get('serviceName')} is deployed by {controller} {strategy}".rstrip(),
            "Only ECS rolling updates can be done.",
        )


def _fresh(plan: Plan, job: Job) -> Mapping[str, Any]:
    """The service just before UpdateService: a migration may have taken long since the plan."""
    if job.clock.monotonic() - plan.seen_at < _FRESH:
        return plan.service
    return ecs.active_service(job.aws, plan.cluster, plan.target.name)


def _prove(verdict: Verdict, plan: Plan, follow: rolling.Rollout, asked: Mapping[str, str], job: Job) -> Verdict:
    """Green only if the running tasks run the digests that were asked for."""
    children: dict[str, frozenset[str]] = {}
    missing: list[str] = []
    for attempt in range(_PROOF_ATTEMPTS):
        if attempt:
            job.clock.sleep(1)
        try:
            arns = ecs.service_task_arns(job.aws, plan.cluster, follow.name, "RUNNING")
            running = ecs.tasks(job.aws, plan.cluster, arns)
            missing = proof.missing(running, follow.desired, follow.mine.task_definition, asked, children)
            if missing and not children:
                children = {image: proof.children(_manifest(image, job)) for image in asked.values()}
                missing = proof.missing(running, follow.desired, follow.mine.task_definition, asked, children)
        except (ClientError, BotoCoreError) as error:
            if not passing(error):
                raise
            missing = ["the running tasks could not be read"]
        if not missing:
            return verdict
    seconds = _PROOF_ATTEMPTS - 1
    return Verdict(Outcome.FAILED, f"ECS says COMPLETED, but {seconds} seconds later {'; '.join(missing)}")


def _manifest(image: str, job: Job) -> str:
    name, _, digest = image.partition("@")
    return ecr.manifest(job.aws, repository(name), digest)


def _result(
    verdict: Verdict, follow: rolling.Rollout, plan: Plan, arn: str, deployed: Mapping[str, str], job: Job
) -> Result:
    outputs = {
        "result": verdict.outcome.value,
        "task-definition-arn": arn,
        "deployment-id": follow.mine.id,
        "images": json.dumps(deployed, sort_keys=True),
    }
    facts = {
        "service": f"{plan.cluster}/{plan.target.name}",
        "from": short(follow.mine.previous_task_definition or ""),
        "to": short(arn),
        "images": "\n".join(f"{container}: {image}" for container, image in deployed.items()),
        "deployment": follow.mine.id,
    }
    if verdict.outcome in (Outcome.TIMED_OUT, Outcome.UNKNOWN):
        verdict = Verdict(verdict.outcome, f"{verdict.message}; ECS goes on with the deployment")
    else:
        job.state.end()
    explained = verdict.outcome.green or verdict.outcome in (Outcome.GONE, Outcome.SUPERSEDED, Outcome.UNKNOWN)
    return Result(verdict, outputs, facts, [] if explained else follow.findings())
