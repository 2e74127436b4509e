"""migrate: the database migration, run inside the VPC by RunTask, followed to its exit code."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd import checkout, config, images, templates
from ecs_cd.aws import ecs, logs
from ecs_cd.aws.session import looking
from ecs_cd.core import task_definition, tasks
from ecs_cd.core.diagnosis import Finding, StoppedTask, task_failed
from ecs_cd.core.document import Document, Migration
from ecs_cd.core.errors import Refused
from ecs_cd.core.references import short
from ecs_cd.core.task_definition import TaskDefinition
from ecs_cd.core.verdict import Outcome, Verdict, Watching
from ecs_cd.interface import Migrate
from ecs_cd.job import Job, Result, together
from ecs_cd.mutation import carry_out
from ecs_cd.state import client_token
from ecs_cd.step import Step, conduct
from ecs_cd.watch import watch

STEP = Step("Migration", result="migration-result")

_NEXT_LINES = 0.2  # seconds between two looks at the rest of a log
_LONGEST_DRAIN = 15.0  # seconds
_LATE_LINES = 1.0  # seconds until we look once more for lines of a failed container that came late


@dataclass(frozen=True)
class Plan:
    """The migration task before its image is known."""

    migration: Migration
    cluster: str
    definition: TaskDefinition
    placement: dict[str, Any]


def run(inputs: Migrate, job: Job) -> int:
    """The verb by itself; its exit code."""
    document = config.load(inputs.config, job)
    commit = checkout.commit(inputs.sha, job)
    names = [document.migration.image] if document.migration else []
    plan, by_name = together(
        lambda: prepare(document, job), lambda: images.resolve(names, document.images, commit, job)
    )
    return conduct(STEP, lambda: execute(inputs, plan, by_name, job), job)


def prepare(document: Document, job: Job) -> Plan | None:
    """All that can be known, and refused, before anything is changed. ``None``: there is no migration."""
    migration = document.migration
    if migration is None:
        return None
    service_name = document.services[migration.service].name
    (definition, where), service = together(
        lambda: templates.load(migration.task_definition, job),
        lambda: ecs.active_service(job.aws, document.cluster, service_name),
    )
    task_definition.check_containers(definition, [migration.container], where=where)
    placement = _placement(service, definition)
    return Plan(migration, document.cluster, definition, placement)


def execute(inputs: Migrate, plan: Plan | None, by_name: Mapping[str, str], job: Job) -> Result:
    """Starts the migration once and follows it. ``by_name`` are the document's, by digest."""
    if plan is None:
        verdict = Verdict(Outcome.SKIPPED, "the document has no migration")
        return Result(verdict, outputs={"migration-result": Outcome.SKIPPED.value})
    container = plan.migration.container
    image = by_name[plan.migration.image]
    definition = task_definition.with_images(plan.definition, {container: image})
    arn = templates.revision(definition, job)
    deadline = job.clock.monotonic() + inputs.migration_timeout
    try:
        task = _start(inputs, plan, arn, deadline, job)
    except _NotPlaced as not_placed:
        outputs = {"migration-result": Outcome.FAILED.value}
        return Result(Verdict(Outcome.FAILED, str(not_placed)), outputs, {"task definition": short(arn)})
    follow = _Follow(task, plan, definition, job)
    verdict = watch(
        follow.look,
        follow.judge,
        lambda watching: job.ci.line(f"migration: {watching.message}"),
        clock=job.clock,
        timeout=max(0.0, deadline - job.clock.monotonic()),
        interval=lambda elapsed: 0.25 if elapsed < 5 else 0.5 if elapsed < 60 else 1.0,
    )
    return _result(verdict, follow, plan, arn, image, job)


class _NotPlaced(Exception):
    """RunTask answered that there is no place for the task: nothing was started."""


def _start(inputs: Migrate, plan: Plan, arn: str, deadline: float, job: Job) -> str:
    """The ARN of the one task that this call stands for.

    A lost answer is no reason to start another: the clientToken makes ECS answer with the first, and
    before the call is repeated we look for a task that carries it. Placement that failed for want of
    capacity is tried again until the timeout; such an answer is definite, so it is a new call.
    """
    attempt = 0
    while True:
        request = _request(plan, arn, attempt, job)
        job.state.begin(
            kind="migration",
            cluster=plan.cluster,
            family=plan.definition["family"],
            started_by=request["startedBy"],
            on_cancel=inputs.on_cancel,
            region=job.aws.region,
        )
        task, failures = _run_once(request, plan.definition["family"], job)
        if task:
            job.state.begin(task=task)
            job.ci.line(f"migration: task {short(task)} started, {short(arn)}")
            return task
        words = tasks.failure_words(failures)
        if not tasks.placement_may_heal(failures) or job.clock.monotonic() >= deadline:
            job.state.end()
            raise _NotPlaced(f"ECS can't place the migration task: {words or 'RunTask named no reason'}")
        attempt += 1
        job.ci.line(f"migration: ECS can't place the task now ({words}); trying again")
        job.clock.sleep(min(15, 2 * attempt))


