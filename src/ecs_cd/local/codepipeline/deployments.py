"""CodeDeploy's deployments: kept while this process runs, and read by the operations of its API."""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.local.codepipeline.rules import deployments as rules
from ecs_cd.local.codepipeline.rules.deployments import Deployment, State
from ecs_cd.local.codepipeline.rules.infra import DeploymentGroup

Json = dict[str, Any]

_CHARACTERS = string.ascii_uppercase + string.digits


class Deployments:
    """All deployments and the groups that are declared. Each method with an operation's name answers it, and raises
    ``ClientError`` as botocore would."""

    def __init__(
        self, groups: Iterable[DeploymentGroup] = (), account: str = "000000000000", region: str = "us-east-1"
    ):
        self._lock, self._state = threading.Lock(), State({(each.application, each.name): each for each in groups})
        self._account, self._region = account, region

    # ---- what the action does ----

    def group(self, application: str, name: str) -> DeploymentGroup | None:
        """The group, if it is known."""
        return self._state.groups.get((application, name))

    def create(self, group: DeploymentGroup, appspec: str, rolls_back: str = "") -> str:
        """Begins a deployment, which may roll back another one, and returns its id."""
        name = f"d-{''.join(secrets.choice(_CHARACTERS) for _ in range(9))}"
        with self._lock:
            self._state = self._state.know(group).keep(Deployment(name, group, appspec, _now(), rolls_back=rolls_back))
            if rolls_back:
                first = self._state.deployments[rolls_back]
                self._state = self._state.keep(replace(first, rolled_back_by=name))
        return name

    def end(self, name: str, error: tuple[str, str] | None = None) -> None:
        """Ends a deployment, with an error's code and message if it failed."""
        with self._lock:
            self._state = self._state.keep(self._state.deployments[name].end(_now(), error))

    # ---- the API ----

    def get_deployment_group(self, params: Mapping[str, Any]) -> Json:
        application, name = params["applicationName"], params["deploymentGroupName"]
        found = self.group(application, name)
        if found:
            return {"deploymentGroupInfo": rules.group_info(found)}
        if any(application == known for known, _ in self._state.groups):
            raise _error(
                "GetDeploymentGroup",
                "DeploymentGroupDoesNotExistException",
                f"No Deployment Group found for name: {name}",
            )
        raise _error(
            "GetDeploymentGroup", "ApplicationDoesNotExistException", f"No application found for name: {application}"
        )

    def get_deployment(self, params: Mapping[str, Any]) -> Json:
        return {"deploymentInfo": rules.info(self._deployment(params, "GetDeployment"))}

    def batch_get_deployments(self, params: Mapping[str, Any]) -> Json:
        known = self._state.deployments
        return {"deploymentsInfo": [rules.info(known[name]) for name in params["deploymentIds"] if name in known]}

    def list_deployment_targets(self, params: Mapping[str, Any]) -> Json:
        return {"targetIds": [rules.target_id(self._deployment(params, "ListDeploymentTargets"))]}

    def batch_get_deployment_targets(self, params: Mapping[str, Any]) -> Json:
        operation = "BatchGetDeploymentTargets"
        found = self._deployment(params, operation)
        if set(params.get("targetIds", ())) - {rules.target_id(found)}:
            raise _error(
                operation, "DeploymentTargetDoesNotExistException", "The target does not belong to the deployment."
            )
        return {"deploymentTargets": [rules.target(found, self._account, self._region)]}

    def _deployment(self, params: Mapping[str, Any], operation: str) -> Deployment:
        name = params["deploymentId"]
        found = self._state.deployments.get(name)
        if found is None:
            raise _error(operation, "DeploymentDoesNotExistException", f"The deployment {name} could not be found")
        return found


def _error(operation: str, code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def _now() -> datetime:
    return datetime.now(timezone.utc)
