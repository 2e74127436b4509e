"""Applications in the scripted AWS of the tests: services that accept a deployment and progress with the clock."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

import pytest

from tests.scripted_aws import Clock, Params, ScriptedAws, blue_green, codedeploy, ecs
from tests.scripted_aws.fleet import Course, Fleet, document
from tests.scripted_aws.server import Time

SHA = "c0ffee" + "0" * 34
REPOSITORY = ecs.IMAGE.partition("@")[0]
BACK = 10
INPUTS = {"config": "/my/parameter", "sha": SHA}
# As many as DescribeServices tells of a service at the most.
EVENTS = [ecs.event(f"has started 1 tasks: (task {number:032x}).", -60.0 * number) for number in range(100)]


@contextlib.contextmanager
def scripted(clock: Clock, log: io.StringIO) -> Iterator[tuple[ScriptedAws, dict[str, str]]]:
    """A scripted AWS and the environment of a job that uses it; what is printed goes to the log."""
    with contextlib.ExitStack() as parts:
        scratch = parts.enter_context(tempfile.TemporaryDirectory(prefix="ecs-cd-bench-"))
        aws = parts.enter_context(ScriptedAws(clock))
        aws.use(parts.enter_context(pytest.MonkeyPatch.context()))
        for each in (signal.SIGINT, signal.SIGTERM):  # the verb takes them over
            parts.callback(signal.signal, each, signal.getsignal(each))
        parts.enter_context(contextlib.redirect_stdout(log))
        parts.enter_context(contextlib.redirect_stderr(log))
        yield aws, {**aws.environ, "RUNNER_TEMP": scratch, "GITHUB_ACTIONS": "true"}


# A kind of deployment: scripts services of these names, each of which goes through its course.
Kind: TypeAlias = Callable[[ScriptedAws, Time, Mapping[str, Course]], Fleet]


def completes(seconds: float) -> Course:
    """COMPLETED this many seconds after UpdateService."""
    return {0: {}, seconds: {"rolloutState": "COMPLETED"}}


def fails(seconds: float) -> Course:
    """FAILED this many seconds after UpdateService, and rolled back ``BACK`` seconds later."""
    back = {seconds + 2: {"back": "IN_PROGRESS"}, seconds + BACK: {"back": "COMPLETED"}}
    return {0: {}, seconds: {"failedTasks": 3, "rolloutState": "FAILED"}, **back}


def dies(seconds: float) -> Course:
    """COMPLETED at last; until then a task dies every ten seconds."""
    died = {10.0 * number: {"failedTasks": number} for number in range(1, int(seconds / 10))}
    return {0: {}, **died, seconds: {"rolloutState": "COMPLETED"}}


def rolling_fleet(aws: ScriptedAws, clock: Time, courses: Mapping[str, Course]) -> Fleet:
    """Rolling updates."""
    _application(aws, courses)
    return Fleet(clock, courses).script(aws)


def blue_green_fleet(aws: ScriptedAws, clock: Time, courses: Mapping[str, Course]) -> Fleet:
    """ECS's own BLUE_GREEN deployments."""
    fleet = rolling_fleet(aws, clock, courses)

    def service(name: str) -> Params:
        found = fleet.service(name)
        return {**found, "deploymentConfiguration": {**found["deploymentConfiguration"], "strategy": "BLUE_GREEN"}}

    def describe(params: Params) -> Params:
        return {"services": [service(name) for name in params["services"]]}

    def updated(params: Params) -> Params:
        fleet._update(params)
        return {"service": service(params["service"])}

    def listed(params: Params) -> Params:
        return blue_green.listed(*_service_deployments(fleet))(params)

    def described(params: Params) -> Params:
        return blue_green.described(*_service_deployments(fleet))(params)

    aws.on("ecs.DescribeServices", describe)
    aws.on("ecs.UpdateService", updated)
    aws.on("ecs.ListServiceDeployments", listed)
    aws.on("ecs.DescribeServiceDeployments", described)
    aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
    return fleet


def _service_deployments(fleet: Fleet) -> list[Params]:
    return [_service_deployment(fleet, name) for name, updates in fleet.updates.items() if len(updates) > 1]


def _service_deployment(fleet: Fleet, name: str) -> Params:
    now = fleet.now(name)
    status = {"COMPLETED": "SUCCESSFUL", "FAILED": "ROLLBACK_IN_PROGRESS"}.get(now["rolloutState"], "IN_PROGRESS")
    status = "ROLLBACK_SUCCESSFUL" if now.get("back") == "COMPLETED" else status
    more = {"failures": now["failedTasks"], "created": fleet.updates[name][-1].at, "service": name}
    return blue_green.service_deployment("2", status, "SCALE_UP" if status == "IN_PROGRESS" else None, **more)


def codedeploy_fleet(aws: ScriptedAws, clock: Time, courses: Mapping[str, Course]) -> Fleet:
    """Deployments by CodeDeploy, whose ids are the services' names: `d-web`, and `d-back-web` for the way back."""
    fleet = rolling_fleet(aws, clock, courses)

    def describe(params: Params) -> Params:
        sets = {name: codedeploy.task_set(task_definition=f"{name}:1") for name in params["services"]}
        return {"services": [codedeploy.service(service, name=name) for name, service in sets.items()]}

    def group(params: Params) -> Params:
        name = params["applicationName"].rpartition("-")[2]
        return codedeploy.group(ecsServices=[{"serviceName": name, "clusterName": ecs.CLUSTER}])

    def create(params: Params) -> Params:
        name = params["applicationName"].rpartition("-")[2]
        fleet._update({"service": name, "taskDefinition": ecs.task_definition_arn(f"{name}:2")})
        fleet.updates[name][-1].id = "ecs-svc/d-NEW"  # the task set that ``codedeploy.target`` calls Green
        return {"deploymentId": f"d-{name}"}

    def deployments(params: Params) -> Params:
        return {"deploymentsInfo": [_deployment(fleet, id) for id in params["deploymentIds"]]}

    def target(params: Params) -> Params:
        now = fleet.now(params["deploymentId"].rpartition("-")[2])
        if now["rolloutState"] == "COMPLETED":
            return codedeploy.target()
        return codedeploy.target("Install", running=(now["failedTasks"] + 1) % 2)  # one dies, another comes

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


def _application(aws: ScriptedAws, names: Iterable[str]) -> None:
    """Scripts the document with these services, the commit's image, and templates with the previous image.

    Logs stay empty, which is the worst case: ecs-cd reads them again before the verdict.
    """
    image = {"imageId": {"imageDigest": ecs.DIGEST, "imageTag": SHA}, "imageManifest": "{}"}

    def template(params: Params) -> Params:
        found = ecs.task_definition(params["taskDefinition"])
        former = {"image": f"{REPOSITORY}:before", "portMappings": [{"containerPort": 80}]}
        return {"taskDefinition": {**found, "containerDefinitions": [{**found["containerDefinitions"][0], **former}]}}

    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(document(list(names), REPOSITORY)), "Version": 1}})
    aws.on("ecr.BatchGetImage", {"images": [image], "failures": []})
    aws.on("ecs.DescribeTaskDefinition", template)
    aws.on("elbv2.DescribeTargetHealth", {"TargetHealthDescriptions": []})
    aws.on("logs.GetLogEvents", {"events": [], "nextBackwardToken": "b/1"})
