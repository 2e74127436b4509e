"""Inputs of infra/terraform/pipeline, and what Terraform made of them in the form of AWS's own requests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from dev.terraform.terraform import Shown
from ecs_cd.local.codepipeline.rules import attributes
from tests.contract.parts import ROOT
from tests.scripted_aws import wire

MODULE = ROOT / "infra/terraform/pipeline"
Values = dict[str, Any]
Applied = Callable[[str], Shown]  # the state of a case
Allowed = dict[str, list[str]]  # action: resources

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
DOCUMENT: Values = {
    "cluster": "my-cluster",
    "migration": {
        "task-definition": "s3://my-bucket/task_definition_migration.json",
        "container": "app",
        "command": ["python3", "migrate.py"],
    },
    "services": {
        "web": {
            "service": "my-service",
            "task-definition": "s3://my-bucket/task_definition.json",
            "containers": {"app": "app"},
        }
    },
}
VPC = {"vpc_id": "vpc-1", "subnet_ids": ["subnet-1", "subnet-2"], "security_group_ids": ["sg-1"]}
TOPIC = "arn:aws:sns:us-east-1:123456789012:approvals"
KEY = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000001"
GITHUB = {
    "oidc_provider_arn": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
    "repositories": ["my-org/my-app"],
    "build_push": False,
}


CONNECTION = {
    "arn": "arn:aws:codeconnections:us-east-1:123456789012:connection/00000000-0000-0000-0000-000000000002",
    "repository": "my-org/my-app",
}
TOKEN = "my-app/github"
TOKEN_ARN = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{TOKEN}-Ab1Cd2"


def two_images() -> Values:
    """A document of a service with two images."""
    service = DOCUMENT["services"]["web"] | {"containers": {"app": "app", "nginx": "nginx"}}
    return DOCUMENT | {"services": {"web": service}}


def two_services() -> Values:
    """A document of two services."""
    web = DOCUMENT["services"]["web"]
    migration = DOCUMENT["migration"] | {"service": "web"}
    return DOCUMENT | {"migration": migration, "services": {"web": web, "worker": web | {"service": "my-worker"}}}


TWO = {"app": "my-app", "nginx": "my-nginx"}
INPUTS: Values = {
    "name": "my-app-deploy",
    "document": DOCUMENT,
    "images": {"app": "my-app"},
    "families": ["my-app", "my-app-migration"],
    "pass_roles": ["arn:aws:iam::123456789012:role/my-app-execution"],
    "log_groups": ["/ecs/my-app"],
    "release": "s3://releases/ecs-cd-1.2.0.tar.gz",
    "release_sha256": "ab" * 32,
    "github": GITHUB,
}

# Every input of the module has a case with a value that isn't its default.
CASES: dict[str, Values] = {
    "variables": {},
    "variables, two images": {"document": two_images(), "images": TWO},
    "the document as text": {"document": json.dumps(DOCUMENT | {"images": {"app": {"repository": f"{REGISTRY}/my-app"}}}), "images": {}},
    "object": {"start": "object", "document": two_images(), "images": TWO},
    "object, kms": {"start": "object", "kms_key": KEY},
    "digest": {"start": "digest", "document": two_images(), "images": TWO},
    "event": {"start": "event"},
    "event of another tag": {"start": "event", "tag": "main", "wait_until": "Migrate"},
    "docker": {"migrate_with": "docker", "docker_migration": VPC},
    "docker, object": {"start": "object", "migrate_with": "docker", "docker_migration": VPC | {"image": "app"}, "document": two_images(), "images": TWO},
    "docker, digest": {"start": "digest", "migrate_with": "docker", "docker_migration": VPC | {"image": "nginx"}, "document": two_images(), "images": TWO},
    "docker, event, secrets": {
        "start": "event",
        "migrate_with": "docker",
        "docker_migration": VPC
        | {
            "command": ["rails", "db:migrate", "it's: all # one"],
            "environment": {"RAILS_ENV": "production"},
            "parameter_store": {"RAILS_MASTER_KEY": "/my-app/master-key", "OTHER": "arn:aws:ssm:us-east-1:123456789012:parameter/other"},
            "secrets_manager": {
                "DATABASE_URL": "my-app/database:url",
                "TOKEN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:my-app/token-Ab1Cd2:token",
            },
            "kms_keys": [KEY],
        },
    },
    "no migration": {"migrate_with": "none"},
    "codedeploy": {"deploy_with": "codedeploy"},
    "codedeploy, kms, no migration": {"deploy_with": "codedeploy", "migrate_with": "none", "kms_key": KEY},
    "ecs": {"deploy_with": "ecs"},
    "ecs, event": {"deploy_with": "ecs", "start": "event"},
    "approval before the migration": {"approval": {"before": "migration", "topic_arn": TOPIC}},
    "approval before the deployment": {"approval": {"before": "deployment"}, "execution_mode": "SUPERSEDED", "start": "event"},
    "several services": {"document": two_services()},
    "connection": {"connection": CONNECTION, "github": None},
    "connection, two images": {
        "connection": CONNECTION | {"arn": CONNECTION["arn"].replace("codeconnections", "codestar-connections"), "branch": "release/1", "status_token": f"{TOKEN}:token"},
        "build": {
            "compute_type": "BUILD_GENERAL1_LARGE",
            "buildkit_image": "public.ecr.aws/vend/moby/buildkit:buildx-stable-1",
            "environment": {"RAILS_ENV": "production"},
            "parameter_store": {"BUNDLE_TOKEN": "my-app/bundle"},
            "secrets_manager": {"NPM_TOKEN": "my-app/npm"},
            "kms_keys": [KEY],
            "base_repositories": ["my-base"],
        },
        "document": two_images(),
        "images": TWO,
        "approval": {"before": "deployment"},
        "kms_key": KEY,
        "github": None,
    },
    "connection, docker": {
        "connection": CONNECTION | {"status_token": TOKEN_ARN},
        "migrate_with": "docker",
        "docker_migration": VPC | {"image": "nginx"},
        "document": two_images(),
        "images": TWO,
        "github": None,
    },
    "connection, codedeploy": {"connection": CONNECTION | {"status_token": TOKEN_ARN}, "deploy_with": "codedeploy", "migrate_with": "none", "github": None},
    "connection, ecs": {"connection": CONNECTION | {"status_token": TOKEN_ARN}, "deploy_with": "ecs", "approval": {"before": "migration"}, "github": None},
    "everything else": {
        "name": "my-application-in-production",
        "parameter_name": "/ecs-cd/my-app/production",
        "build_timeout": 30,
        "artifact_days": 10,
        "log_days": 7,
        "tags": {"team": "infra"},
        "schedule_roles": ["arn:aws:iam::123456789012:role/my-scheduler"],
        "github": None,
        "execution_mode": "SUPERSEDED",
    },
}  # fmt: skip
CONNECTED = [case for case, values in CASES.items() if "connection" in values]


def inputs(case: str) -> Values:
    """The values of the module's variables."""
    return INPUTS | CASES[case]


