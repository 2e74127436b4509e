"""The action CodeDeployToECS: against a local AWS, and its failures against the scripted AWS."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd.local.codebuild.rules.artifacts import File, zipped
from ecs_cd.local.codepipeline.actions import codedeploy
from ecs_cd.local.codepipeline.deployments import Deployments
from ecs_cd.local.codepipeline.rules.infra import DeploymentGroup
from ecs_cd.local.codepipeline.rules.state import Outcome
from ecs_cd.local.codepipeline.work import Work, World
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import S3Object, short
from tests.machine.local.codepipeline.actions.conftest import NEW, OLD, Site
from tests.machine.local.codepipeline.actions.services import create_service, images, running
from tests.machine.local.codepipeline.conftest import BUCKET, deployment
from tests.scripted_aws import Params, denied
from tests.scripted_aws.ecs import CLUSTER, service, task, task_definition
from tests.scripted_aws.ecs import deployment as deployment_of

IMAGE = "localhost:4566/app@sha256:" + "a" * 64
GROUP = {"ApplicationName": "AppECS-my-cluster-web", "DeploymentGroupName": "DgpECS-my-cluster-web"}
SETTINGS = {
    **GROUP,
    "TaskDefinitionTemplateArtifact": "Files",
    "AppSpecTemplateArtifact": "Files",
    "Image1ArtifactName": "App",
    "Image1ContainerName": "IMAGE1_NAME",
}
TASKDEF = {
    "family": "web",
    "containerDefinitions": [
        {"name": "app", "image": "<IMAGE1_NAME>", "memory": 128, "portMappings": [{"containerPort": 80}]}
    ],
}
APPSPEC = b"""version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: <TASK_DEFINITION>
        LoadBalancerInfo:
          ContainerName: "app"
          ContainerPort: 80
"""


def files(**more: bytes) -> dict[str, bytes]:
    return {"taskdef.json": json.dumps(TASKDEF).encode(), "appspec.yaml": APPSPEC, **more}


APP = {"imageDetail.json": json.dumps({"ImageURI": IMAGE}).encode()}


def run(world: World, content: Mapping[str, bytes] | None = None, **more: str) -> tuple[Outcome, list[str]]:
    """Runs the action; how it ended, and the ids that it reported."""
    reported: list[str] = []
    work = deployment("CodeDeployToECS", {**SETTINGS, **more}, world, Files=dict(content or files()), App=APP)
    return codedeploy.run(work, world, lambda name, url: reported.append(name)), reported


def test_the_task_definition_is_deployed(world: World) -> None:
    """With its image, by the AppSpec; CodeDeploy's API shows the deployment, whose id is a variable."""
    create_service(world, "CODE_DEPLOY")
    ended, (name,) = run(world)
    assert (ended.error_code, ended.variables) == ("", {"DeploymentId": name})
    assert images(running(world)) == {"app": IMAGE}
    (info,) = world.deployments.batch_get_deployments({"deploymentIds": [name]})["deploymentsInfo"]
    assert (info["status"], info["applicationName"]) == ("Succeeded", GROUP["ApplicationName"])
    assert name.startswith("d-") and len(name) == 11
    written = json.loads(info["revision"]["appSpecContent"]["content"])
    arn = running(world)["taskDefinition"]["taskDefinitionArn"]
    assert written["Resources"][0]["TargetService"]["Properties"]["TaskDefinition"] == arn


def test_a_declared_group_names_its_service(world: World) -> None:
    """Whatever its own names are."""
    create_service(world, "CODE_DEPLOY", name="shop")
    known = replace(world, deployments=Deployments([DeploymentGroup("App", "Group", "my-cluster", "shop")]))
    ended, _ = run(known, ApplicationName="App", DeploymentGroupName="Group")
    assert ended.error_code == "" and images(running(world, name="shop")) == {"app": IMAGE}


