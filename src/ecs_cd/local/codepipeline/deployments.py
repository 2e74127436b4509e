"""CodeDeploy's deployments: kept while this process runs, and read by what hand-off asks of its API."""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ecs_cd.local.codepipeline.rules import deployments as rules
from ecs_cd.local.codepipeline.rules.deployments import Deployment
from ecs_cd.local.codepipeline.rules.infra import DeploymentGroup
from ecs_cd.local.codepipeline.rules.service_error import ServiceError

Json = dict[str, Any]

_CHARACTERS = string.ascii_uppercase + string.digits


class Deployments:
    """All deployments, and the groups that are declared. Only the action that has created a deployment changes it."""

    def __init__(self, groups: Iterable[DeploymentGroup] = ()):
        self._groups = {(each.application, each.name): each for each in groups}
        self._deployments: dict[str, Deployment] = {}

    # ---- what the action does ----

    def group(self, application: str, name: str) -> DeploymentGroup:
        """The group of these names, which the infra team declares."""
        return self._groups[application, name]

    def create(self, group: DeploymentGroup, appspec: str, rolls_back: str = "") -> str:
        """Begins a deployment, which may roll back another one, and returns its id."""
        id = f"d-{''.join(secrets.choice(_CHARACTERS) for _ in range(9))}"
        self._deployments[id] = Deployment(id, group, appspec, time.time(), rolls_back=rolls_back)
        if rolls_back:
            self._deployments[rolls_back] = replace(self._deployments[rolls_back], rolled_back_by=id)
        return id

    def end(self, id: str, error: tuple[str, str] | None = None) -> None:
        """Ends a deployment, with an error's code and message if it failed."""
        self._deployments[id] = replace(self._deployments[id], ended=time.time(), error=error)

    # ---- the API ----

    def get_deployment_group(self, params: Mapping[str, Any]) -> Json:
        application, name = params["applicationName"], params["deploymentGroupName"]
        found = self._groups.get((application, name))
        if found:
            return {"deploymentGroupInfo": rules.group_info(found)}
        if any(application == known for known, _ in self._groups):
            raise ServiceError("DeploymentGroupDoesNotExistException", f"No Deployment Group found for name: {name}")
        raise ServiceError("ApplicationDoesNotExistException", f"No application found for name: {application}")

    def batch_get_deployments(self, params: Mapping[str, Any]) -> Json:
        known = self._deployments
        return {"deploymentsInfo": [rules.info(known[id]) for id in params["deploymentIds"] if id in known]}

    def batch_get_deployment_targets(self, params: Mapping[str, Any]) -> Json:
        found = self._deployments.get(params["deploymentId"])
        if found is None:
            words = f"The deployment {params['deploymentId']} could not be found"
            raise ServiceError("DeploymentDoesNotExistException", words)
        if set(params["targetIds"]) - {rules.target_id(found)}:
            words = "The target does not belong to the deployment."
            raise ServiceError("DeploymentTargetDoesNotExistException", words)
        return {"deploymentTargets": [rules.target(found)]}
