"""A pipeline as infra/terraform/pipeline makes it: what belongs to it in the local AWS, and its CodeBuild actions run.

CodePipeline's own part is small here: variables, artifacts, one CodeBuild action after the other.
"""

from __future__ import annotations

import base64
import json
import re
import tempfile
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dev.stack import Stack
from dev.terraform import provider
from dev.terraform.terraform import Shown, Terraform
from ecs_cd.aws.session import Aws
from ecs_cd.local.codebuild.builds import Builds
from ecs_cd.local.codebuild.rules.artifacts import File, zipped
from tests.e2e.pipelines.builds import Build, Runner, build_env
from tests.infra import pipelines


@dataclass(frozen=True)
class Execution:
    """An execution: its variables and, by name, the artifacts that its actions have made so far."""

    pipeline: Pipeline
    variables: Mapping[str, str]
    artifacts: dict[str, bytes]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def build(self, name: str) -> Build:
        """Runs a CodeBuild action; what it makes is an artifact for the next ones."""
        action = self.pipeline.action(name)
        configuration = action["configuration"]
        inputs = [each["name"] for each in action["inputArtifacts"]]
        primary = configuration.get("PrimarySource", inputs[0])
        build = self.pipeline.runner.run(
            configuration["ProjectName"],
            [{"name": each, "value": self._resolved(v)} for each, v in pipelines.build_variables(action).items()],
            {each: self.artifacts[each] for each in sorted(inputs, key=primary.__ne__)},
            [output["name"] for output in action.get("outputArtifacts", ())],
            "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
        )
        self.artifacts.update(build.ended.artifacts)
        return build

    def _resolved(self, value: str) -> str:
        """https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html"""
        known = {f"variables.{name}": text for name, text in self.variables.items()}
        known["codepipeline.PipelineExecutionId"] = self.id
        return re.sub(r"#\{([^}]+)\}", lambda reference: known[reference[1]], value)


@dataclass(frozen=True)
class Pipeline:
    """The declaration and the projects as AWS gets them, and the document's parameter."""

    declared: dict[str, Any]
    projects: Mapping[str, Mapping[str, Any]]
    bucket: str
    parameter: str
    stack: Stack
    runner: Runner

    def action(self, name: str) -> dict[str, Any]:
        (found,) = (each for each in pipelines.actions(self.declared) if each["name"] == name)
        return found

    def start(self, variables: Mapping[str, str], digests: Mapping[str, str] | None = None) -> Execution:
        """Begins an execution: its variables are complete, and its sources are read. ``digests`` are by ECR source."""
        declared = {each["name"]: each.get("defaultValue") for each in self.declared["variables"]}
        values = {**declared, **variables}
        assert values.keys() == declared.keys(), f"not declared: {values.keys() - declared.keys()}"
        given = {name: value for name, value in values.items() if value is not None}
        assert given.keys() == declared.keys(), f"without a value: {declared.keys() - given.keys()}"
        sources = self.declared["stages"][0]["actions"]
        read = {each["outputArtifacts"][0]["name"]: self._source(each, digests or {}) for each in sources}
        return Execution(self, given, read)

    def _source(self, action: Mapping[str, Any], digests: Mapping[str, str]) -> bytes:
        """What the source action makes: the object's content, or imageDetail.json."""
        where = action["configuration"]
        if pipelines.provider(dict(action)) == "ECR":
            return self._image_detail(where["RepositoryName"], digests[action["name"]])
        answer = self.stack.clients.s3.get_object(Bucket=where["S3Bucket"], Key=where["S3ObjectKey"])
        return answer["Body"].read()

    def _image_detail(self, repository: str, digest: str) -> bytes:
        """https://docs.aws.amazon.com/codepipeline/latest/userguide/file-reference.html#file-reference-ecs-bluegreen"""
        found = self.stack.clients.ecr.describe_images(repositoryName=repository, imageIds=[{"imageDigest": digest}])
        (image,) = found["imageDetails"]
        detail = {
            "ImageSizeInBytes": str(image["imageSizeInBytes"]),
            "ImageDigest": digest,
            "Version": "1.0",
            "ImagePushedAt": image["imagePushedAt"].strftime("%a %b %d %H:%M:%S UTC %Y"),
            "RegistryId": image["registryId"],
            "RepositoryName": repository,
            "ImageURI": f"{self.stack.aws.registry}/{repository}@{digest}",
            "ImageTags": image.get("imageTags", []),
        }
        return zipped({"imageDetail.json": File(json.dumps(detail).encode())})


def applied(cases: Sequence[Mapping[str, Any]]) -> list[Shown]:
    """Terraform's state for each of these inputs of the module."""
    with tempfile.TemporaryDirectory() as folder, provider.running(Path(folder)) as reattach:
        return [Terraform(reattach).apply(pipelines.MODULE, each) for each in cases]


def document(shown: Shown, stack: Stack) -> str:
    """The module's document, with the local registry in the place of ECR's."""
    text: str = shown.one("aws_ssm_parameter")["insecure_value"]
    return text.replace(pipelines.REGISTRY, stack.aws.registry)


def runner(projects: Mapping[str, Mapping[str, Any]], stack: Stack, image: str, network: str, folder: Path) -> Runner:
    """Runs builds in this image, with the ``network`` in the place of the VPC."""
    aws, ending = Aws(stack.aws.env), threading.Event()
    builds = Builds(
        aws,
        projects,
        image=image,
        env=stack.aws.env,
        build_env=build_env(stack.aws),
        network=network,
        folder=folder,
        ending=ending,
    )
    return Runner(aws, builds, folder, ending)


def create_pipeline(shown: Shown, stack: Stack, image: str, network: str, folder: Path) -> Pipeline:
    """What Terraform applied, in the local AWS: the bucket with its objects, and the document."""
    bucket = shown.one("aws_s3_bucket")["bucket"]
    stack.clients.s3.create_bucket(Bucket=bucket)
    for each in shown.of("aws_s3_object").values():
        body = base64.b64decode(each["content_base64"] or "") or Path(each["source"]).read_bytes()
        stack.clients.s3.put_object(Bucket=each["bucket"], Key=each["key"], Body=body)
    parameter, text = shown.one("aws_ssm_parameter"), document(shown, stack)
    stack.clients.ssm.put_parameter(Name=parameter["name"], Value=text, Type=parameter["type"])
    made = [pipelines.project(each) for each in shown.of("aws_codebuild_project").values()]
    projects = {each["name"]: each for each in made}
    there = runner(projects, stack, image, network, folder)
    return Pipeline(pipelines.declaration(shown), projects, bucket, parameter["name"], stack, there)