def changed(**more: Any) -> bytes:
    return json.dumps({**TASKDEF, **more}).encode()


@pytest.mark.parametrize(
    ("more", "content", "words"),
    [
        ({"Image1ContainerName": "IMAGE_NAME"}, {}, "the image of container `app` is still <IMAGE1_NAME>"),
        ({}, {"taskdef.json": changed(netwrkMode="awsvpc")}, "netwrkMode: botocore .* has no such field; did you mean `networkMode`"),
        ({}, {"appspec.yaml": APPSPEC.replace(b"80", b"81")}, "container `app` has no containerPort 81"),
        ({}, {"appspec.yaml": APPSPEC.replace(b'"app"', b'"web"')}, "has no container `web`"),
        ({}, {"appspec.yaml": APPSPEC.replace(b"AWS::ECS::Service", b"AWS::Lambda::Function")}, "must be AWS::ECS::Service"),
        ({}, {"appspec.yaml": APPSPEC.replace(b"TaskDefinition: <TASK_DEFINITION>", b"PlatformVersion: LATEST")}, "appspec.yaml names no task definition"),
        ({}, {"appspec.yaml": b"version: ["}, "neither JSON nor YAML"),
        ({}, {"dog.png": os.urandom(3_000_001)}, "read the task definition artifact file from: Files\n.* at most 3 MB"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_before_anything_changes(
    world: World, more: dict[str, str], content: dict[str, bytes], words: str
) -> None:
    """A placeholder, a field, a container, a port, a file that is too large: no revision, no deployment."""
    create_service(world, "CODE_DEPLOY")
    with pytest.raises(Refused, match=words):
        run(world, {**files(), **content}, **more)
    assert running(world)["taskDefinition"]["revision"] == 1
    listed = world.aws.client("ecs").list_task_definitions(familyPrefix="web")
    assert len(listed["taskDefinitionArns"]) == 1


def test_a_service_that_ecs_deploys_is_refused(world: World) -> None:
    """As CodeDeploy refuses its deployment group."""
    create_service(world, "ECS")
    with pytest.raises(Refused, match="must be configured for a CODE_DEPLOY deployment controller"):
        run(world)


# ---- what ministack only does with an engine ----

BY_CODEDEPLOY: dict[str, Any] = {
    "deploymentController": {"type": "CODE_DEPLOY"},
    "deploymentConfiguration": {"maximumPercent": 200},
}
GROUP_OF_WEB = DeploymentGroup(GROUP["ApplicationName"], GROUP["DeploymentGroupName"], CLUSTER, "web")
CRASHED = [task(f"t{n}", "STOPPED", task_definition="web:2", stopCode="EssentialContainerExited") for n in range(3)]
OLD_TASK = task("t8", task_definition="web:1")
NEW_TASK = task("t9", "PENDING", task_definition="web:2")


@dataclass
class Scripted:
    """The action in an AWS in which the new tasks die, and the old ones run on."""

    site: Site
    deployments: Deployments
    reported: list[str]

    def run(self) -> Outcome:
        places = {name: S3Object(BUCKET, name) for name in ("Files", "App")}
        work = Work("pipeline", "execution", "Deploy", "Deploy", "id", "CodeDeployToECS", SETTINGS, places)
        world = replace(self.site.world, deployments=self.deployments)
        return codedeploy.run(work, world, lambda name, url: self.reported.append(name))

    def infos(self) -> list[Params]:
        """The deployment, and the one that rolls it back if there is one."""
        (first,) = self._described(self.reported[0])
        return [first, *self._described(first.get("rollbackInfo", {}).get("rollbackDeploymentId", ""))]

    def _described(self, id: str) -> list[Params]:
        found: list[Params] = self.deployments.batch_get_deployments({"deploymentIds": [id]})["deploymentsInfo"]
        return found

    def updates(self) -> list[str]:
        """The revisions that the service got."""
        calls = [call for call in self.site.aws.calls if call.operation == "ecs.UpdateService"]
        return [short(call.params["taskDefinition"]) for call in calls]


@pytest.fixture
def scripted(site: Site) -> Scripted:
    site.aws.on("s3.GetObject", {"Body": zipped({name: File(content) for name, content in {**files(), **APP}.items()})})
    site.aws.on("ecs.RegisterTaskDefinition", {"taskDefinition": task_definition(revision=2)})
    site.aws.on("ecs.DescribeServices", {"services": [service(**BY_CODEDEPLOY)]})
    site.shows((0, service(deployments=[NEW, OLD], **BY_CODEDEPLOY)))
    running = {"taskArns": [OLD_TASK["taskArn"], NEW_TASK["taskArn"]]}
    site.aws.on("ecs.ListTasks", running, where={"desiredStatus": "RUNNING"})
    site.aws.on("ecs.ListTasks", {"taskArns": ["t0"]}, where={"desiredStatus": "STOPPED"})
    site.aws.on("ecs.DescribeTasks", {"tasks": CRASHED}, {"tasks": [OLD_TASK, NEW_TASK]})
    site.aws.on("ecs.StopTask", {"task": NEW_TASK})
    return Scripted(site, Deployments([GROUP_OF_WEB]), [])


def test_tasks_that_die_are_rolled_back(scripted: Scripted) -> None:
    """The old task definition comes back, the new tasks are stopped, and CodeDeploy's API shows both deployments."""
    ended = scripted.run()
    failed, back = scripted.infos()
    assert (ended.error_code, ended.error_message) == (
        "JobFailed",
        f"Deployment {failed['deploymentId']} failed: 3 tasks died and none runs; the service has no circuit breaker, so "
        f"ECS keeps trying; rolled back to web:1 by {back['deploymentId']}",
    )
    assert scripted.updates() == ["web:2", "web:1"]
    assert scripted.site.aws.count("ecs.StopTask") == 1
    assert (failed["status"], back["status"]) == ("Failed", "Succeeded")
    assert "timed out while waiting for the replacement task set" in failed["errorInformation"]["message"]
    assert back["rollbackInfo"] == {"rollbackTriggeringDeploymentId": failed["deploymentId"]}


def test_a_rollback_that_fails_is_told(scripted: Scripted) -> None:
    """The old tasks do not run within a minute."""
    scripted.site.aws.on("ecs.DescribeTasks", {"tasks": CRASHED}, {"tasks": []})
    ended = scripted.run()
    failed, back = scripted.infos()
    assert (failed["status"], back["status"]) == ("Failed", "Failed")
    assert ended.error_message.endswith(f"web:1 does not run again (rollback {back['deploymentId']})")
    assert 60 <= scripted.site.clock.monotonic() < 70


def test_another_deployment_is_not_rolled_back(scripted: Scripted) -> None:
    """Its task definition stays."""
    other = deployment_of("ecs-svc/4", "PRIMARY", "web:3", "IN_PROGRESS", created=10)
    replaced = service(deployments=[other, NEW | {"status": "ACTIVE"}], **BY_CODEDEPLOY)
    scripted.site.shows((0, replaced))
    ended = scripted.run()
    (failed,) = scripted.infos()
    assert (ended.error_code, failed["status"]) == ("JobFailed", "Failed")
    assert scripted.updates() == ["web:2"]


@pytest.mark.parametrize("answers", [[denied()], [{"service": service(deployments=[NEW, OLD])}, denied()]])
def test_an_end_that_is_not_known_ends_the_deployment(scripted: Scripted, answers: list[Any]) -> None:
    """And its rollback: CodeDeploy's API never shows a deployment in progress that nobody follows."""
    scripted.site.aws.on("ecs.UpdateService", *answers)
    with pytest.raises(ClientError):
        scripted.run()
    assert [info["status"] for info in scripted.infos()] == ["Failed"] * len(answers)
