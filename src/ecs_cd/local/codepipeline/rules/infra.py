"""What an infra team's Terraform or CloudFormation declares, in the form of AWS's own requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Request = Mapping[str, Any]  # the parameters of an operation, as botocore names them


@dataclass(frozen=True)
class Target:
    """What a rule of EventBridge starts: a pipeline or a CodeBuild project.

    The template is empty without a transformer; a constant input is a template without paths.
    """

    arn: str
    input_paths: Mapping[str, str] = field(default_factory=dict)
    input_template: str = ""


@dataclass(frozen=True)
class Rule:
    """A rule of EventBridge, with its event pattern."""

    name: str
    pattern: Mapping[str, Any]
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Parameter:
    """A parameter of SSM."""

    name: str
    value: str
    type: str = "String"


@dataclass(frozen=True)
class Object:
    """An object of S3 that the infra team uploads."""

    bucket: str
    key: str
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class DeploymentGroup:
    """A deployment group of CodeDeploy, and the ECS service that it deploys."""

    application: str
    name: str
    cluster: str
    service: str


@dataclass(frozen=True)
class Infra:
    """Everything about pipelines.

    ``pipelines`` are CreatePipeline's `pipeline`, ``projects`` CreateProject's parameters.
    ``buckets`` are those with versioning or not, by name.
    """

    pipelines: Mapping[str, Request]  # by name
    projects: Mapping[str, Request]  # by name
    rules: tuple[Rule, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    buckets: Mapping[str, bool] = field(default_factory=dict)
    objects: tuple[Object, ...] = ()
    log_groups: tuple[str, ...] = ()
    deployment_groups: tuple[DeploymentGroup, ...] = ()


def actions(pipeline: Request) -> Iterator[tuple[Request, Request]]:
    """All actions with their stages."""
    return ((stage, action) for stage in pipeline.get("stages", ()) for action in stage.get("actions", ()))


def provider(action: Request) -> str:
    return str(action["actionTypeId"].get("provider", ""))


def configuration(action: Request) -> dict[str, str]:
    """The configuration, without empty values."""
    return {key: str(value) for key, value in action.get("configuration", {}).items() if value not in (None, "")}


def configurations(pipeline: Request, wanted: str) -> dict[str, dict[str, str]]:
    """The configurations of the actions of one provider, by the action's name."""
    return {str(each["name"]): configuration(each) for _, each in actions(pipeline) if provider(each) == wanted}


def target(arn: str, pipelines: Iterable[str], projects: Iterable[str]) -> str:
    """The name of the pipeline or project that this ARN of an event's target names; empty if it is neither."""
    service, _, _, name = (arn.split(":", 5)[2:] + [""] * 4)[:4]
    if service == "codepipeline" and name in pipelines:
        return name
    project = name.removeprefix("project/")
    return project if service == "codebuild" and project in projects else ""
