"""Many ECS services at once, which accept updates and go through a course of states by the clock.

fleet = Fleet(clock, {"web": COMPLETES, "worker": CRASHES}).script(aws)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from . import ecs
from .server import ScriptedAws, Time
from .wire import Params

# Seconds after UpdateService -> what the deployment is from then on.
Course: TypeAlias = Mapping[float, Params]

COMPLETES: Course = {0: {}, 20: {"rolloutState": "COMPLETED", "runningCount": 1}}
CRASHES: Course = {
    0: {},
    10: {"failedTasks": 1},
    20: {"failedTasks": 2},
    30: {"failedTasks": 3, "rolloutState": "FAILED"},
    32: {"back": "IN_PROGRESS"},
    40: {"back": "COMPLETED"},
}
STAYS: Course = {0: {}}


@dataclass
class Update:
    """An accepted UpdateService: its deployment, its revision, its time, and its course."""

    id: str
    task_definition: str
    at: float
    course: Course


@dataclass
class Fleet:
    """ECS's side. A first update goes through the service's course; an update to an earlier revision completes.

    DescribeServices returns ``events`` for every service.
    """

    clock: Time
    courses: Mapping[str, Course]
    breaker: Params = field(default_factory=lambda: {"enable": True, "rollback": True})
    desired: Mapping[str, int] = field(default_factory=dict)
    events: Sequence[Params] = ()
    updates: dict[str, list[Update]] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)

    def script(self, aws: ScriptedAws) -> Fleet:
        """Answers all requests of `deploy` to ECS."""
        for name in self.courses:
            self.updates[name] = [Update("ecs-svc/1", ecs.task_definition_arn(f"{name}:1"), -1000, COMPLETES)]
        aws.on("ecs.DescribeServices", self._describe)
        aws.on("ecs.UpdateService", self._update)
        aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
        aws.on("ecs.RegisterTaskDefinition", self._register)
        aws.on("ecs.DeregisterTaskDefinition", lambda params: {"taskDefinition": ecs.task_definition()})
        aws.on("ecs.ListTasks", self._list_tasks)
        aws.on("ecs.DescribeTasks", self._describe_tasks)
        return self

    def service(self, name: str) -> Params:
        """The service as it is now."""
        *before, last = self.updates[name]
        desired = self.desired.get(name, 1)
        ours = self._deployment(last, desired)
        back = ours.pop("back", None)
        deployments = [ours]
        if before and back:
            there = ecs.deployment("ecs-svc/back", rollout_state=back, reason=ecs.rolling_back("ecs-svc/back"))
            deployments = [there | {"taskDefinition": before[-1].task_definition}, ours | {"status": "ACTIVE"}]
        elif before and ours["rolloutState"] != "COMPLETED":
            deployments.append(
                self._deployment(before[-1], desired) | {"status": "ACTIVE", "rolloutState": "COMPLETED"}
            )
        found = ecs.service(name, deployments=deployments, desired=desired, events=self.events)
        found["deploymentConfiguration"]["deploymentCircuitBreaker"] = self.breaker
        return found

    def now(self, name: str) -> Params:
        """The service's last deployment as it is now; ``back`` is the state of its rollback."""
        return self._deployment(self.updates[name][-1], self.desired.get(name, 1))

    def _deployment(self, update: Update, desired: int) -> Params:
        since = self.clock.monotonic() - update.at
        words: Params = {}
        for seconds, changes in update.course.items():
            words |= changes if seconds <= since else {}
        base = ecs.deployment(update.id, rollout_state="IN_PROGRESS", desired=desired)
        if words.get("rolloutState") == "COMPLETED":
            words["runningCount"] = desired
        if words.get("rolloutState") == "FAILED":
            words["rolloutStateReason"] = ecs.BREAKER_TRIPPED
        return base | {"taskDefinition": update.task_definition} | words

    def _describe(self, params: Params) -> Params:
        names = [name.rpartition("/")[2] for name in params["services"]]
        return ecs.described("services", *(self.service(name) for name in names if name in self.updates))(params)

    def _update(self, params: Params) -> Params:
        name, known = params["service"], self.updates[params["service"]]
        earlier = [update.task_definition for update in known]
        course = COMPLETES if params["taskDefinition"] in earlier else self.courses[name]
        new = Update(f"ecs-svc/{len(known) + 1}", params["taskDefinition"], self.clock.monotonic(), course)
        known.append(new)
        return {"service": self.service(name)}

    def _register(self, params: Params) -> Params:
        family = params["family"]
        self.revisions[family] = self.revisions.get(family, 1) + 1
        return {"taskDefinition": ecs.task_definition(family, self.revisions[family])}

    def _list_tasks(self, params: Params) -> Params:
        if "family" in params:  # nothing runs but services
            return {"taskArns": []}
        name = params["serviceName"]
        primary = self.service(name)["deployments"][0]
        if params["desiredStatus"] == "RUNNING":
            ids = [f"{name}-{number}" for number in range(primary["runningCount"])]
        else:
            ids = [f"{name}-dead-{number}" for number in range(self.now(name)["failedTasks"])]
        return {"taskArns": [f"{ecs.PREFIX}:task/{ecs.CLUSTER}/{id}" for id in ids]}

    def _describe_tasks(self, params: Params) -> Params:
        return {"tasks": [self._task(arn.rpartition("/")[2]) for arn in params["tasks"]], "failures": []}

    def _task(self, id: str) -> Params:
        name, dead, _ = id.rpartition("-dead-")
        if not dead:
            primary = self.service(id.rpartition("-")[0])["deployments"][0]
            revision = primary["taskDefinition"].rpartition("/")[2]
            return ecs.task(id, task_definition=revision, started_by=primary["id"])
        last = self.updates[name][-1]
        return ecs.task(
            id,
            "STOPPED",
            containers=[ecs.container(status="STOPPED", exitCode=1)],
            task_definition=last.task_definition.rpartition("/")[2],
            started_by=last.id,
            stopCode="EssentialContainerExited",
            stoppedReason="Essential container in task exited",
        )


def document(names: Sequence[str], repository: str, **more: Any) -> Params:
    """A document with these services, each with a family of the same name."""
    services = {name: {"task-definition": name, "containers": {"app": "app"}} for name in names}
    return {"cluster": ecs.CLUSTER, "images": {"app": {"repository": repository}}, "services": services, **more}
