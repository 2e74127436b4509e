"""The action CodeDeployToECS, by the steps in its documentation.

The local AWS has no CodeDeploy and no load balancer that moves traffic: the service gets the new task definition, and
the old one if the new tasks do not run, as with CodeDeploy's automatic rollback.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECSbluegreen.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from ecs_cd.aws import ecs
from ecs_cd.aws.errors import transient_as_unreadable
from ecs_cd.deploy.rules import appspec
from ecs_cd.deploy.rules import artifacts as names
from ecs_cd.local.codepipeline import artifacts
from ecs_cd.local.codepipeline.actions import rollout
from ecs_cd.local.codepipeline.actions.rollout import Place
from ecs_cd.local.codepipeline.rules import deploy_files
from ecs_cd.local.codepipeline.rules.state import Outcome
from ecs_cd.local.codepipeline.work import Report, Work, World
from ecs_cd.model import verdict
from ecs_cd.model.errors import Refused, Unreadable
from ecs_cd.model.references import short
from ecs_cd.tasks.rules import task_definition

_BY_ECS = "Deployment group's ECS service must be configured for a CODE_DEPLOY deployment controller."
_LONGEST = 60  # minutes that CodeDeploy waits for the new tasks
_TIMED_OUT = f"timed out while waiting for the replacement task set to become healthy, after {_LONGEST} minutes"
_NOT_OURS = (verdict.Outcome.SUPERSEDED, verdict.Outcome.GONE)  # another deployment's service now: nothing to roll back
_ROLLBACK, _EVERY = 60.0, 0.5  # seconds that the old tasks have to run, and between two looks at them


def run(work: Work, world: World, report: Report) -> Outcome:
    """Registers the task definition with its images, and deploys it by the AppSpec."""
    settings = work.configuration
    group = world.deployments.group(settings["ApplicationName"], settings["DeploymentGroupName"])
    place = Place(group.cluster, group.service)
    previous = str(rollout.service(world.aws, place, "CODE_DEPLOY", _BY_ECS)["taskDefinition"])
    content = _registered(settings, _inputs(work, world), world)
    name = world.deployments.create(group, content)
    report(name, "")
    with _ended_in_any_case(world, name):
        ended = rollout.deploy(world, place, appspec.task_definition(content), previous, _LONGEST)
    if ended.outcome is verdict.Outcome.SUCCEEDED:
        world.deployments.end(name)
        return Outcome(summary=f"Deployment {name} succeeded", variables={"DeploymentId": name})
    words = f"Deployment {name} failed: {ended.message}"
    if ended.outcome in _NOT_OURS:
        world.deployments.end(name, ("ECS_UPDATE_ERROR", ended.message))
        return Outcome("JobFailed", words)
    back = world.deployments.create(group, _with(content, previous), rolls_back=name)
    world.deployments.end(name, ("TIMEOUT", f"{ended.message}; in AWS, the deployment {_TIMED_OUT}"))
    with _ended_in_any_case(world, back):
        runs_again = _put_back(world, place, previous, appspec.task_definition(content))
    if runs_again:
        world.deployments.end(back)
        return Outcome("JobFailed", f"{words}; rolled back to {short(previous)} by {back}")
    world.deployments.end(back, ("TIMEOUT", f"{short(previous)} does not run again"))
    return Outcome("JobFailed", f"{words}; {short(previous)} does not run again (rollback {back})")


@contextmanager
def _ended_in_any_case(world: World, deployment: str) -> Iterator[None]:
    """CodeDeploy's API never shows a deployment in progress that nobody follows."""
    try:
        yield
    except Exception as error:
        words = f"it is not known how the deployment ended: {error}"
        world.deployments.end(deployment, ("INTERNAL_ERROR", words))
        raise


def _inputs(work: Work, world: World) -> dict[str, deploy_files.Files]:
    """The files of each input artifact by its name."""
    bodies = {name: artifacts.get(world.aws, place) for name, place in work.inputs.items()}
    for name, body in bodies.items():
        if len(body) > names.MOST_ZIPPED:
            raise deploy_files.too_large(name, len(body), work.configuration)
    return {name: artifacts.files(body) for name, body in bodies.items()}


def _registered(settings: Mapping[str, str], inputs: Mapping[str, deploy_files.Files], world: World) -> str:
    """Registers the task definition, and returns the AppSpec with it. Reads both files before."""
    taskdef, written = deploy_files.templates(settings, inputs)
    where = settings.get("TaskDefinitionTemplatePath") or names.TASK_DEFINITION
    deploy_files.check_images(taskdef, where)
    definition = task_definition.read(taskdef, *ecs.shapes(world.aws), where=where)
    where = settings.get("AppSpecTemplatePath") or names.APPSPEC
    appspec.check(appspec.read(written, where=where), definition, where=where)
    if not appspec.task_definition(written):
        raise Refused(f"{where} names no task definition", f"Write {names.PLACEHOLDER} as its TaskDefinition.")
    arn = ecs.register(world.aws, definition)
    content, _ = appspec.content(appspec.read(written.replace(names.PLACEHOLDER, arn), where=where))
    return content


def _with(content: str, task_definition: str) -> str:
    rewritten, _ = appspec.content(appspec.with_task_definition(json.loads(content), task_definition))
    return rewritten


def _put_back(world: World, place: Place, previous: str, failed: str) -> bool:
    """Gives the service its old task definition and stops the new tasks; whether all of the old ones run in time.

    ministack never calls this deployment COMPLETED, because the old tasks are from an earlier one.
    """
    updated = ecs.update_service(world.aws, place.cluster, place.service, previous, force=False, more={})
    deadline = time.monotonic() + _ROLLBACK
    while time.monotonic() < deadline:
        with suppress(Unreadable), transient_as_unreadable():
            tasks = _tasks(world, place)
            for task in tasks:
                if task["taskDefinitionArn"] == failed:
                    ecs.stop_task(world.aws, place.cluster, task["taskArn"], "the deployment is rolled back")
            running = [
                each for each in tasks if (each["taskDefinitionArn"], each["lastStatus"]) == (previous, "RUNNING")
            ]
            if len(running) >= updated["desiredCount"]:
                return True
        if world.ending.wait(_EVERY):
            break
    return False


def _tasks(world: World, place: Place) -> list[ecs.Json]:
    arns = ecs.service_task_arns(world.aws, place.cluster, place.service, "RUNNING")
    return ecs.tasks(world.aws, place.cluster, arns)
