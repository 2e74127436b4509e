"""The action ECS: a rolling update with the images of imagedefinitions.json.

After the circuit breaker, AWS's own action stays In progress for up to an hour
(https://github.com/aws/containers-roadmap/issues/1399); this one fails once ECS has rolled back. Without a circuit
breaker, it fails when the tasks keep dying; AWS's waits until its timeout.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html
"""

from __future__ import annotations

from collections.abc import Mapping

from ecs_cd.aws import ecs
from ecs_cd.deploy.rules import artifacts as names
from ecs_cd.local.codepipeline import artifacts
from ecs_cd.local.codepipeline.actions import rollout
from ecs_cd.local.codepipeline.actions.rollout import Place
from ecs_cd.local.codepipeline.rules import deploy_files
from ecs_cd.local.codepipeline.rules.state import Outcome
from ecs_cd.local.codepipeline.work import Report, Work, World
from ecs_cd.model import verdict
from ecs_cd.model.errors import Refused
from ecs_cd.tasks.rules import task_definition

_BY_CODEDEPLOY = (
    "Unable to update task definition on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to "
    "trigger a new deployment."
)
_LONGEST = 60  # minutes; the default


def run(work: Work, world: World, report: Report) -> Outcome:
    """Registers a revision of the service's task definition with the images, and deploys it."""
    settings = work.configuration
    place = Place(settings["ClusterName"], settings["ServiceName"])
    minutes = int(settings.get("DeploymentTimeout") or _LONGEST)
    name = settings.get("FileName") or names.IMAGE_DEFINITIONS
    images = deploy_files.image_definitions(_files(work, world), name)
    before = str(rollout.service(world.aws, place, "ECS", _BY_CODEDEPLOY)["taskDefinition"])
    arn = _registered(world, before, images, name)
    ended = rollout.deploy(world, place, arn, before, minutes, lambda deployment: report(deployment, ""))
    if ended.outcome is verdict.Outcome.SUCCEEDED:
        return Outcome(summary=f"Deployment of {arn} to {place.service} completed.")
    return Outcome("JobFailed", ended.message)


def _files(work: Work, world: World) -> Mapping[str, bytes]:
    (place,) = work.inputs.values()
    return artifacts.files(artifacts.get(world.aws, place))


def _registered(world: World, current: str, images: Mapping[str, str], file: str) -> str:
    described = ecs.task_definition(world.aws, current)
    if described is None:
        raise Refused(f"the service's task definition {current} is not there")
    definition = task_definition.normalise(described, *ecs.shapes(world.aws), [])
    deploy_files.check_containers(definition, images, file)
    return ecs.register(world.aws, task_definition.with_images(definition, images))
