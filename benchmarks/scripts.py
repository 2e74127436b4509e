"""Applications in the scripted AWS of the tests: services of each kind that take a deployment and go on by the clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.scripted_aws import Params, ScriptedAws, codedeploy, ecs, native
from tests.scripted_aws.fleet import Course, Fleet, document
from tests.scripted_aws.server import Time

SHA = "c0ffee" + "0" * 34
REPOSITORY = ecs.IMAGE.partition("@")[0]
INPUTS = {"config": "/my/parameter", "sha": SHA}
EVENTS = [ecs.event(f"has started 1 tasks: (task {number:032x}).", -60.0 * number) for number in range(100)]

# A kind of deployment: scripts services of these names, all of which go through this course.
Kind: TypeAlias = Callable[[ScriptedAws, Time, Sequence[str], Course], Fleet]


def completes(seconds: float) -> Course:
    """COMPLETED so long after UpdateService."""
    return {0: {}, seconds: {"rolloutState": "COMPLETED"}}


def fails(seconds: float) -> Course:
    """FAILED so long after UpdateService, and rolled back ten seconds later."""
    back = {seconds + 2: {"back": "IN_PROGRESS"}, seconds + 10: {"back": "COMPLETED"}}
    return {0: {}, seconds: {"failedTasks": 3, "rolloutState": "FAILED"}, **back}


def dies(seconds: float) -> Course:
    """COMPLETED in the end; every ten seconds until then a task dies."""
    died = {10.0 * number: {"failedTasks": number} for number in range(1, int(seconds / 10))}
    return {0: {}, **died, seconds: {"rolloutState": "COMPLETED"}}


def rolling(aws: ScriptedAws, clock: Time, names: Sequence[str], course: Course) -> Fleet:
    """Rolling updates; each service has as many events as ECS tells at the most."""
    _application(aws, names)
    return Fleet(clock, dict.fromkeys(names, course), events=EVENTS).script(aws)


def blue_green(aws: ScriptedAws, clock: Time, names: Sequence[str], course: Course) -> Fleet:
    """ECS's own BLUE_GREEN deployments."""
    fleet = rolling(aws, clock, names, course)

    def one(name: str) -> Params:
        found = fleet.service(name)
        return {**found, "deploymentConfiguration": {**found["deploymentConfiguration"], "strategy": "BLUE_GREEN"}}

    def describe(params: Params) -> Params:
        return {"services": [one(name) for name in params["services"]]}

    def updated(params: Params) -> Params:
        fleet.update(params)
        return {"service": one(params["service"])}

    def deployments() -> list[Params]:
        return [_service_deployment(fleet, name) for name in names if len(fleet.updates[name]) > 1]

    aws.on("ecs.DescribeServices", describe)
    aws.on("ecs.UpdateService", updated)
    aws.on("ecs.ListServiceDeployments", lambda params: native.listed(*deployments())(params))
    aws.on("ecs.DescribeServiceDeployments", lambda params: native.described(*deployments())(params))
    aws.on("ecs.DescribeServiceRevisions", native.revisions)
    return fleet


def _service_deployment(fleet: Fleet, name: str) -> Params:
    now = fleet.now(name)
    status = {"COMPLETED": "SUCCESSFUL", "FAILED": "ROLLBACK_IN_PROGRESS"}.get(now["rolloutState"], "IN_PROGRESS")
    status = "ROLLBACK_SUCCESSFUL" if now.get("back") == "COMPLETED" else status
    more = {"failures": now["failedTasks"], "created": fleet.updates[name][-1].at, "service": name}
    return native.service_deployment("2", status, "SCALE_UP" if status == "IN_PROGRESS" else None, **more)


def code_deploy(aws: ScriptedAws, clock: Time, names: Sequence[str], course: Course) -> Fleet:
    """Deployments by CodeDeploy, whose ids are the services' names: `d-web`, and `d-back-web` for the way back."""
    fleet = rolling(aws, clock, names, course)

    def describe(params: Params) -> Params:
        sets = {name: codedeploy.task_set(task_definition=f"{name}:1") for name in params["services"]}
        return {"services": [codedeploy.service(one, name=name) for name, one in sets.items()]}

    def group(params: Params) -> Params:
        name = params["applicationName"].rpartition("-")[2]
        return codedeploy.group(ecsServices=[{"serviceName": name, "clusterName": ecs.CLUSTER}])

    def create(params: Params) -> Params:
        name = params["applicationName"].rpartition("-")[2]
        fleet.update({"service": name, "taskDefinition": ecs.task_definition_arn(f"{name}:2")})
        return {"deploymentId": f"d-{name}"}

    def deployments(params: Params) -> Params:
        return {"deploymentsInfo": [_deployment(fleet, id) for id in params["deploymentIds"]]}

    def target(params: Params) -> Params:
        done = fleet.now(params["deploymentId"].rpartition("-")[2])["rolloutState"] == "COMPLETED"
        return codedeploy.target() if done else codedeploy.target("Install", running=0)

    aws.on("ecs.DescribeServices", describe)
    aws.on("codedeploy.GetDeploymentGroup", group)
    aws.on("codedeploy.ListDeployments", {"deployments": []})
    aws.on("codedeploy.CreateDeployment", create)
    aws.on("codedeploy.BatchGetDeployments", deployments)
    aws.on("codedeploy.BatchGetDeploymentTargets", target)
    return fleet


def _deployment(fleet: Fleet, id: str) -> Params:
    now = fleet.now(name := id.rpartition("-")[2])
    if id.startswith("d-back-"):
        return codedeploy.deployment(id, "Succeeded" if now.get("back") == "COMPLETED" else "InProgress", f"{name}:1")
    if now["rolloutState"] == "FAILED":
        why = ("HEALTH_CONSTRAINTS", "The deployment failed.")
        return codedeploy.deployment(id, "Failed", f"{name}:2", error=why, rollback=f"d-back-{name}")
    return codedeploy.deployment(id, "Succeeded" if now["rolloutState"] == "COMPLETED" else "InProgress", f"{name}:2")
