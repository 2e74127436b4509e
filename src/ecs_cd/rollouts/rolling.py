"""ECS rolling updates: start one, look at it, collect what its dead tasks tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecs, logs
from ecs_cd.aws.session import code, looking, passing
from ecs_cd.core import diagnosis, rollout, task_definition, tasks
from ecs_cd.core.diagnosis import Finding, StoppedTask
from ecs_cd.core.references import short
from ecs_cd.core.rollout import Look, Mine
from ecs_cd.core.task_definition import TaskDefinition
from ecs_cd.core.verdict import Watching
from ecs_cd.job import Job
from ecs_cd.mutation import carry_out

_TASKS_EVERY = 10.0  # seconds between two looks at the stopped tasks while nothing else changes
_TAILS = 2  # logs read for each cause
_LATE_LINES = 1.0  # seconds until we look once more for a log that had no lines


def start(job: Job, cluster: str, service: Mapping[str, Any], arn: str) -> Mine:
    """One UpdateService, and the deployment that is ours by its answer.

    Without a call where the service is at this task definition, or on the way to it, already. After a
    lost answer it is looked for before the call is repeated.
    """
    before = rollout.primary(service)
    previous = before.get("taskDefinition")
    if rollout.works_towards(service, arn):
        job.ci.line(f"deploy: {short(arn)} is what the service has already")
        return Mine(str(before["id"]), arn, previous)
    name = str(service["serviceName"])

    def update() -> Mapping[str, Any]:
        # The same revision again, after it failed, is a deployment only by force.
        updated = ecs.update_service(job.aws, cluster, name, arn, force=previous == arn)
        return rollout.primary(updated)

    def look() -> Mapping[str, Any] | None:
        current = rollout.primary(ecs.active_service(job.aws, cluster, name))
        is_ours = current.get("taskDefinition") == arn and current.get("id") != before.get("id")
        return current if is_ours else None

    mine = carry_out("UpdateService", update, look, job)
    job.ci.line(f"deploy: deployment {mine['id']} started, {short(str(previous))} -> {short(arn)}")
    return Mine(str(mine["id"]), arn, previous, str(before.get("id")))


@dataclass
class Rollout:
    """Looks at one deployment, and says what is new: events, dead tasks with their cause."""

    job: Job
    cluster: str
    name: str
    mine: Mine
    definition: TaskDefinition
    seen_events: set[str]
    desired: int = 0
    events: list[str] = field(default_factory=list)
    stopped: dict[str, StoppedTask] = field(default_factory=dict)
    _fingerprint: object = None
    _tasks_seen_at: float = 0.0
    _failed_at: float | None = None
    _said: set[str] = field(default_factory=set)

    def look(self) -> Look:
        with looking():
            service = ecs.look_at_service(self.job.aws, self.cluster, self.name)
            if service is None:
                return Look(None)
            failed_for = self._failed_for(service)
            current = rollout.primary(service)
            ambiguous = failed_for is not None or current.get("id") != self.mine.id
            status = self._service_deployment_status(service) if ambiguous else None
        self.desired = int(service.get("desiredCount", 0))
        if current.get("taskDefinition") == self.mine.task_definition and current["id"] != self.mine.id:
            self.job.ci.line(f"deploy: deployment {current['id']} took over with our task definition")
            self.mine = replace(self.mine, id=str(current["id"]))
        self._say_events(service)
        if self._worth_a_look(service):
            self._gather()
        return Look(service, len(self.stopped), failed_for, status)

    def say(self, watching: Watching) -> None:
        """What is new; the first alarm as an error, for there are but ten annotations a step."""
        if watching.alarming and self._first_time("alarm"):
            self.job.ci.error(watching.message, title="Deployment")
        else:
            self.job.ci.line(f"deploy: {watching.message}")

    def findings(self) -> list[Finding]:
        """The causes of a failure, after a last look at the dead tasks and at logs that came late."""
        self._gather()
        told = {diagnosis.task_failed(one).cause for one in self.stopped.values() if one.log}
        late = [one for one in self.stopped.values() if diagnosis.task_failed(one).cause not in told][:_TAILS]
        if late:
            self.job.clock.sleep(_LATE_LINES)
            self.stopped |= {str(one.task["taskArn"]): self._with_log(one.task) for one in late}
        return diagnosis.deployment_failed(list(self.stopped.values()), self.events[-10:])

    def _failed_for(self, service: Mapping[str, Any]) -> float | None:
        if self._failed_at is None and rollout.has_failed(self.mine, service):
            self._failed_at = self.job.clock.monotonic()
        return None if self._failed_at is None else self.job.clock.monotonic() - self._failed_at

    def _say_events(self, service: Mapping[str, Any]) -> None:
        new = diagnosis.new_events(service, self.seen_events)
        self.seen_events |= {str(event["id"]) for event in service.get("events", ())}
        self.events += new
        for message in new:
            self.job.ci.line(f"  event: {message}")

    def _worth_a_look(self, service: Mapping[str, Any]) -> bool:
        ours = rollout.own(self.mine, service)
        if ours.get("rolloutState") == "COMPLETED":
            return False
        counts = ("failedTasks", "runningCount", "pendingCount", "rolloutState")
        fingerprint = (*(ours.get(name) for name in counts), len(self.seen_events))
        first, changed = self._fingerprint is None, fingerprint != self._fingerprint
        self._fingerprint = fingerprint
        now = self.job.clock.monotonic()
        due = changed or now - self._tasks_seen_at >= _TASKS_EVERY
        if first or due:
            self._tasks_seen_at = now
        return due and not first  # at first nothing can have died

    def _gather(self) -> None:
        """Adds the tasks that died since, and says each new cause. It is evidence, and never the verdict:
        what can't be read is said once, and left out."""
        try:
            arns = ecs.service_task_arns(self.job.aws, self.cluster, self.name, "STOPPED")
            new = ecs.tasks(self.job.aws, self.cluster, [arn for arn in arns if arn not in self.stopped])
        except (ClientError, BotoCoreError) as error:
            if self._first_time("unreadable tasks"):
                self.job.ci.warning(f"the stopped tasks can't be read ({code(error) or type(error).__name__})")
            return
        for task in new:
            if rollout.died(task, self.mine):
                self._note(task)

    def _note(self, task: Mapping[str, Any]) -> None:
        cause = diagnosis.task_failed(StoppedTask(task)).cause
        alike = sum(diagnosis.task_failed(one).cause == cause for one in self.stopped.values())
        # Of many tasks that died alike the logs say the same, and each costs a call.
        noted = self._with_log(task) if alike < _TAILS else StoppedTask(task)
        self.stopped[str(task["taskArn"])] = noted
        if self._first_time(cause):
            self.job.ci.line(f"deploy: a task died: {cause}")
            self.job.ci.relay(diagnosis.task_failed(noted).evidence)

    def _with_log(self, task: Mapping[str, Any]) -> StoppedTask:
        for culprit in tasks.failed_containers(task):
            name = str(culprit.get("name", ""))
            log = logs.stream(task_definition.log_options(self.definition, name), name, str(task["taskArn"]))
            lines = logs.tail(self.job.aws, log) if log else ()
            if log and log.trouble and self._first_time(log.trouble):
                self.job.ci.warning(log.trouble)
            if lines:
                return StoppedTask(task, lines)
        return StoppedTask(task)

    def _first_time(self, what: str) -> bool:
        first = what not in self._said
        self._said.add(what)
        return first

    def _service_deployment_status(self, service: ecs.Json) -> str | None:
        try:
            return ecs.service_deployment_status(self.job.aws, self.cluster, service, self.mine.task_definition)
        except (ClientError, BotoCoreError) as error:
            if passing(error):
                raise
            return None  # no permission, or an ECS that does not have this call: DescribeServices has to do
