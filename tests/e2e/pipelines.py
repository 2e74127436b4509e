"""Pipelines of infra/terraform/pipeline on a laptop, each with another way to start, migrate or deploy; and versions of
the app for them.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from dev import host, patterns, workflows
from dev.base_images import BaseImages, codebuild_image
from dev.database import Database, empty_database
from dev.demo import local_stack
from dev.stack import CLUSTER, SERVICE, Stack, running_tasks
from dev.terraform import facts, provider
from dev.terraform.terraform import Terraform
from ecs_cd.local import ministack, place
from ecs_cd.local.codepipeline import process
from tests.e2e.laptop import ecs_cd, environment
from tests.infra import pipelines

REGION = "ap-northeast-1"  # of the example's templates
EVERYTHING = "/ecs-cd/everything"  # the document of what `up` creates
BY_CODEDEPLOY = "blue-green"  # a service
DOCKER = {
    **pipelines.VPC,
    "command": ["sh", "-c", 'echo "$STAGE, $TEAM" && exec python3 migrate.py'],
    "environment": {"STAGE": "it's production"},
    "parameter_store": {"TEAM": "/my-app/team"},
    "secrets_manager": {"DATABASE_URL": "my-app/database:url"},
}
# Each version of the app changes a file of the one before.
VERSIONS = {
    "good": [],
    "next": [("app.py", "Hello from ECS", "Hello again")],
    "bad": [
        ("migrations/003_readers.sql", "", "SELECT author FROM readers;\n"),
        ("app.py", "import html\n", 'raise SystemExit("KeyError: PORT is not set")\n'),
    ],
}


def terraform(release: Path) -> str:
    """What `terraform show -json` says of all pipelines, by the names of their modules."""
    digest = hashlib.sha256(release.read_bytes()).hexdigest()
    uploaded = f"s3://in-order-{facts.ACCOUNT}-{REGION}/ecs-cd-{digest[:12]}.tar.gz"
    web = pipelines.DOCUMENT["services"]["web"]
    blue_green = {**pipelines.DOCUMENT, "services": {"web": {**web, "service": BY_CODEDEPLOY}}}
    approval = {"approval": {"before": "deployment"}}
    modules: dict[str, dict[str, Any]] = {
        "in-order": {},
        "by-event": {"start": "event", "migrate_with": "docker", "docker_migration": DOCKER, "deploy_with": "ecs", **approval},
        "by-object": {"start": "object", "migrate_with": "none", "deploy_with": "codedeploy", "document": blue_green},
        "held": {"migrate_with": "none", "deploy_with": "ecs", "execution_mode": "SUPERSEDED", **approval},
        "pinned": {"migrate_with": "none", "release": uploaded, "release_sha256": "0" * 64},
    }  # fmt: skip
    inputs = {**pipelines.INPUTS, "release": str(release), "release_sha256": None}
    source = {"source": "../infra/terraform/pipeline"}
    services = {"web": web, "blue-green": {**web, "service": BY_CODEDEPLOY}}
    images = {"app": {"repository": f"{facts.ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/my-app"}}
    migration = {**pipelines.DOCUMENT["migration"], "service": "web"}
    everything = {**pipelines.DOCUMENT, "images": images, "migration": migration, "services": services}
    parameter = {"name": EVERYTHING, "type": "String", "insecure_value": json.dumps(everything)}
    root = {
        "provider": {"aws": {"region": REGION}},
        "module": {name: {**inputs, "name": name, **given, **source} for name, given in modules.items()},
        "resource": {"aws_ssm_parameter": {"everything": parameter}},
    }
    with tempfile.TemporaryDirectory() as folder, provider.running(Path(folder)) as reattach:
        (Path(folder) / "root").mkdir()
        (Path(folder) / "root" / "main.tf.json").write_text(json.dumps(root))
        return Terraform(reattach).show(Path(folder) / "root")


def create_site(folder: Path, docker: dict[str, str], images: BaseImages, server: Database, tree: Path) -> Site:
    """Nothing is up yet."""
    repo = workflows.app_repo(folder / "my-app")
    workflows.copied(workflows.INFRA, folder / "infra")
    (folder / "local.env").write_text(f"DATABASE_URL={empty_database(docker, server).url}\nTEAM=shop\n")
    flags = ("--templates", "../infra", "--env-file", "../local.env", "--network-of", server.container)
    env = {**docker, "XDG_STATE_HOME": str(folder / "state")}
    release = patterns.packed(tree, folder / "ecs-cd.tar.gz")
    return Site(repo, env, images.python, release, (*flags, "--build-image", codebuild_image(docker)))


@dataclass(frozen=True)
class Site:
    """A laptop on which pipelines are up, with the app's repository beside the files of `up`. ``env`` is the developer's,
    ``flags`` are those of each `up`. Once they are pushed, ``commits`` has the versions.
    """

    repo: Path
    env: Mapping[str, str]
    base: str
    release: Path
    flags: tuple[str, ...]
    commits: dict[str, str] = field(default_factory=dict)

    # -- what a developer types --

    def local(self, *arguments: str) -> tuple[int, str]:
        return ecs_cd(self.repo, self.env, "local", *arguments)

    def up(self, *arguments: str) -> str:
        code, output = self.local("up", *arguments)
        assert code == 0, output
        return output

    # -- what a job does --

    def hand_off(self, pipeline: str, version: str, *flags: str) -> tuple[int, str]:
        config, commit = f"/ecs-cd/{pipeline}", self.commits[version]
        return ecs_cd(self.repo, self.aws_env, "hand-off", "--config", config, "--sha", commit, *flags, timeout=120)

    @contextmanager
    def handing_off(self, pipeline: str, version: str) -> Iterator[subprocess.Popen[str]]:
        """The same while it runs."""
        flags = ("--config", f"/ecs-cd/{pipeline}", "--sha", self.commits[version], "--timeout", "2m")
        env = environment(self.aws_env)
        how: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(host.ecs_cd("hand-off", *flags), cwd=self.repo, env=env, **how) as process:
            yield process

    def started(self, pipeline: str, version: str) -> str:
        """Hands over, and returns the execution's id."""
        code, output = self.hand_off(pipeline, version, "--wait-until", "started")
        found = re.search(r"execution (\S+) of \S+ started", output)
        assert code == 0 and found, output
        return found[1]

    def push(self, config: str = EVERYTHING) -> None:
        """Builds and pushes all versions, each with its tag. None of them is `latest`."""
        for version, changes in VERSIONS.items():
            for file, old, new in changes:
                path = self.repo / file
                path.write_text(path.read_text().replace(old, new) if old else new)
            commit = self.commits[version] = workflows.commit(self.repo, version)
            built = ("--build-args", f"BASE={self.base}\nCOMMIT={commit}", "--tags", version)
            code, output = ecs_cd(self.repo, self.aws_env, "build-push", "--config", config, *built)
            assert code == 0, output

    @property
    def aws_env(self) -> dict[str, str]:
        """What makes a process use the local AWS and the local CodePipeline."""
        running, found = ministack.recorded(self.folder), process.recorded(self.folder)
        assert running is not None and found is not None, "it is up"
        return {**self.env, **running.client_env, **found.client_env}

    # -- what is there --

    @property
    def folder(self) -> Path:
        return place.folder(self.repo, self.env)

    @property
    def stack(self) -> Stack:
        return local_stack(self.repo, self.env)

    def client(self, service: str) -> Any:
        """boto3's client, of this moment's endpoints."""
        env = self.aws_env
        endpoint = env.get(f"AWS_ENDPOINT_URL_{service.upper()}", env["AWS_ENDPOINT_URL"])
        return _client(service, endpoint, env["AWS_REGION"], env["AWS_ACCESS_KEY_ID"])

    def image(self, tag: str) -> str:
        """The image with a tag, by its digest."""
        (found,) = self.stack.clients.ecr.describe_images(repositoryName="my-app", imageIds=[{"imageTag": tag}])[
            "imageDetails"
        ]
        return f"{self.stack.aws.registry}/my-app@{found['imageDigest']}"

    def tag(self, tag: str, image: str) -> None:
        """Moves a tag to an image, as a push does."""
        ecr, digest = self.stack.clients.ecr, image.partition("@")[2]
        found = ecr.batch_get_image(repositoryName="my-app", imageIds=[{"imageDigest": digest}])["images"][0]
        ecr.put_image(
            repositoryName="my-app",
            imageManifest=found["imageManifest"],
            imageManifestMediaType=found["imageManifestMediaType"],
            imageTag=tag,
        )

    def running(self, service: str = SERVICE) -> set[str]:
        """The images of a service's running tasks."""
        stack = Stack(self.stack.aws, self.stack.clients, cluster=CLUSTER, service=service)
        return {image for task in running_tasks(stack) for image in task.images.values()}

    # -- executions --

    def executions(self, pipeline: str) -> dict[str, str]:
        """The status of each execution by its id, the newest first."""
        listed = self.client("codepipeline").list_pipeline_executions(pipelineName=pipeline)
        return {each["pipelineExecutionId"]: each["status"] for each in listed["pipelineExecutionSummaries"]}

    def ended(self, pipeline: str, execution: str) -> str:
        """Waits for the execution's end, and returns its status."""
        eventually(lambda: self.executions(pipeline)[execution] not in ("InProgress", "Stopping"))
        return self.executions(pipeline)[execution]

    def action(self, pipeline: str, execution: str, path: str) -> dict[str, Any]:
        """The newest attempt of an action, STAGE/ACTION; empty before the first."""
        listed = self.client("codepipeline").list_action_executions(
            pipelineName=pipeline, filter={"pipelineExecutionId": execution}
        )["actionExecutionDetails"]
        return next((each for each in listed if f"{each['stageName']}/{each['actionName']}" == path), {})

    def waits_for_approval(self, pipeline: str, execution: str) -> None:
        """Waits until the execution has reached its approval."""
        eventually(lambda: self.action(pipeline, execution, "Approval/Approve").get("status") == "InProgress")

    def build(self, pipeline: str, execution: str, path: str) -> dict[str, Any]:
        """The build of an action, as BatchGetBuilds has it."""
        result = self.action(pipeline, execution, path)["output"]["executionResult"]
        (found,) = self.client("codebuild").batch_get_builds(ids=[result["externalExecutionId"]])["builds"]
        return dict(found)

    def log(self, build: Mapping[str, Any]) -> str:
        where = build["logs"]
        events = self.client("logs").get_log_events(
            logGroupName=where["groupName"], logStreamName=where["streamName"], startFromHead=True
        )["events"]
        return "".join(event["message"] for event in events)


@functools.cache
def _client(service: str, endpoint: str, region: str, account: str) -> Any:
    session = boto3.Session(aws_access_key_id=account, aws_secret_access_key="local", region_name=region)
    # mypy knows only the services that this repository uses.
    return getattr(session, "client")(service, endpoint_url=endpoint)  # noqa: B009


def eventually(holds: Callable[[], bool], seconds: float = 90) -> None:
    """Waits until it holds."""
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "it never holds"
        time.sleep(0.2)
