"""infra/cloudformation/pipeline.yaml: its parameters for the inputs of the Terraform module, and what it makes of them."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from dev.terraform import facts
from ecs_cd.local.codepipeline.rules import cloudformation as reader
from ecs_cd.local.codepipeline.rules import template
from ecs_cd.local.codepipeline.rules.cloudformation import Resource
from tests.contract.parts import ROOT

TEMPLATE = ROOT / "infra/cloudformation/pipeline.yaml"
Values = dict[str, Any]
Resources = Mapping[str, Resource]


def made(parameters: Mapping[str, str]) -> Resources:
    """The resources of a stack with these parameters."""
    return reader.resources(text(), parameters, account=facts.ACCOUNT, region=facts.REGION)


@functools.cache
def declared() -> Values:
    """The template with the long form of each function."""
    return template.load(TEMPLATE.read_text(encoding="utf-8"))


@functools.cache
def text() -> str:
    """The template in JSON, which is read faster."""
    return json.dumps(declared())


def of(resources: Resources, kind: str) -> list[Resource]:
    return [each for each in resources.values() if each.type == kind]


def agreed(inputs: Values) -> Values:
    """The module's inputs; what the template's parameters can't say is said otherwise.

    A secret is named by its ARN, because its role needs it. A name has at most 20 characters, because CloudFormation
    can't shorten it as CodePipeline does.
    """
    connection = inputs.get("connection") or {}
    token = connection.get("status_token") or ""
    secret, *key = token.split(":")
    if token and not token.startswith("arn:"):
        arn = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{secret}-Ab1Cd2"
        return inputs | {"connection": connection | {"status_token": ":".join([arn, *key])}}
    return inputs | {"name": inputs["name"][:20].rstrip("-")}


def parameters(inputs: Values) -> dict[str, str]:
    """The template's parameters for the module's inputs."""
    given = yaml.safe_load(inputs["document"]) if isinstance(inputs["document"], str) else inputs["document"]
    found = {
        **_images(inputs["images"] or {name: each["repository"] for name, each in given["images"].items()}),
        **_document(given, inputs),
        **_approval(inputs.get("approval") or {}),
        **_github(inputs.get("github")),
        **_connection(inputs.get("connection"), inputs.get("build") or {}),
        **_docker(inputs.get("docker_migration"), inputs["images"]),
        **{parameter: inputs.get(name) for name, parameter in SAME.items()},
    }
    if inputs.get("connection"):
        found["Start"] = "connection"
    return {name: str(value) for name, value in found.items() if value not in (None, "")}


SAME = {
    "name": "Name",
    "parameter_name": "ParameterName",
    "start": "Start",
    "tag": "Tag",
    "wait_until": "WaitUntil",
    "migrate_with": "MigrateWith",
    "deploy_with": "DeployWith",
    "execution_mode": "ExecutionMode",
    "release": "Release",
    "release_sha256": "ReleaseSha256",
    "kms_key": "KmsKeyArn",
    "build_timeout": "BuildTimeout",
    "artifact_days": "ArtifactDays",
    "log_days": "LogDays",
}
# Of all inputs, those that no parameter is for: the tags of a stack are given to all its resources.
WITHOUT = {"tags"}
ELSEWHERE = {
    "document", "images", "families", "pass_roles", "schedule_roles", "log_groups", "approval", "github", "connection",
    "build", "docker_migration",
}  # fmt: skip


def _images(images: Mapping[str, str]) -> Values:
    found: Values = {}
    for number, (name, repository) in enumerate(sorted(images.items()), start=1):
        found |= {f"Image{number}": name, f"Repository{number}": repository.partition("/")[2] or repository}
    return found


def _document(document: Values, inputs: Values) -> Values:
    tasks = [document.get("migration", {}), *document["services"].values()]
    templates = dict.fromkeys(task["task-definition"] for task in tasks if task)
    services = [service.get("service", key) for key, service in document["services"].items()]
    without_images = {key: value for key, value in document.items() if key != "images"}
    return {
        "Document": yaml.safe_dump(without_images, sort_keys=False),
        "Cluster": document["cluster"],
        "Service": services[0],
        "MoreServices": ",".join(services[1:]),
        "Families": ",".join(inputs["families"]),
        "PassRoleArns": ",".join(inputs["pass_roles"]),
        "TemplateArns": ",".join(url.replace("s3://", "arn:aws:s3:::") for url in templates),
        "LogGroups": ",".join(inputs["log_groups"]),
        "ScheduleRoleArns": ",".join(inputs.get("schedule_roles", [])),
    }


def _approval(approval: Values) -> Values:
    return {"ApprovalBefore": approval.get("before"), "ApprovalTopicArn": approval.get("topic_arn")}


def _github(github: Values | None) -> Values:
    if github is None:
        return {}
    endings = [f"ref:refs/heads/{branch}" for branch in github.get("branches", ["main"])]
    endings += [f"environment:{name}" for name in github.get("environments", [])]
    return {
        "GitHubOidcProviderArn": github["oidc_provider_arn"],
        "GitHubSubjects": ",".join(f"repo:{name}:{ending}" for name in github["repositories"] for ending in endings),
        "GitHubBuildPush": str(github.get("build_push", True)).lower(),
        "GitHubReadEcs": str(github.get("read_ecs", False)).lower(),
        "GitHubStopExecution": str("stop-execution" in github.get("features", [])).lower(),
        "BaseRepositoryArns": _repositories(github.get("base_repositories", [])),
    }


def _connection(connection: Values | None, build: Values) -> Values:
    if connection is None:
        return {}
    image = {"BUILDKIT_IMAGE": build["buildkit_image"]} if build.get("buildkit_image") else {}
    return {
        "ConnectionArn": connection["arn"],
        "ConnectionRepository": connection["repository"],
        "ConnectionBranch": connection.get("branch"),
        "StatusToken": connection.get("status_token"),
        "BuildComputeType": build.get("compute_type"),
        "BaseRepositoryArns": _repositories(build.get("base_repositories", [])),
        **_environment("Build", build | {"environment": build.get("environment", {}) | image}),
    }


def _docker(docker: Values | None, images: Mapping[str, str]) -> Values:
    if docker is None:
        return {}
    names = [
        name for kind in ("environment", "parameter_store", "secrets_manager") for name in sorted(docker.get(kind, {}))
    ]
    return {
        "VpcId": docker["vpc_id"],
        "SubnetIds": ",".join(docker["subnet_ids"]),
        "SecurityGroupIds": ",".join(docker["security_group_ids"]),
        "MigrationImage": sorted(images).index(docker.get("image") or next(iter(images))) + 1,
        "MigrationCommand": " ".join(map(_quoted, docker.get("command", []))),
        "MigrationVariables": ",".join(names),
        **_environment("Migration", docker),
    }  # fmt: skip


def _quoted(word: str) -> str:
    """As the module quotes a word for the shell."""
    return "'" + word.replace("'", "'\\''") + "'"


def _environment(prefix: str, given: Values) -> Values:
    parameters, secrets = given.get("parameter_store", {}), given.get("secrets_manager", {})
    return {
        f"{prefix}Environment": _pairs(given.get("environment", {})),
        f"{prefix}ParameterStore": _pairs(parameters),
        f"{prefix}ParameterArns": ",".join(
            name if name.startswith("arn:") else f"arn:aws:ssm:us-east-1:123456789012:parameter/{name.lstrip('/')}"
            for name in parameters.values()
        ),
        f"{prefix}SecretsManager": _pairs(secrets),
        f"{prefix}SecretArns": ",".join(map(_secret_arn, secrets.values())),
        f"{prefix}KeyArns": ",".join(given.get("kms_keys", [])),
    }


def _secret_arn(secret: str) -> str:
    if secret.startswith("arn:"):
        return ":".join(secret.split(":")[:7])
    return f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{secret.partition(':')[0]}-??????"


def _pairs(values: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(values.items()))


def _repositories(names: Iterable[str]) -> str:
    return ",".join(f"arn:aws:ecr:us-east-1:123456789012:repository/{name}" for name in names)


# --- in the same form as Terraform's ---


def request(resource: Resource) -> Values:
    """The parameters of the Create operation, as they are sent."""
    found: Values = sent(dict(reader.request(resource)))
    return found


def sent(value: Any) -> Any:
    """Without what is empty."""
    if isinstance(value, dict):
        found = {key: sent(each) for key, each in value.items()}
        return {key: each for key, each in found.items() if each not in (None, {}, [], "")}
    return [sent(each) for each in value] if isinstance(value, list) else value


def several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def in_upper_case(value: Any, images: Iterable[str]) -> Any:
    """With Terraform's names of variables: CloudFormation can't turn IMAGE_app into IMAGE_APP."""
    text = json.dumps(value)
    for name in images:
        text = text.replace(f"IMAGE_{name}", f"IMAGE_{name.upper()}")
    return json.loads(text)
