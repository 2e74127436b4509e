"""A shop of two services, web and worker, from one image: for tests that only deploy.

Its images are built once; a tag decides which of them belongs to a commit. Each shop has its own cluster, families and
document, in an AWS that all shops share.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dev import workflows
from dev.aws import Aws
from dev.stack import (
    Stack,
    clients,
    create_log_group,
    create_repository,
    create_service,
    page,
    put_document,
    put_template,
    running_tasks,
    task_definition,
)
from ecs_cd.local import act, machine

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import DeploymentCircuitBreakerTypeDef

HERE = Path(__file__).parent
REPOSITORY = "shop"
SERVICES = ("web", "worker")
VERSIONS = {"one": "", "two": "", "bad": "worker"}  # and what crashes in it
NO_BREAKER: DeploymentCircuitBreakerTypeDef = {"enable": False, "rollback": False}
WORKFLOW = """\
on: push
jobs:
  cd:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - id: cd
        uses: org/ecs-cd/deploy@v1
        with: {inputs}
      - if: cancelled()
        run: |
          if [ -f "$RUNNER_TEMP/ecs-cd/clean-up" ]; then sh "$RUNNER_TEMP/ecs-cd/clean-up"; fi
"""
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Shop:
    """A cluster with services, and the repository that deploys to it. ``stack`` names the service web."""

    repo: Path
    tree: Path
    stack: Stack
    images: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.stack.cluster

    def family(self, service: str) -> str:
        return f"{self.name}-{service}"

    def commit(self, version: str) -> str:
        """A commit whose image is this version; its SHA."""
        sha = workflows.commit(self.repo, f"version {version}")
        digest = self.images[version].partition("@")[2]
        ecr = self.stack.clients.ecr
        (image,) = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])["images"]
        ecr.put_image(
            repositoryName=REPOSITORY,
            imageManifest=image["imageManifest"],
            imageManifestMediaType=image["imageManifestMediaType"],
            imageTag=sha,
        )
        return sha

    def deploy(self, **inputs: str) -> workflows.Result:
        """A workflow with one step, deploy with these inputs (and the document, unless they are the official ones)."""
        self._write_workflow(inputs)
        return workflows.run_workflow(self.repo, self.tree, workflow="cd.yml", env=self.stack.aws.env)

    def start(self, **inputs: str) -> AbstractContextManager[workflows.Run]:
        """The same, for a test that interferes."""
        self._write_workflow(inputs)
        return workflows.start_workflow(self.repo, self.tree, workflow="cd.yml", env=self.stack.aws.env)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command line of the release tree, in the repository."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(act.FOREIGN)}
        return subprocess.run(
            [str(self.tree / "bin" / "ecs-cd"), *arguments],
            env={**own, **self.stack.aws.env},
            cwd=self.repo,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def page(self) -> str:
        """The page that web serves now."""
        return page(self.stack)

    def running(self, service: str = "web") -> set[tuple[str, str]]:
        """The family:revision and the image of the service's running tasks."""
        tasks = running_tasks(replace(self.stack, service=service))
        return {(task.task_definition.rpartition("/")[2], task.images["app"]) for task in tasks}

    def deployments(self) -> list[str]:
        """The ids of all deployments of both services."""
        found = self.stack.clients.ecs.describe_services(cluster=self.name, services=SERVICES)["services"]
        return [deployment["id"] for service in found for deployment in service["deployments"]]

    def revisions(self, status: Literal["ACTIVE", "INACTIVE"] = "ACTIVE") -> list[str]:
        """The shop's revisions of this status."""
        answer = self.stack.clients.ecs.list_task_definitions(familyPrefix=f"{self.name}-", status=status)
        return [arn.rpartition("/")[2] for arn in answer["taskDefinitionArns"]]

    def close(self) -> None:
        """Stops its tasks."""
        for service in SERVICES:
            self.stack.clients.ecs.delete_service(cluster=self.name, service=service, force=True)

    def _write_workflow(self, inputs: Mapping[str, str]) -> None:
        named = {name.replace("_", "-"): value for name, value in inputs.items()}
        if "task-definition" not in named:
            named = {"config": self.stack.parameter, **named}
        place = self.repo / ".github" / "workflows" / "cd.yml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(WORKFLOW.replace("{inputs}", json.dumps(named)))


def command(service: str) -> list[str]:
    """What the service's container runs."""
    return ["sh", "/shop.sh", service]


def push_images(aws: Aws, base: str) -> dict[str, str]:
    """Builds and pushes all versions."""
    stack = Stack(aws, clients(aws))
    create_repository(stack, REPOSITORY)
    stack.clients.s3.create_bucket(Bucket=stack.bucket)
    found = {}
    for version, crashes in VERSIONS.items():
        target = f"{aws.registry}/{REPOSITORY}:{version}"
        arguments = [f"BASE={base}", f"GREETING={version}", f"CRASHES={crashes}"]
        flags = [part for argument in arguments for part in ("--build-arg", argument)]
        build = ["docker", "buildx", "build", "--quiet", "--push", "--provenance=false", "--tag", target]
        machine.run([*build, *flags, HERE], env=aws.env)
        answer = stack.clients.ecr.describe_images(repositoryName=REPOSITORY, imageIds=[{"imageTag": version}])
        found[version] = f"{aws.registry}/{REPOSITORY}@{answer['imageDetails'][0]['imageDigest']}"
    return found


def create_shop(
    aws: Aws,
    images: Mapping[str, str],
    tree: Path,
    repo: Path,
    *,
    breaker: DeploymentCircuitBreakerTypeDef | None = None,
) -> Shop:
    """A shop whose services run the version `one`; ``breaker`` is their deploymentCircuitBreaker, by default none."""
    name = f"shop-{next(_numbers)}"
    stack = Stack(aws, clients(aws), f"/ecs-cd/{name}", cluster=name, service="web", repository=REPOSITORY)
    stack.clients.ecs.create_cluster(clusterName=name)
    services = {}
    for service in SERVICES:
        family = f"{name}-{service}"
        create_log_group(stack, f"/ecs/{family}")
        template = task_definition(stack, family, image=images["one"], command=command(service))
        create_service(replace(stack, service=service), template, breaker=breaker or NO_BREAKER)
        put_template(stack, f"{family}.json", template)
        services[service] = {"task-definition": f"s3://{stack.bucket}/{family}.json", "containers": {"app": "shop"}}
    repository = {"repository": f"{aws.registry}/{REPOSITORY}"}
    put_document(stack, {"cluster": name, "images": {"shop": repository}, "services": services})
    repo.mkdir()
    workflows.git(repo, "init", "--quiet", "--initial-branch", "main")
    shop = Shop(repo, tree, stack, images)
    shop.commit("one")
    return shop
