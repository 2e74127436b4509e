"""Terraform's pipelines for the example's stack: one by variables with ecs-cd in the builds, one by an object with
`docker run` and files for CodeDeploy, one by the push's event.
"""

from __future__ import annotations

import os
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dev import workflows
from dev.aws import Aws
from dev.base_images import BaseImages, codebuild_image
from dev.database import Database, empty_database
from dev.stack import APP_PORT, Stack, create_stack, document, page, running_tasks, task_definition
from ecs_cd.handoff.rules import request
from ecs_cd.local import act
from tests.e2e.pipelines.codepipeline import Pipeline, applied, create_pipeline
from tests.infra import pipelines

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import LoadBalancerTypeDef

NONCE = "0f" * 16
DOCKER = {
    **pipelines.VPC,
    "command": ["sh", "-c", 'echo "$STAGE, $TEAM" && exec python3 migrate.py'],
    "environment": {"STAGE": "it's production"},
    "parameter_store": {"TEAM": "/my-app/team"},
    "secrets_manager": {"DATABASE_URL": "my-app/database:url"},
}
TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/web/0123456789abcdef"
BAD_SQL = "SELECT author FROM readers;\n"
CRASH = 'import sys; sys.exit("KeyError: PORT is not set")\n'


@dataclass(frozen=True)
class Site:
    """Images are by digest: the ``commit``'s, and one that fails as a migration and as the app."""

    stack: Stack
    pipeline: Pipeline
    by_object: Pipeline
    by_event: Pipeline
    tree: Path
    base: str
    good: str
    bad: str
    commit: str

    def hand_over(self, image: str) -> dict[str, str]:
        """The variables that hand-off starts the pipeline with."""
        return {"IMAGE_APP": image, "COMMIT": self.commit, "ECS_CD_NONCE": NONCE}

    def put_object(self, image: str) -> None:
        """The object that hand-off writes, with this image."""
        body = request.archive({"app": image}, self.commit)
        self.stack.clients.s3.put_object(Bucket=self.by_object.bucket, Key="hand-off.zip", Body=body)

    def running(self) -> set[tuple[str, str]]:
        """The task definitions and images of the service's running tasks."""
        return {(task.task_definition, task.images["app"]) for task in running_tasks(self.stack)}


def create_site(local_aws: Aws, server: Database, images: BaseImages, tree: Path, folder: Path) -> Site:
    """``local_aws`` has its tasks on the database's network."""
    packed = _packed(tree, folder / "ecs-cd.tar.gz")
    stack = create_stack(local_aws, empty_database(local_aws.env, server), images.python)
    stack.clients.ssm.put_parameter(Name="/my-app/team", Value="shop", Type="String")
    image = codebuild_image(local_aws.env)
    repo = workflows.app_repo(folder / "my-app")
    with ThreadPoolExecutor(1) as pool:
        applying = pool.submit(applied, _inputs(stack, packed))
        good, commit = _pushed(stack, repo, tree, images.python)
        spoil(repo)
        bad, _ = _pushed(stack, repo, tree, images.python)
    made = enumerate(applying.result())
    first, second, third = (
        create_pipeline(shown, stack, image, server.network, folder / str(number)) for number, shown in made
    )
    page(stack)  # once it answers, the service's first task runs
    return Site(stack, first, second, third, tree, images.python, good, bad, commit)


def spoil(repo: Path) -> str:
    """A commit with which the migration fails, and the app crashes."""
    (repo / "migrations/003_readers.sql").write_text(BAD_SQL)
    (repo / "app.py").write_text(CRASH)
    return workflows.commit(repo, "a bad version")


def _packed(tree: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(tree, ".")
    return archive


def _inputs(stack: Stack, release: Path) -> list[dict[str, Any]]:
    """Those of the module: builds with ecs-cd; an object, `docker run` and CodeDeploy; an event."""
    given = {name: each for name, each in document(stack).items() if name != "images"}
    first = {**pipelines.INPUTS, "release": str(release), "release_sha256": None}
    first |= {"document": given, "images": {"app": stack.repository}}
    second = {"name": "my-app-object", "start": "object", "migrate_with": "docker", "docker_migration": DOCKER}
    service = {**given["services"]["web"], "service": _blue_green(stack)}
    second |= {"deploy_with": "codedeploy", "document": {**given, "services": {"web": service}}}
    third = {"name": "my-app-event", "start": "event"}
    return [first, {**first, **second}, {**first, **third}]


def _blue_green(stack: Stack) -> str:
    """A service, without tasks, that CodeDeploy deploys."""
    first = stack.clients.ecs.register_task_definition(**task_definition(stack, "blue-green", image="none"))
    balanced: LoadBalancerTypeDef = {"targetGroupArn": TARGET_GROUP, "containerName": "app", "containerPort": APP_PORT}
    stack.clients.ecs.create_service(
        cluster=stack.cluster,
        serviceName="blue-green",
        taskDefinition=first["taskDefinition"]["taskDefinitionArn"],
        desiredCount=0,
        deploymentController={"type": "CODE_DEPLOY"},
        loadBalancers=[balanced],
    )
    return "blue-green"


def _pushed(stack: Stack, repo: Path, tree: Path, base: str) -> tuple[str, str]:
    """Builds and pushes the commit's image, as the app team's job does: the image by its digest, and the commit."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(act.FOREIGN)}
    build = [tree / "bin" / "ecs-cd", "build-push", "--config", stack.parameter, "--build-args"]
    commit = workflows.git(repo, "rev-parse", "HEAD")
    command = [str(part) for part in (*build, f"BASE={base}\nCOMMIT={commit}")]
    subprocess.run(command, env={**own, **stack.aws.env}, cwd=repo, check=True, capture_output=True)
    tagged = stack.clients.ecr.describe_images(repositoryName=stack.repository, imageIds=[{"imageTag": commit}])
    return f"{stack.aws.registry}/{stack.repository}@{tagged['imageDetails'][0]['imageDigest']}", commit
