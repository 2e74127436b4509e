"""What AWS answers: the world as ECS and ECR tell it, late where a list lags."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.scripted_aws import Answer, Params, ecs, error, moment

from .world import FAMILY, US, Attempt, Mutation, Task, World

REPOSITORY = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/my-app"
CHILD = "sha256:" + "c" * 64  # a manifest in the index that was asked for
ELSE = "sha256:" + "e" * 64
SERVICE = f"{ecs.PREFIX}:service/{ecs.CLUSTER}/{FAMILY}"
_SHIFTED = ("POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP")
_GROUP = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup"
_BALANCER = {
    "targetGroupArn": f"{_GROUP}/blue/1",
    "containerName": "app",
    "containerPort": 80,
    "advancedConfiguration": {"alternateTargetGroupArn": f"{_GROUP}/green/2"},
}
_MISSING = {"services": [], "failures": [{"arn": SERVICE, "reason": "MISSING"}]}


class Answers:
    """Every operation of ECS and ECR that a deployment uses.

    ``digest``: what the tasks of our revision report. ``lags`` are the seconds by which an operation's answer is older
    than the truth.
    """

    def __init__(self, world: World, digest: str = ecs.DIGEST, lags: dict[str, float] | None = None) -> None:
        self.world, self.digest, self.lags = world, digest, lags or {}
        self.shown: dict[int, float] = {}  # when an answer first showed an attempt
        self.last_shown: float | None = None
        self._last: list[int] = []
        self._views: list[tuple[float, dict[str, Any]]] = []
        world.changed = self._remember if self.lags else lambda: None
        self._remember()

    def operations(self) -> dict[str, Callable[[Params], Answer]]:
        return {
            "ecr.BatchGetImage": self.batch_get_image,
            "ecs.DescribeTaskDefinition": self.describe_task_definition,
            "ecs.RegisterTaskDefinition": self.register_task_definition,
            "ecs.DeregisterTaskDefinition": self.deregister_task_definition,
            "ecs.ListTaskDefinitions": self.list_task_definitions,
            "ecs.DescribeServices": self.describe_services,
            "ecs.UpdateService": self.update_service,
            "ecs.ListTasks": self.list_tasks,
            "ecs.DescribeTasks": self.describe_tasks,
            "ecs.GetTaskProtection": lambda _: {"protectedTasks": [], "failures": []},
            "ecs.ListServiceDeployments": self.list_service_deployments,
            "ecs.DescribeServiceDeployments": self.describe_service_deployments,
            "ecs.DescribeServiceRevisions": self.describe_service_revisions,
            "ecs.StopServiceDeployment": self.stop_service_deployment,
            "ecs.ContinueServiceDeployment": self.continue_service_deployment,
        }

    # ---- now, and a while ago ----

    def _remember(self) -> None:
        self._views.append((self.world.now, {name: self._part(name) for name in self.lags}))
        del self._views[:-200]

    def _part(self, operation: str) -> Any:
        """What an operation shows, as of now."""
        world = self.world
        match operation:
            case "ecs.DescribeServices":
                return self._services(), [one.number for one in world.listed()]
            case "ecs.ListTasks" | "ecs.DescribeTasks":
                return [self._listed_task(task) for one in world.attempts for task in one.tasks[-40:]]
            case "ecs.ListServiceDeployments":
                return [self.brief(one) for one in world.attempts if not one.back_of]
            case _:
                return None

    def _services(self) -> Params:
        return _MISSING if self.world.status == "MISSING" else {"services": [self.service()], "failures": []}

    def _seen(self, operation: str) -> Any:
        lag = self.lags.get(operation)
        if not lag:
            return self._part(operation)
        late = self.world.now - lag
        return next((view for at, view in reversed(self._views) if at <= late), self._views[0][1])[operation]

    # ---- images and task definitions ----

    def image_of(self, revision: int) -> str:
        found = self.world.revisions.get(revision, {}).get("containerDefinitions", [{}])[0].get("image", "")
        return str(found)

    def is_asked(self, revision: int) -> bool:
        """Whether it runs the image that our job deploys."""
        return self.image_of(revision) == f"{REPOSITORY}@{ecs.DIGEST}"

    def batch_get_image(self, params: Params) -> Params:
        image_id = {"imageDigest": ecs.DIGEST, **params["imageIds"][0]}
        manifest = json.dumps({"manifests": [{"digest": CHILD}]})
        return {"images": [{"imageId": image_id, "imageManifest": manifest}], "failures": []}

    def describe_task_definition(self, params: Params) -> Answer:
        name = params["taskDefinition"].rpartition("/")[2]
        family, _, number = name.partition(":")
        revision = int(number or self.world.newest())
        if family != FAMILY or revision not in self.world.revisions:
            return error("ClientException", "Unable to describe task definition.")
        return {"taskDefinition": self._definition(revision), "tags": []}

    def _definition(self, revision: int) -> Params:
        told = ecs.task_definition(FAMILY, revision, **self.world.revisions[revision])
        return told | {"status": "INACTIVE" if revision in self.world.inactive else "ACTIVE"}

    def register_task_definition(self, params: Params) -> Params:
        known = {key: value for key, value in params.items() if key not in ("family", "tags")}
        return {"taskDefinition": self._definition(self.world.register(known))}

    def deregister_task_definition(self, params: Params) -> Params:
        revision = _revision(params["taskDefinition"])
        users = [one for one in self.world.listed() if one.revision == revision]
        self._note("ecs.DeregisterTaskDefinition", params, users[0] if users else None)
        self.world.inactive.add(revision)
        return {"taskDefinition": self._definition(revision)}

    def list_task_definitions(self, params: Params) -> Params:
        active = sorted((one for one in self.world.revisions if one not in self.world.inactive), reverse=True)
        return {"taskDefinitionArns": [_arn(revision) for revision in active]}

    # ---- services ----

    def describe_services(self, params: Params) -> Params:
        told: Params
        told, self._last = self._seen("ecs.DescribeServices")
        return told

    def delivered(self, operation: str) -> None:
        """The answer has arrived: from now on we know what it shows."""
        if operation == "ecs.DescribeServices":
            self.last_shown = self.world.now
            for number in self._last:
                self.shown.setdefault(number, self.world.now)

    def service(self) -> Params:
        world = self.world
        told = ecs.service(
            FAMILY,
            deployments=[self.deployment(one) for one in world.listed()],
            desired=world.desired,
            events=[ecs.event(message, at, FAMILY) for at, message in world.events[:-8:-1]],
            status=world.status,
            loadBalancers=[_BALANCER] if world.strategy != "ROLLING" else [],
        )
        return told | {"deploymentConfiguration": {**told["deploymentConfiguration"], **world.configuration}}

    def deployment(self, one: Attempt) -> Params:
        return ecs.deployment(
            one.id,
            one.status,
            f"{FAMILY}:{one.revision}",
            one.state,
            one.reason,
            desired=one.desired if one.status == "PRIMARY" else 0,
            running=one.count("RUNNING"),
            pending=one.count("PENDING"),
            failed=one.failed_tasks,
            created=one.created,
        )

    def update_service(self, params: Params) -> Answer:
        world = self.world
        if world.status != "ACTIVE":
            return error("ServiceNotActiveException")
        before, was_open = world.primary, world.primary.open
        revision = _revision(params["taskDefinition"]) if "taskDefinition" in params else None
        new = world.update(US, revision, force=params.get("forceNewDeployment", False))  # type: ignore[attr-defined]
        self._note("ecs.UpdateService", params, new, before, was_open)
        self.shown[new.number] = world.now
        return {"service": self.service()}

    def _note(
        self,
        operation: str,
        params: Params,
        target: Attempt | None,
        before: Attempt | None = None,
        was_open: bool = False,
    ) -> None:
        foreign = before if before and before.by != US and before is not target else None
        shown = self.shown.get(foreign.number) if foreign else None
        mutation = Mutation(self.world.now, operation, params, target, foreign, was_open, shown, self.last_shown)
        self.world.mutations.append(mutation)

    # ---- tasks ----

    def _listed_task(self, task: Task) -> Params:
        stopped = task.status == "STOPPED"
        revision = task.attempt.revision
        digest = self.digest if self.is_asked(revision) else self.image_of(revision).partition("@")[2]
        container = ecs.container("app", task.status, **({"exitCode": 1} if stopped and task.started else {}))
        if digest:
            container["imageDigest"] = digest
        else:
            del container["imageDigest"]
        told = ecs.task(
            task.id,
            task.status,
            containers=[container],
            task_definition=f"{FAMILY}:{task.attempt.revision}",
            started_by=task.attempt.id,
            created=task.created,
        )
        if task.code:
            told |= {"stopCode": task.code, "stoppedReason": task.reason}
        return told | {"desiredStatus": task.wanted, **({"stoppedAt": moment(task.stopped)} if task.stopped else {})}

    def list_tasks(self, params: Params) -> Params:
        wanted = params.get("desiredStatus", "RUNNING")
        tasks = self._seen("ecs.ListTasks")
        return {"taskArns": [task["taskArn"] for task in tasks if task["desiredStatus"] == wanted]}

    def describe_tasks(self, params: Params) -> Params:
        known = {task["taskArn"]: task for task in self._seen("ecs.DescribeTasks")}
        missing = [{"arn": arn, "reason": "MISSING"} for arn in params["tasks"] if arn not in known]
        return {"tasks": [known[arn] for arn in params["tasks"] if arn in known], "failures": missing}

    # ---- service deployments ----

    def brief(self, one: Attempt) -> Params:
        return {
            "serviceDeploymentArn": _service_deployment(one),
            "serviceArn": SERVICE,
            "targetServiceRevisionArn": _service_revision(one),
            "createdAt": moment(one.created),
            "status": one.rollout,
            **({"statusReason": one.why} if one.why else {}),
        }

    def list_service_deployments(self, params: Params) -> Params:
        created, statuses = params.get("createdAt", {}), params.get("status")
        found = [
            each
            for each in self._seen("ecs.ListServiceDeployments")
            if (not statuses or each["status"] in statuses)
            and ("after" not in created or each["createdAt"] >= created["after"])
            and ("before" not in created or each["createdAt"] <= created["before"])
        ]
        return {"serviceDeployments": found[::-1]}

    def describe_service_deployments(self, params: Params) -> Params:
        known = {_service_deployment(one): one for one in self.world.attempts if not one.back_of}
        asked = params["serviceDeploymentArns"]
        return {
            "serviceDeployments": [self.service_deployment(known[arn]) for arn in asked if arn in known],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in asked if arn not in known],
        }

    def service_deployment(self, one: Attempt) -> Params:
        told = self.brief(one)
        del told["targetServiceRevisionArn"]
        sources = [{"arn": _service_revision(one.source)}] if one.source else []
        target = {
            "arn": _service_revision(one),
            "requestedTaskCount": one.desired,
            "runningTaskCount": one.count("RUNNING"),
            "pendingTaskCount": one.count("PENDING"),
        }
        back = (
            {"reason": one.why, "serviceRevisionArn": sources[0]["arn"]} if one.failed is not None and sources else {}
        )
        return {
            **told,
            "clusterArn": f"{ecs.PREFIX}:cluster/{ecs.CLUSTER}",
            "sourceServiceRevisions": sources,
            "targetServiceRevision": target,
            "deploymentConfiguration": self.service()["deploymentConfiguration"],
            **({"rollback": back} if back else {}),
            **(self._stage(one, target) if one.stage else {}),
        }

    def _stage(self, one: Attempt, target: Params) -> Params:
        """What a deployment in stages tells of its own."""
        shifted = one.completed is not None or one.stage in _SHIFTED
        target["requestedProductionTrafficWeight"] = 100.0 if shifted and one.failed is None else 0.0
        hook: Params = {"hookId": "hook-1", "targetType": "PAUSE", "status": one.hook}
        if one.hook in ("AWAITING_ACTION", "TIMED_OUT", "SUCCEEDED"):
            hook |= {"expiresAt": moment(one.hook_expires), "timeoutAction": one.hook_timeout}
        else:
            hook |= {
                "targetType": "AWS_LAMBDA",
                "targetArn": "arn:aws:lambda:ap-northeast-1:123456789012:function:check",
            }
        breaker = {"status": "MONITORING", "failureCount": one.failed_tasks, "threshold": self.world.threshold()}
        return {
            "lifecycleStage": one.stage,
            "lifecycleHookDetails": [hook] if one.hook else [],
            "deploymentCircuitBreaker": breaker,
            **self._alarms(one),
        }

    def _alarms(self, one: Attempt) -> Params:
        names = self.world.configuration.get("alarms", {}).get("alarmNames", [])
        if not names or "alarm" not in one.why:
            return {}
        return {"alarms": {"status": "TRIGGERED", "alarmNames": names, "triggeredAlarmNames": names}}

    def stop_service_deployment(self, params: Params) -> Answer:
        one = self._named(params)
        self._note("ecs.StopServiceDeployment", params, one)
        if one is None:
            return error("ServiceDeploymentNotFoundException")
        stopped = self.world.stop(one)  # type: ignore[attr-defined]
        return {"serviceDeploymentArn": params["serviceDeploymentArn"]} if stopped else error("ConflictException")

    def continue_service_deployment(self, params: Params) -> Answer:
        one = self._named(params)
        self._note("ecs.ContinueServiceDeployment", params, one)
        if one is None:
            return error("ServiceDeploymentNotFoundException")
        goes_on = self.world.proceed(one, params["action"])  # type: ignore[attr-defined]
        return {"serviceDeploymentArn": params["serviceDeploymentArn"]} if goes_on else error("ConflictException")

    def _named(self, params: Params) -> Attempt | None:
        named = (one for one in self.world.attempts if _service_deployment(one) == params["serviceDeploymentArn"])
        return next(named, None)

    def describe_service_revisions(self, params: Params) -> Params:
        known = {_service_revision(one): one for one in self.world.attempts}
        found = [(arn, known[arn]) for arn in params["serviceRevisionArns"] if arn in known]
        return {
            "serviceRevisions": [
                {
                    "serviceRevisionArn": arn,
                    "serviceArn": SERVICE,
                    "taskDefinition": _arn(one.revision),
                    "containerImages": [{"containerName": "app", "image": self.image_of(one.revision)}],
                }
                for arn, one in found
            ],
            "failures": [
                {"arn": arn, "reason": "MISSING"} for arn in params["serviceRevisionArns"] if arn not in known
            ],
        }


def _revision(name: str) -> int:
    return int(name.rpartition(":")[2])


def _arn(revision: int) -> str:
    return ecs.task_definition_arn(f"{FAMILY}:{revision}")


def _service_deployment(one: Attempt) -> str:
    return f"{ecs.PREFIX}:service-deployment/{ecs.CLUSTER}/{FAMILY}/{one.number}"


def _service_revision(one: Attempt) -> str:
    """Of a rollback it is that of what it goes back to."""
    target = one.back_of.source if one.back_of and one.back_of.source else one
    return f"{ecs.PREFIX}:service-revision/{ecs.CLUSTER}/{FAMILY}/{target.number}"
