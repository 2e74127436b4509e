"""What CodeDeploy answers, and ECS of a service that CodeDeploy deploys."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from tests.scripted_aws import Answer, Params, codedeploy, error, moment

from .answers import Answers
from .codedeploy import CodeDeploy
from .world import FAMILY, US, Attempt


class CodeDeployAnswers(Answers):
    """The group is the one that ecs-cd expects for the service."""

    world: CodeDeploy

    def operations(self) -> dict[str, Callable[[Params], Answer]]:
        return {
            **super().operations(),
            "codedeploy.GetDeploymentGroup": self.get_deployment_group,
            "codedeploy.ListDeployments": self.list_deployments,
            "codedeploy.BatchGetDeployments": self.batch_get_deployments,
            "codedeploy.BatchGetDeploymentTargets": self.batch_get_deployment_targets,
            "codedeploy.CreateDeployment": self.create_deployment,
            "codedeploy.StopDeployment": self.stop_deployment,
            "codedeploy.ContinueDeployment": self.continue_deployment,
        }

    # ---- ECS ----

    def service(self) -> Params:
        """No deployments, but task sets: that of the traffic, and others while they have tasks."""
        world = self.world
        sets = [self._task_set(one) for one in world.listed() if not one.back_of]
        return codedeploy.service(*sets, desired=world.desired, status=world.status) | {
            "runningCount": world.running(),
            "pendingCount": 0,
        }

    def _task_set(self, one: Attempt) -> Params:
        return codedeploy.task_set(one.status, f"{FAMILY}:{one.revision}", _id(one), createdAt=moment(one.created)) | {
            "id": one.id,
            "computedDesiredCount": one.desired,
            "runningCount": one.count("RUNNING"),
            "pendingCount": one.count("PENDING"),
        }

    def update_service(self, params: Params) -> Answer:
        return error("InvalidParameterException", "Unable to update task definition on services with a CODE_DEPLOY")

    # ---- CodeDeploy ----

    def _minutes(self) -> dict[str, int]:
        return {"minutes": round(self.world.terminates / 60), "ready": round(self.world.ready / 60)}

    def get_deployment_group(self, params: Params) -> Params:
        return codedeploy.group(**self._minutes(), autoRollbackConfiguration=self._rolls_back())

    def _rolls_back(self) -> Params:
        enabled = self.world.rolls_back()
        events = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
        return {"enabled": enabled, "events": events if enabled else []}

    def list_deployments(self, params: Params) -> Params:
        statuses = params.get("includeOnlyStatuses")
        since: datetime | None = params.get("createTimeRange", {}).get("start")
        listed_until = self.world.now - self.lags.get("codedeploy.ListDeployments", 0)
        found = [
            _id(one)
            for one in reversed(self.world.attempts)
            if (not statuses or one.rollout in statuses) and (since is None or moment(one.created) >= since)
            if one.created <= listed_until
        ]
        return {"deployments": found}

    def batch_get_deployments(self, params: Params) -> Params:
        found = [self._deployment(one) for one in self.world.attempts if _id(one) in params["deploymentIds"]]
        return {"deploymentsInfo": found}

    def _deployment(self, one: Attempt) -> Params:
        return codedeploy.deployment(
            _id(one),
            one.rollout,
            f"{FAMILY}:{one.revision}",
            error=self.world.errors.get(one.number),
            rollback=_id(one.back) if one.back else "",
            created=one.created,
            creator="codeDeployRollback" if one.back_of else "user",
            autoRollbackConfiguration=self._rolls_back(),
            **self._minutes(),
        )

    def batch_get_deployment_targets(self, params: Params) -> Answer:
        one = self._by_id(params["deploymentId"])
        if one is None or not one.stage:
            return error("DeploymentNotStartedException")
        state = "Failed" if one.failed is not None else "InProgress"
        told = codedeploy.target("" if one.stage == "done" else one.stage, state, desired=one.desired)
        green = told["deploymentTargets"][0]["ecsTarget"]["taskSetsInfo"][1]
        green |= {"identifer": one.id, "runningCount": one.count("RUNNING"), "pendingCount": one.count("PENDING")}
        return told

    def create_deployment(self, params: Params) -> Answer:
        content = json.loads(params["revision"]["appSpecContent"]["content"])
        told = content["Resources"][0]["TargetService"]["Properties"]["TaskDefinition"]
        before, busy = self.world.primary, self.world.under_way()
        if busy:
            said = f"The Deployment Group '{codedeploy.GROUP}' already has an active Deployment '{_id(busy)}'"
            return error("DeploymentLimitExceededException", said)
        new = self.world.create(US, int(told.rpartition(":")[2]))
        self._note("codedeploy.CreateDeployment", params, new, before)
        return {"deploymentId": _id(new)} if new else error("DeploymentLimitExceededException")

    def stop_deployment(self, params: Params) -> Answer:
        one = self._by_id(params["deploymentId"])
        self._note("codedeploy.StopDeployment", params, one)
        if one is None:
            return error("DeploymentDoesNotExistException")
        back = params.get("autoRollbackEnabled", False)
        stopped = self.world.stop(one, back=back)
        return {"status": "Pending"} if stopped else error("DeploymentAlreadyCompletedException")

    def continue_deployment(self, params: Params) -> Answer:
        one = self._by_id(params["deploymentId"])
        self._note("codedeploy.ContinueDeployment", params, one)
        goes_on = one is not None and self.world.proceed(one)
        return {} if goes_on else error("DeploymentIsNotInReadyStateException")

    def _by_id(self, name: str) -> Attempt | None:
        return next((one for one in self.world.attempts if _id(one) == name), None)


def _id(one: Attempt) -> str:
    return f"d-{one.number:09d}"