# --- as AWS's own requests ---


def declaration(shown: Shown) -> Values:
    """CreatePipeline's `pipeline`."""
    return dict(attributes.declaration(shown.one("aws_codepipeline")))


def project(made: Values) -> Values:
    """CreateProject's parameters."""
    return dict(attributes.project(made))


def held_to_the_model(service: str, operation: str, params: Values) -> None:
    """botocore's types, required members and enums, and the lengths and patterns that it leaves to AWS."""
    shape = wire.service_model(service).operation_model(operation).input_shape
    wire.check(shape, params, operation)
    assert not list(_beyond_limits(shape, params, operation))


def _beyond_limits(shape: Any, value: Any, path: str) -> Iterator[str]:
    limits = shape.metadata
    if shape.type_name == "structure":
        for name, member in value.items():
            yield from _beyond_limits(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "map":
        for key, member in value.items():
            yield from _beyond_limits(shape.key, key, f"{path}.{key}")
            yield from _beyond_limits(shape.value, member, f"{path}.{key}")
    elif shape.type_name == "list":
        for index, member in enumerate(value):
            yield from _beyond_limits(shape.member, member, f"{path}[{index}]")
    size = value if shape.type_name == "integer" else len(value) if hasattr(value, "__len__") else 0
    if size > limits.get("max", size) or size < limits.get("min", size):
        yield f"{path}: {size} is not between {limits.get('min')} and {limits.get('max')}"
    if (
        "pattern" in limits
        and isinstance(value, str)
        and not re.fullmatch(f"(?:{limits['pattern']})", value, re.DOTALL)
    ):
        yield f"{path}: {value!r} does not match {limits['pattern']}"


def actions(declared: Values) -> list[Values]:
    """All actions in the order in which they run."""
    return [
        each
        for stage in declared["stages"]
        for each in sorted(stage["actions"], key=lambda action: int(action["runOrder"]))
    ]


def provider(action: Values) -> str:
    return str(action["actionTypeId"]["provider"])


def build_variables(action: Values) -> dict[str, str]:
    """What a CodeBuild action gives its build."""
    listed = json.loads(action["configuration"]["EnvironmentVariables"])
    return {each["name"]: each["value"] for each in listed}


def statements(policy: str) -> list[tuple[str, str]]:
    """Action and resource of what a policy allows, one pair each, sorted."""
    return sorted(
        (action, resource)
        for each in json.loads(policy)["Statement"]
        for action in _several(each["Action"])
        for resource in _several(each["Resource"])
    )


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def roles(shown: Shown) -> dict[str, Values]:
    """The roles by what follows the pipeline's name in theirs."""
    name = shown.one("aws_codepipeline")["name"]
    return {role["name"].removeprefix(f"{name}-"): role for role in shown.of("aws_iam_role").values()}


def policy(shown: Shown, part: str) -> str:
    """The only policy of a part's role."""
    role = roles(shown)[part]
    (found,) = (each for each in shown.of("aws_iam_role_policy").values() if each["role"] == role["id"])
    return str(found["policy"])


def allowed(shown: Shown, part: str) -> Allowed:
    """What a part's role may do, and on what."""
    found: Allowed = {}
    for action, resource in statements(policy(shown, part)):
        found.setdefault(action, []).append(resource)
    return found
