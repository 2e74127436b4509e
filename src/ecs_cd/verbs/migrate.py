"""migrate: runs the database migration, and the tasks after it, inside the VPC and follows each to its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ecs_cd.diagnosis import stopped_tasks
from ecs_cd.document import load
from ecs_cd.document.rules.document import MIGRATION, Document, OneOffTask
from ecs_cd.images import attestations, handed_over, resolve
from ecs_cd.inputs.migrate import Migrate, MigrateAlone
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.job.services import active_services
from ecs_cd.locks.gate import Gate
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import short
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.steps.step import Step, run_steps
from ecs_cd.tasks import earlier, revisions, run_task, templates
from ecs_cd.tasks.loader import Loader
from ecs_cd.tasks.rules import comparison, origin, task_definition
from ecs_cd.tasks.rules.task_definition import TaskDefinition
from ecs_cd.tasks.standalone import NotStarted, StandaloneTask
from ecs_cd.tasks.tracked import TrackedTask, follow

STEP = Step("Migration", result="migration-result", phase="migrate")

Images = Mapping[str, str]  # the document's images, by digest


@dataclass(frozen=True)
class TaskPlan:
    """The migration or a task after it, before its image is known."""

    task: OneOffTask
    cluster: str
    definition: TaskDefinition
    placement: dict[str, Any]


def run(inputs: MigrateAlone, job: Job) -> int:
    """The verb on its own; its exit code."""
    document = load.load(inputs.config, job)
    gate = Gate(document, inputs.override, job)
    names = [task.image for task in document.one_off_tasks]
    found = handed_over.find(inputs, document, job, needed=bool(names))
    plans, by_name = concurrently(
        lambda: prepare(inputs, document, job),
        lambda: attestations.verified(
            resolve.resolve(names, document.images, found.commit, job, digests=found.digests),
            inputs,
            document,
            job,
        ),
    )
    return run_steps(steps(inputs, plans, by_name, found.commit, gate, job), job)


def prepare(inputs: Migrate, document: Document, job: Job) -> list[TaskPlan]:
    """Checks everything that can be checked before anything changes: for the migration and each task after it."""
    tasks = document.one_off_tasks
    loader = Loader(document, inputs.environment_variables, inputs.allow_unknown_fields, job)
    names = list(dict.fromkeys(document.services[task.service].name for task in tasks))
    loaded, services = concurrently(
        lambda: concurrently(*(partial(loader.load, task) for task in tasks)),
        lambda: active_services(job, document.cluster, names) if names else {},
    )

    def plan(task: OneOffTask, definition: TaskDefinition) -> TaskPlan:
        service = services[document.services[task.service].name]
        return TaskPlan(task, document.cluster, definition, _placement(service, definition, task.path))

    return concurrently(*(partial(plan, task, each.definition) for task, each in zip(tasks, loaded, strict=True)))


def steps(
    inputs: Migrate, plans: Sequence[TaskPlan], by_name: Images, commit: str, gate: Gate, job: Job
) -> list[tuple[Step, Callable[[], Result]]]:
    """The migration, and then each task, as steps in their order."""
    tasks: dict[str, dict[str, str]] = {}  # the output of this name, which each task's step completes
    found: list[tuple[Step, Callable[[], Result]]] = []
    if not plans or plans[0].task.key != MIGRATION:
        found.append((STEP, _no_migration))
    for plan in plans:
        call = partial(_execute, inputs, plan, by_name, commit, gate, job)
        if plan.task.key == MIGRATION:
            found.append((STEP, call))
        else:
            found.append((Step(f"Task {plan.task.key}", phase=plan.task.key), partial(_as_task, call, plan, tasks)))
    return found


def _no_migration() -> Result:
    verdict = Verdict(Outcome.SKIPPED, "the document has no migration")
    return Result(verdict, outputs={"migration-result": Outcome.SKIPPED.value})


def _as_task(call: Callable[[], Result], plan: TaskPlan, tasks: dict[str, dict[str, str]]) -> Result:
    """The result with the output `tasks` instead of the migration's outputs."""
    result = call()
    tasks[plan.task.key] = {name.removeprefix("migration-"): value for name, value in result.outputs.items()}
    return replace(result, outputs={"tasks": json.dumps(tasks)})


