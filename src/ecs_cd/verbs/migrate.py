"""migrate: runs the database migration inside the VPC with RunTask and follows it to its exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ecs_cd.aws import ecs
from ecs_cd.diagnosis import stopped_tasks
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.document import load
from ecs_cd.document.rules.document import Document, Migration
from ecs_cd.images import resolve
from ecs_cd.inputs.migrate import Migrate
from ecs_cd.job import checkout
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import short
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.steps.step import Step, run_step
from ecs_cd.tasks import revisions, run_task, templates
from ecs_cd.tasks.rules import task_definition
from ecs_cd.tasks.rules.task_definition import TaskDefinition
from ecs_cd.tasks.run_task import NotPlaced, StandaloneTask, TrackedTask

STEP = Step("Migration", result="migration-result", phase="migrate")


@dataclass(frozen=True)
class MigrationPlan:
    """The migration task before its image is known."""

    migration: Migration
    cluster: str
    definition: TaskDefinition
    placement: dict[str, Any]


def run(inputs: Migrate, job: Job) -> int:
    """The verb on its own; its exit code."""
    document = load.load(inputs.config, job)
    commit = checkout.commit(inputs.sha, job)
    names = [document.migration.image] if document.migration else []
    plan, by_name = concurrently(
        lambda: prepare(inputs, document, job), lambda: resolve.resolve(names, document.images, commit, job)
    )
    return run_step(STEP, lambda: execute(inputs, plan, by_name, job), job)


def prepare(inputs: Migrate, document: Document, job: Job) -> MigrationPlan | None:
    """Checks everything that can be checked before anything changes. ``None`` without a migration."""
    migration = document.migration
    if migration is None:
        return None
    service_name = document.services[migration.service].name
    (definition, where, _), service = concurrently(
        lambda: templates.load(migration.task_definition, job, allow_unknown=inputs.allow_unknown_fields),
        lambda: ecs.active_service(job.aws, document.cluster, service_name),
    )
    task_definition.check_containers(definition, [migration.container], where=where)
    placement = _placement(service, definition)
    return MigrationPlan(migration, document.cluster, definition, placement)


def execute(inputs: Migrate, plan: MigrationPlan | None, by_name: Mapping[str, str], job: Job) -> Result:
    """Starts the migration once and follows it. ``by_name`` has the document's images, by digest."""
    if plan is None:
        verdict = Verdict(Outcome.SKIPPED, "the document has no migration")
        return Result(verdict, outputs={"migration-result": Outcome.SKIPPED.value})
    container = plan.migration.container
    image = by_name[plan.migration.image]
    definition = task_definition.with_images(plan.definition, {container: image})
    standalone = StandaloneTask("migration", _call(plan), definition, (container,), inputs.on_cancel)
    try:
        with _revision(definition, job) as arn:
            deadline = job.clock.monotonic() + inputs.migration_timeout
            task = run_task.start(standalone, arn, deadline, job)
    except NotPlaced as not_placed:
        outputs = {"migration-result": Outcome.FAILED.value}
        return Result(Verdict(Outcome.FAILED, str(not_placed)), outputs, {"cluster": plan.cluster})
    tracked = TrackedTask(standalone, task, job)
    verdict = run_task.follow(tracked, lambda task: stopped_tasks.migration_verdict(task, container), deadline)
    return _result(verdict, tracked, plan, arn, image)


@contextmanager
def _revision(definition: TaskDefinition, job: Job) -> Iterator[str]:
    """The revision to run. Deregisters a newly registered one if it is certain that no task was started with it."""
    known = templates.report_existing(templates.newest(definition, job), job)
    with revisions.registering(job) as new:
        arn = known or new.register(definition)
        with new.starting(arn):
            yield arn


def _call(plan: MigrationPlan) -> dict[str, Any]:
    command = list(plan.migration.command)
    overrides = {"containerOverrides": [{"name": plan.migration.container, "command": command}]} if command else {}
    return {"cluster": plan.cluster, **plan.placement, **({"overrides": overrides} if overrides else {})}


def _placement(service: Mapping[str, Any], definition: TaskDefinition) -> dict[str, Any]:
    """The service's network settings and launch type, in the form that RunTask accepts.

    Only awsvpc takes network settings. launchType and capacityProviderStrategy exclude each other.
    A migration does not run on FARGATE_SPOT, where it could be killed halfway.
    """
    network = service.get("networkConfiguration")
    if definition.get("networkMode") == "awsvpc" and not network:
        raise Refused(
            "the migration's task definition uses awsvpc, but the service "
            f"{service.get('serviceName')} has no network configuration",
            "Set `migration.service` to a service with networkMode awsvpc.",
        )
    placement: dict[str, Any] = {}
    if definition.get("networkMode") == "awsvpc":
        placement["networkConfiguration"] = network
    strategy = service.get("capacityProviderStrategy")
    if strategy:
        placement["capacityProviderStrategy"] = _without_spot(strategy)
    elif service.get("launchType"):
        placement["launchType"] = service["launchType"]
    if service.get("platformVersion") and service.get("launchType") != "EC2":
        placement["platformVersion"] = service["platformVersion"]
    return placement


def _without_spot(strategy: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = [item for item in strategy if item["capacityProvider"] != "FARGATE_SPOT"]
    if not kept:
        return [{"capacityProvider": "FARGATE", "weight": 1}]
    if not any(item.get("weight") for item in kept):  # RunTask rejects a strategy without any weight
        kept[0] = {**kept[0], "weight": 1}
    return kept


def _result(verdict: Verdict, tracked: TrackedTask, plan: MigrationPlan, arn: str, image: str) -> Result:
    code = stopped_tasks.exit_code(tracked.last, plan.migration.container)
    outputs = {
        "migration-result": verdict.outcome.value,
        "migration-task-arn": tracked.task,
        "migration-exit-code": "" if code is None else str(code),
    }
    facts = {"image": image, "task definition": short(arn), "task": tracked.task, "cluster": plan.cluster}
    if verdict.outcome is Outcome.UNKNOWN:
        return Result(Verdict(verdict.outcome, f"{verdict.message}; the task: {tracked.task}"), outputs, facts)
    if verdict.outcome is Outcome.TIMED_OUT:
        verdict = Verdict(verdict.outcome, f"{verdict.message}; the task keeps running: {tracked.task}")
        finding = Finding(
            "the migration was still running", tuple(tracked.lines), "Raise migration-timeout if it needs longer."
        )
        return Result(verdict, outputs, facts, [finding])
    if verdict.outcome.green:
        return Result(verdict, outputs, facts)
    return Result(verdict, outputs, facts, [tracked.finding()])
