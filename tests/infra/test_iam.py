"""`ecs-cd iam` and infra/terraform/permissions: the same statements for the same document, and Terraform that is valid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dev.terraform.terraform import Terraform
from ecs_cd.document.rules import document
from ecs_cd.iam.rules import choice, policy, resources, terraform, trust
from ecs_cd.iam.rules.facts import Facts
from ecs_cd.iam.rules.permissions import FEATURES
from ecs_cd.iam.rules.place import Place
from ecs_cd.iam.rules.policy import Statement
from ecs_cd.model.references import repository
from tests.contract.parts import ROOT

MODULE = ROOT / "infra" / "terraform" / "permissions"
CONFIG = "/ecs-cd/my-app/production"
KEY = "arn:aws:kms:us-east-1:123456789012:key/my-key"
OTHER = "222222222222.dkr.ecr.eu-west-1.amazonaws.com/base"
HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


def definition(family: str, group: str, **more: Any) -> dict[str, Any]:
    log = {"logDriver": "awslogs", "options": {"awslogs-group": group, "awslogs-region": "us-east-1"}}
    container = {"name": "app", "image": "x", "logConfiguration": log}
    return {"family": family, "executionRoleArn": "my-execution", "containerDefinitions": [container], **more}


LOCKS = {"lock": "/ecs-cd/my-app/lock", "freeze": "/ecs-cd/freeze"}
DOCUMENT: dict[str, Any] = {
    **LOCKS,
    "cluster": "my-cluster",
    "images": {
        "app": {"repository": f"{HOST}/my-app", "cache-repository": f"{HOST}/my-cache"},
        "page": {"repository": "public.ecr.aws/alias/my-page", "copies": [f"{HOST}/my-copy", "ghcr.io/org/page"]},
    },
    "migration": {"task-definition": "s3://my-bucket/migration.json", "container": "app", "service": "web"},
    "services": {
        "web": {"task-definition": "s3://my-bucket/web.json", "containers": {"app": "app", "page": "page"}},
        "api": {
            "service": "my-api",
            "task-definition": "my-api:7",
            "containers": {"app": "app"},
            "codedeploy": {"application": "my-application", "deployment-config": "my-config", "appspec": "s3://my-bucket/a.yml"},
        },
    },
    "scheduled-tasks": {
        "nightly": {"rule": "my-nightly", "task-definition": "my-nightly", "containers": {"app": "app"}},
        "bus": {"rule": "my-rule", "event-bus": "my-bus", "task-definition": "my-nightly", "containers": {"app": "app"}},
        "hourly": {"schedule": "my-hourly", "schedule-group": "jobs", "task-definition": "my-nightly", "containers": {"app": "app"}},
    },
    "pipeline": {"name": "my-pipeline", "start": "object", "object": "s3://my-bucket/hand-off.zip", "source": "Source"},
}  # fmt: skip


def action(provider: str, **configuration: str) -> dict[str, Any]:
    return {"name": provider, "actionTypeId": {"provider": provider}, "configuration": configuration}


FACTS = Facts(
    definitions={
        "migration": definition("my-migration", "/ecs/migration"),
        "services.web": definition("my-web", "/ecs/web", taskRoleArn="arn:aws:iam::123456789012:role/my-task"),
        "services.api": definition("my-api", "/ecs/web"),
        **{f"scheduled-tasks.{key}": definition("my-nightly", "/ecs/nightly") for key in ("nightly", "bus", "hourly")},
    },
    services={"web": {}, "my-api": {"deploymentController": {"type": "CODE_DEPLOY"}}},
    schedule_roles={key: ["arn:aws:iam::123456789012:role/my-events"] for key in ("nightly", "bus", "hourly")},
    pipeline={
        "stages": [
            {"actions": [action("ECR"), action("CodeBuild", ProjectName="my-project")]},
            {"actions": [action("CodeDeployToECS", ApplicationName="app", DeploymentGroupName="group")]},
        ]
    },
    keys=[KEY],
    bases=[repository(OTHER)],
)
# What each verb uses of the document, as somebody would write it into the Terraform module.
_ALL: dict[str, Any] = {"parameters": [CONFIG], "kms_keys": [KEY]}
_CLUSTER: dict[str, Any] = {"cluster": "my-cluster", "services": ["web", "my-api"]}
_OWN = {"repositories": ["my-app"], "public_repositories": ["my-page"]}
_PUSHED = {"repositories": ["my-app", "my-cache", "my-copy"], "public_repositories": ["my-page"]}
_BASES = {"base_repositories": ["arn:aws:ecr:eu-west-1:222222222222:repository/base"]}
_CODEDEPLOY: dict[str, Any] = {
    "codedeploy": [{"application": "my-application", "deployment_group": "DgpECS-my-cluster-my-api"}],
    "deployment_configurations": ["CodeDeployDefault.*", "my-config"],
}
_SERVICES = {**_CLUSTER, **_OWN, **_CODEDEPLOY, "log_groups": ["/ecs/web"]}
_DEPLOYED = {
    **_SERVICES,
    "families": ["my-web", "my-api", "my-nightly"],
    "roles": ["my-execution", "my-task"],
    "templates": ["s3://my-bucket/web.json", "s3://my-bucket/a.yml"],
    "log_groups": ["/ecs/web", "/ecs/nightly"],
    "rules": ["my-nightly", "my-bus/my-rule"],
    "schedules": ["jobs/my-hourly"],
    "schedule_roles": ["my-events"],
}
ACCESS: dict[tuple[str, ...], dict[str, Any]] = {
    ("build-push",): {**_PUSHED, **_BASES},
    ("migrate",): {
        "cluster": "my-cluster", "services": ["web"], "repositories": ["my-app"], "families": ["my-migration"],
        "roles": ["my-execution"], "templates": ["s3://my-bucket/migration.json"], "log_groups": ["/ecs/migration"],
    },
    ("deploy",): _DEPLOYED,
    ("continue",): _SERVICES,
    ("rollback",): _SERVICES,
    ("artifacts",): {**_CLUSTER, **_OWN, "templates": ["s3://my-bucket/web.json", "s3://my-bucket/a.yml"]},
    ("hand-off",): {
        **_CLUSTER, **_OWN, "pipelines": ["my-pipeline"], "projects": ["my-project"], "objects": ["s3://my-bucket/hand-off.zip"],
        "codedeploy": [{"application": "app", "deployment_group": "group"}],
    },
    ("lock",): {},
    ("unlock",): {},
    ("verify",): {
        **_DEPLOYED,
        "families": ["my-web", "my-api", "my-migration", "my-nightly"],
        "templates": ["s3://my-bucket/web.json", "s3://my-bucket/a.yml", "s3://my-bucket/migration.json"],
        "log_groups": ["/ecs/web", "/ecs/migration", "/ecs/nightly"],
        "codedeploy": [*_CODEDEPLOY["codedeploy"], {"application": "app", "deployment_group": "group"}],
        "pipelines": ["my-pipeline"],
    },
    ("plan",): {
        **_CLUSTER, **_OWN, "rules": ["my-nightly", "my-bus/my-rule"], "schedules": ["jobs/my-hourly"],
        "templates": ["s3://my-bucket/web.json", "s3://my-bucket/a.yml", "s3://my-bucket/migration.json"],
    },
    ("build-push", "migrate", "deploy"): {
        **_DEPLOYED, **_PUSHED, **_BASES,
        "families": ["my-web", "my-api", "my-migration", "my-nightly"],
        "templates": ["s3://my-bucket/web.json", "s3://my-bucket/a.yml", "s3://my-bucket/migration.json"],
        "log_groups": ["/ecs/web", "/ecs/migration", "/ecs/nightly"],
    },
}  # fmt: skip


def made(verbs: tuple[str, ...], region: str = "us-east-1", config: str = CONFIG) -> list[Statement]:
    given = document.load(json.dumps(DOCUMENT).replace(".us-east-1.", f".{region}."), where="a test")
    place = Place("123456789012", region)
    wanted = resources.wanted(given, FACTS, place, choice.verbs(verbs, given), config)
    assert [note for note in wanted.notes if not note.startswith("verify checks iam:PassRole if")] == []
    return policy.statements(verbs, FEATURES, wanted, place)


@pytest.mark.parametrize("verbs", ACCESS, ids="+".join)
def test_iam_and_the_terraform_module_make_the_same_statements(terraform: Terraform, verbs: tuple[str, ...]) -> None:
    """For each verb, and for the role of a whole pipeline."""
    variables = {"verbs": verbs, "access": {**_ALL, **LOCKS, **ACCESS[verbs]}, "features": FEATURES}
    assert made(verbs) == terraform.apply(MODULE, variables).outputs["statements"]


def test_they_agree_in_china(terraform: Terraform) -> None:
    """In another partition, in which ECR has another host."""
    region, verbs = "cn-north-1", ("migrate",)
    access = {**_ALL, **LOCKS, **ACCESS[verbs], "kms_keys": [KEY], "roles": ["my-execution"]}
    shown = terraform.apply(MODULE, {"verbs": verbs, "access": access, "features": FEATURES}, region)
    expected = json.dumps(shown.outputs["statements"]).replace(
        ":logs:cn-north-1:", ":logs:us-east-1:"
    )  # awslogs-region
    assert made(verbs, region) == json.loads(expected)


POLICIES = {
    "123456789012": {
        "permissions": policy.document(made(("build-push", "migrate", "deploy"))),
        "trust": trust.policy(
            trust.Repository("github.com", "my-org/my-app"),
            ["ref:refs/heads/release/*"],
            Place("123456789012", "us-east-1"),
        ),
    },
    "222222222222": policy.of_repositories(made(("build-push",)), (), Place("123456789012", "us-east-1")),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What `--format terraform` prints, with an output for each policy."""
    text = terraform.text(POLICIES)
    names = [line.split('"')[3] for line in text.splitlines() if line.startswith("data ")]
    outputs = [
        f'output "{name}" {{\n  description = "It."\n  value       = data.aws_iam_policy_document.{name}.json\n}}\n'
        for name in names
    ]
    (tmp_path / "main.tf").write_text(text + "\n", encoding="utf-8")
    (tmp_path / "outputs.tf").write_text("\n".join(outputs), encoding="utf-8")
    return tmp_path


def canonical(policy: Any) -> str:
    """A policy without the difference between a text and a list of one, and without the order of a list."""
    if isinstance(policy, dict):
        return json.dumps({key: canonical(value) for key, value in policy.items() if key != "Sid"}, sort_keys=True)
    items = policy if isinstance(policy, list) else [policy]
    return json.dumps(sorted(canonical(each) if isinstance(each, dict) else json.dumps(each) for each in items))


def test_the_terraform_that_is_printed_is_formatted(request: pytest.FixtureRequest, folder: Path) -> None:
    """As `terraform fmt` would write it, so that it can be committed as it is."""
    request.getfixturevalue("terraform").fmt_check(folder)


def test_the_terraform_that_is_printed_gives_the_same_policies(request: pytest.FixtureRequest, folder: Path) -> None:
    """The data sources' JSON allows what the printed JSON allows."""
    outputs = request.getfixturevalue("terraform").apply(folder).outputs
    expected = [each for named in POLICIES.values() for each in named.values()]
    found = [json.loads(text) for text in outputs.values()]
    assert sorted(map(canonical, found)) == sorted(map(canonical, expected))