def _execute(inputs: Migrate, plan: TaskPlan, by_name: Images, commit: str, gate: Gate, job: Job) -> Result:
    """Starts the task once and follows it."""
    image = by_name[plan.task.image]
    standalone = replace(_standalone(inputs, plan, image, commit, job), may_start=partial(gate.check, job))
    try:
        arn, task = "", earlier.of_other_runs(standalone, job)
        deadline = job.clock.monotonic() + inputs.migration_timeout
        if not task:
            standalone.may_start()
            with _revision(standalone.definition, job) as arn:
                task = run_task.start(standalone, arn, deadline, job)
    except NotStarted as not_started:
        outputs = {"migration-result": not_started.verdict.outcome.value}
        facts, page = {"cluster": plan.cluster}, job.aws.console().cluster(plan.cluster)
        result = Result(not_started.verdict, outputs, facts, not_started.findings, links={"cluster": page})
        return result.of_commit(commit, job.run)
    tracked = TrackedTask(standalone, task, job)
    return _result(follow(tracked, deadline), tracked, arn, image).of_commit(commit, job.run)


def _standalone(inputs: Migrate, plan: TaskPlan, image: str, commit: str, job: Job) -> StandaloneTask:
    container, call = plan.task.container, _call(plan)
    definition = task_definition.with_images(plan.definition, {container: image})
    work = [comparison.canonical(definition), call.get("overrides"), plan.task.key]
    return StandaloneTask(
        what=plan.task.key,
        call=call,
        definition=definition,
        containers=(container,),
        judge=lambda task: stopped_tasks.migration_verdict(task, container),
        named=container,
        on_cancel=inputs.on_cancel,
        timeout=inputs.migration_timeout,
        origin=origin.of(job.run, job.state.nonce, commit, work),
        on_conflict=inputs.migration_conflict,
    )


@contextmanager
def _revision(definition: TaskDefinition, job: Job) -> Iterator[str]:
    """The revision to run. Deregisters a newly registered one if it is certain that no task was started with it."""
    known = templates.report_existing(templates.newest(definition, job), job)
    with revisions.registering(job) as new:
        arn = known or new.register(definition)
        with new.starting(arn):
            yield arn


def _call(plan: TaskPlan) -> dict[str, Any]:
    command = list(plan.task.command)
    overrides = {"containerOverrides": [{"name": plan.task.container, "command": command}]} if command else {}
    return {"cluster": plan.cluster, **plan.placement, **({"overrides": overrides} if overrides else {})}


def _placement(service: Mapping[str, Any], definition: TaskDefinition, path: str) -> dict[str, Any]:
    """The service's network settings and launch type, in the form that RunTask accepts.

    Only awsvpc takes network settings. launchType and capacityProviderStrategy exclude each other.
    A migration does not run on FARGATE_SPOT, where it could be killed halfway.
    """
    network = service.get("networkConfiguration")
    if definition.get("networkMode") == "awsvpc" and not network:
        raise Refused(
            f"{path}: the task definition uses awsvpc, but the service {service.get('serviceName')} has no network "
            "configuration",
            f"Set `{path}.service` to a service with networkMode awsvpc.",
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


def _result(verdict: Verdict, tracked: TrackedTask, arn: str, image: str) -> Result:
    code = stopped_tasks.exit_code(tracked.last, tracked.standalone.named)
    outputs = {
        "migration-result": verdict.outcome.value,
        "migration-task-arn": tracked.task,
        "migration-exit-code": "" if code is None else str(code),
    }
    revision = short(arn or str(tracked.last.get("taskDefinitionArn", "")))
    facts = {"image": image, "task definition": revision, "task": tracked.task, "cluster": tracked.standalone.cluster}
    findings = [] if verdict.outcome.green else [tracked.finding()]
    if verdict.outcome in (Outcome.TIMED_OUT, Outcome.UNKNOWN):
        verdict, findings = tracked.undecided(verdict, "Raise migration-timeout if it needs longer.")
    return Result(verdict, outputs, facts, findings, links=_links(tracked, revision, image))


def _links(tracked: TrackedTask, revision: str, image: str) -> dict[str, str]:
    """The pages of the facts in the AWS console, and the log's."""
    console, cluster = tracked.job.aws.console(), tracked.standalone.cluster
    return {
        "image": console.image(image),
        "task definition": console.task_definition(revision),
        "task": console.task(cluster, tracked.task),
        "cluster": console.cluster(cluster),
        "log": tracked.page,
    }