def _run_once(request: dict[str, Any], family: str, job: Job) -> tuple[str, list[ecs.Json]]:
    """RunTask's answer: the task's ARN, or its failures. Every repetition has the same clientToken."""

    def run() -> tuple[str, list[ecs.Json]]:
        task, failures = ecs.run_task(job.aws, request)
        return (str(task["taskArn"]) if task else ""), failures

    def look() -> tuple[str, list[ecs.Json]] | None:
        found = ecs.started_by(job.aws, request["cluster"], family, request["startedBy"])
        return (found, []) if found else None

    try:
        return carry_out("RunTask", run, look, job, idempotent=True)  # by its clientToken
    except (ClientError, BotoCoreError):
        job.state.end()  # ECS said no: nothing was started
        raise


def _request(plan: Plan, arn: str, attempt: int, job: Job) -> dict[str, Any]:
    command = list(plan.migration.command)
    overrides = {"containerOverrides": [{"name": plan.migration.container, "command": command}]} if command else {}
    call = {
        "cluster": plan.cluster,
        "taskDefinition": arn,
        "count": 1,
        **plan.placement,
        **({"overrides": overrides} if overrides else {}),
    }
    token = client_token(job.environ, job.state.nonce, {**call, "attempt": attempt})
    return {**call, "clientToken": token, "startedBy": f"ecs-cd/{token}"}


def _placement(service: Mapping[str, Any], definition: TaskDefinition) -> dict[str, Any]:
    """The service's network settings and launch type, as RunTask takes them.

    Network settings go only with awsvpc. launchType and capacityProviderStrategy exclude each other;
    a migration does not run on FARGATE_SPOT, where it could be killed halfway.
    """
    network = service.get("networkConfiguration")
    if definition.get("networkMode") == "awsvpc" and not network:
        raise Refused(
            "the migration's task definition wants awsvpc, and the service "
            f"{service.get('serviceName')} has no network settings",
            "Let `migration.service` name a service with networkMode awsvpc.",
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
    if not any(item.get("weight") for item in kept):  # RunTask refuses a strategy without any weight
        kept[0] = {**kept[0], "weight": 1}
    return kept


@dataclass
class _Follow:
    """Follows one task: its status, and its log while it is written."""

    task: str
    plan: Plan
    definition: TaskDefinition
    job: Job
    last: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=logs.TAIL))

    def __post_init__(self) -> None:
        container = self.plan.migration.container
        options = task_definition.log_options(self.definition, container)
        self.log = logs.stream(options, container, self.task)
        if self.log is None:
            self.job.ci.warning(
                f"the log of container `{container}` can't be shown: "
                "it needs logDriver awslogs with awslogs-group and awslogs-stream-prefix"
            )

    def look(self) -> Mapping[str, Any]:
        with looking():
            self.last = ecs.task(self.job.aws, self.plan.cluster, self.task) or {}
        self.fresh = self.relay()
        return self.last

    def judge(self, task: Mapping[str, Any]) -> Verdict | Watching:
        if not task:
            return Watching("ECS does not list the task yet")
        verdict = tasks.migration_verdict(task, self.plan.migration.container)
        return verdict or Watching(tasks.status_words(task))

    def drain(self, patience: float) -> None:
        """Shows the rest of the log: until a look brings nothing new, first after ``patience`` seconds."""
        deadline = self.job.clock.monotonic() + _LONGEST_DRAIN
        fresh = self.fresh or patience > 0
        while fresh and self.job.clock.monotonic() < deadline:
            self.job.clock.sleep(patience or _NEXT_LINES)
            patience, fresh = 0.0, self.relay()

    def relay(self) -> bool:
        """Shows what the container wrote since the last time; whether there was anything."""
        if self.log is None:
            return False
        trouble = self.log.trouble
        new = list(logs.new_lines(self.job.aws, self.log))
        self.lines.extend(new)
        self.job.ci.relay(new)
        if self.log.trouble and not trouble:
            self.job.ci.warning(self.log.trouble)
        return bool(new)


def _result(verdict: Verdict, follow: _Follow, plan: Plan, arn: str, image: str, job: Job) -> Result:
    code = tasks.exit_code(follow.last, plan.migration.container)
    outputs = {
        "migration-result": verdict.outcome.value,
        "migration-task-arn": follow.task,
        "migration-exit-code": "" if code is None else str(code),
    }
    facts = {"image": image, "task definition": short(arn), "task": follow.task, "cluster": plan.cluster}
    if verdict.outcome is Outcome.UNKNOWN:
        return Result(Verdict(verdict.outcome, f"{verdict.message}; the task: {follow.task}"), outputs, facts)
    if verdict.outcome is Outcome.TIMED_OUT:
        verdict = Verdict(verdict.outcome, f"{verdict.message}; the task goes on: {follow.task}")
        finding = Finding(
            "the migration was still running", tuple(follow.lines), "Raise migration-timeout if it needs longer."
        )
        return Result(verdict, outputs, facts, [finding])
    job.state.end()
    follow.drain(0.0 if verdict.outcome.green else _LATE_LINES)
    if verdict.outcome.green:
        return Result(verdict, outputs, facts)
    return Result(verdict, outputs, facts, [task_failed(StoppedTask(follow.last, tuple(follow.lines)))])
