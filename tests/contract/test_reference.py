"""docs/reference agrees with the code: the document, the app file, the exit codes and the permissions."""

from __future__ import annotations

import ast
import re

import botocore.session
import pytest
from botocore import xform_name

from ecs_cd.document.rules import app_file, document
from ecs_cd.document.rules.document import CodeDeploy, Document, OneOffTask, Rule, ScheduledTask, Service
from ecs_cd.document.rules.pipeline import Pipeline
from ecs_cd.model.attestation import Policy
from ecs_cd.model.build_spec import BuildSpec
from ecs_cd.model.references import RegisteredTaskDefinition, Repository, S3Object
from ecs_cd.model.verdict import DEFECT_EXIT_CODE, EXIT_CODES, REFUSED_EXIT_CODE
from tests.contract import parts
from tests.contract.parts import APP_FILE, DOCUMENT, EXIT_CODES_PAGE, QUICKSTART, ROOT
from tests.timelines.permissions import FREE, INDIRECT, action

AWS = ROOT / "src" / "ecs_cd" / "aws"
# Each file by what it makes clients of; of these the prefix in IAM is another than botocore's name.
CLIENTS = {
    path: set(re.findall(r'\.(?:client|once)\(\s*"([\w-]+)"', path.read_text(encoding="utf-8")))
    for path in AWS.glob("*.py")
    if path.stem not in ("__init__", "session", "errors", "lazy_imports", "as_written", "readable")
}
SERVICES = sorted(set().union(*CLIENTS.values()))
PREFIXES = {"elbv2": "elasticloadbalancing"}


def test_the_document_to_copy_is_valid() -> None:
    """What people copy into their parameter is read without complaint, and means what the page says."""
    (text,) = (block for block in parts.blocks(DOCUMENT, "yaml") if block.startswith("cluster:"))
    host = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
    codedeploy = CodeDeploy(
        "my-app",
        "my-group",
        S3Object("my-bucket", "appspec.yml"),
        "CodeDeployDefault.ECSCanary10Percent5Minutes",
        "the api",
    )
    assert document.load(text, where=DOCUMENT.name) == Document(
        cluster="my-cluster",
        images={"app": Repository(host, "my-app", "123456789012", "ap-northeast-1")},
        services={
            "web": Service(
                "web",
                "my-service",
                S3Object("my-bucket", "task_definition.json"),
                {"app": "app"},
                environment_from_app=("APP_VERSION",),
            ),
            "worker": Service("worker", "worker", RegisteredTaskDefinition("my-worker"), {"worker": "app"}),
            "api": Service("api", "api", RegisteredTaskDefinition("my-api"), {"api": "app"}, codedeploy),
        },
        migration=OneOffTask(
            S3Object("my-bucket", "task_definition_migration.json"), "app", "app", "web", ("rails", "db:migrate")
        ),
        tasks=(
            OneOffTask(
                RegisteredTaskDefinition("my-seed"),
                "app",
                "app",
                "web",
                ("rails", "db:seed"),
                key="seed",
                path="tasks[0]",
            ),
        ),
        scheduled_tasks={
            "nightly": ScheduledTask(
                "nightly", Rule("my-nightly"), RegisteredTaskDefinition("my-nightly"), {"job": "app"}
            )
        },
        pipeline=Pipeline("my-app-deploy", variables={"IMAGE_APP": "app"}, commit="COMMIT"),
        require_attestation=Policy("my-org/my-app", ("my-org/my-app/.github/workflows/cd.yml@main",)),
        lock="/ecs-cd/my-app/production/lock",
        freeze="/ecs-cd/freeze",
    )


def test_the_quickstarts_document_is_valid() -> None:
    """The smallest one: a cluster, an image and a service."""
    (text,) = (block for block in parts.blocks(QUICKSTART, "yaml") if block.startswith("cluster:"))
    loaded = document.load(text, where=QUICKSTART.name)
    assert loaded.migration is None
    assert loaded.services == {
        "web": Service("web", "my-service", RegisteredTaskDefinition("my-family"), {"app": "app"})
    }


def test_the_app_file_to_copy_is_valid() -> None:
    """What people copy into .github/ecs-cd.yml is read without complaint, and uses every key there is."""
    (text,) = (block for block in parts.blocks(APP_FILE, "yaml") if block.startswith("images:"))
    app, nginx = app_file.load(text, where=APP_FILE.name).values()
    assert app == BuildSpec(
        "app",
        context=".",
        file="docker/Dockerfile",
        target="production",
        build_args=("NODE_ENV=production",),
        platforms=("linux/amd64", "linux/arm64"),
        secret_envs={"npm": "NPM_TOKEN"},
        secret_files={"cert": "certs/ca.pem"},
        cache="registry",
    )
    assert nginx == BuildSpec("nginx", context="nginx")


def test_the_terraform_to_copy_writes_the_same_document() -> None:
    """What `jsonencode` would make of it, once Terraform has filled in names, is valid."""
    (text,) = parts.blocks(DOCUMENT, "hcl")
    (inside,) = re.findall(r"jsonencode\((\{.*?\n  \})\)", text, re.S)
    filled = re.sub(r"aws_ecr_repository[\w.]+", '"localhost/my-app"', re.sub(r"\$\{.*?\}", "x", inside))
    named = re.sub(r'"?([\w-]+)"?\s+= ', r'"\1": ', re.sub(r"aws_[\w.]+", '"x"', filled))
    loaded = document.load(re.sub(r"(?<![{,])\n", ",\n", named), where=DOCUMENT.name)
    assert loaded.migration
    assert loaded.services["web"].containers == {"app": "app"}


def test_the_exit_codes_are_those_of_the_code() -> None:
    """Each code once, with the words of the output `result`."""
    rows = re.findall(r"^\| (\d+) \| ([a-z, -]*?) ?\|", EXIT_CODES_PAGE.read_text(encoding="utf-8"), re.M)
    documented = {(int(code), word) for code, words in rows for word in words.split(", ")}
    without_verdict = {(REFUSED_EXIT_CODE, ""), (DEFECT_EXIT_CODE, "")}
    assert documented == {(code, outcome.value) for outcome, code in EXIT_CODES.items()} | without_verdict


def calls(service: str) -> set[str]:
    """The operations of this service that src/ecs_cd/aws calls, as IAM actions."""
    operations = botocore.session.get_session().get_service_model(service).operation_names
    by_method = {xform_name(operation): operation for operation in operations}
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path, services in CLIENTS.items() if service in services]
    names = {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return {action(f"{service}.{by_method[name]}") for name in names & set(by_method)}


def test_each_file_of_aws_is_of_one_service() -> None:
    """A file that is about none, or about two, has another name for the reader than for this test."""
    assert {path.name: services for path, services in CLIENTS.items() if len(services) != 1} == {}


@pytest.mark.parametrize("service", SERVICES)
def test_the_permissions_are_what_the_code_calls(service: str) -> None:
    """A role made from this page can do all that the actions do, and nothing else."""
    page = parts.PERMISSIONS.read_text(encoding="utf-8")
    rows = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    documented = set(re.findall(rf"`({PREFIXES.get(service, service)}:[A-Z]\w+)`", rows))
    condition_keys = {"iam:PassedToService"}
    assert documented - INDIRECT - condition_keys == calls(service) - INDIRECT - FREE
