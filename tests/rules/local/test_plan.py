"""ecs_cd.local.plan: what a local run makes of a document and its templates."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.document.rules import document
from ecs_cd.document.rules.document import Document
from ecs_cd.local import plan
from ecs_cd.local.plan import Needed, Secret
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import RegisteredTaskDefinition, S3Object, WorkspaceFile, task_definition_source
from tests.rules.local.workflows import read

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def load(text: str) -> Document:
    return document.load(text, where="here")


SERVICE = "services: {web: {task-definition: t, containers: {app: app}}}"


@pytest.mark.parametrize(
    ("cluster", "source", "workflows", "place"),
    [
        ("c", "file:x", "", ("123456789012", "eu-west-1")),
        ("arn:aws:ecs:us-west-2:210987654321:cluster/c", "file:x", "", ("210987654321", "us-west-2")),
        ("c", "arn:aws:ssm:us-west-1:222222222222:parameter/x", "", ("222222222222", "us-west-1")),
        ("c", "/x", "role-to-assume: 'arn:aws:iam::333333333333:role/r'", ("333333333333", "eu-west-1")),
        ("c", "/x", "aws-region: sa-east-1", ("123456789012", "sa-east-1")),
    ],
)
def test_account_and_region_are_those_of_the_names(
    cluster: str, source: str, workflows: str, place: tuple[str, str]
) -> None:
    """The role that a workflow signs in with comes first, then ARNs, then the registry."""
    found = load(f"{{cluster: '{cluster}', images: {{app: {{repository: {ECR}/app}}}}, {SERVICE}}}")
    steps = f"{{uses: org/ecs-cd@v1, with: {{config: /x, {workflows}}}}}" if workflows else ""
    assert plan.account_and_region(found, source, [read(steps)]) == place


def test_without_any_name_the_account_is_made_up() -> None:
    """A registry that is not ECR's says nothing of an account."""
    found = load(f"{{cluster: c, images: {{app: {{repository: ghcr.io/org/app}}}}, {SERVICE}}}")
    assert plan.account_and_region(found, "file:x", []) == ("000000000000", "us-east-1")


ARN_IN = "arn:aws:ecs:{}:123456789012:{}"


@pytest.mark.parametrize(
    ("cluster", "service", "regions", "words"),
    [
        (ARN_IN.format("eu-west-1", "cluster/c"), ARN_IN.format("us-east-1", "service/c/web"), [], "cluster: eu-west-1; services.web.service: us-east-1"),
        (ARN_IN.format("eu-west-1", "cluster/c"), "web", ["us-east-1"], "cluster: eu-west-1; 0.yml: us-east-1"),
        ("c", "web", ["eu-west-1", "us-east-1"], "0.yml: eu-west-1; 1.yml: us-east-1"),
    ],
)  # fmt: skip
def test_names_in_several_regions_are_refused(cluster: str, service: str, regions: list[str], words: str) -> None:
    """With each place: in AWS such a deployment fails, or it is one of two that one local AWS can't be."""
    found = load(
        f"{{cluster: '{cluster}', images: {{app: {{repository: {ECR}/app}}}}, services: {{web: {{service: '{service}', "
        "task-definition: t, containers: {app: app}}}}"
    )
    step = "{{uses: org/ecs-cd@v1, with: {{config: /x, aws-region: {}}}}}"
    workflows = [read(step.format(region), file=f"{number}.yml") for number, region in enumerate(regions)]
    with pytest.raises(Refused) as refused:
        plan.account_and_region(found, "/x", workflows)
    assert refused.value.problems == (f"a local AWS has one region, but here are 2: {words}",)
    if cluster == "c":
        assert "AWS_REGION=eu-west-1 ecs-cd local up" in refused.value.remedy
        assert plan.account_and_region(found, "/x", workflows, preferred="us-east-1")[1] == "us-east-1"


def test_the_shells_region_is_no_name_of_its_own() -> None:
    """It chooses among several, and changes nothing else."""
    found = load(f"{{cluster: c, images: {{app: {{repository: {ECR}/app}}}}, {SERVICE}}}")
    assert plan.account_and_region(found, "/x", [], preferred="us-west-2")[1] == "eu-west-1"


def test_a_local_document_names_what_is_here() -> None:
    """The local registry, names instead of ARNs and revisions, no CodeDeploy; it is valid, and the other stays."""
    content: dict[str, Any] = {
        "cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod",
        "images": {
            "app": {
                "repository": f"{ECR}/team/app",
                "cache-repository": f"{ECR}/cache",
                "tag-suffix": "-app",
                "copies": ["ghcr.io/x/y"],
            }
        },
        "migration": {"task-definition": "my-migration:3", "container": "app"},
        "tasks": [{"name": "seed", "task-definition": "my-seed:4", "container": "app"}],
        "services": {
            "web": {
                "service": "arn:aws:ecs:eu-west-1:123456789012:service/prod/web",
                "task-definition": "arn:aws:ecs:eu-west-1:123456789012:task-definition/my-web:12",
                "containers": {"app": "app"},
                "codedeploy": {"application": "a"},
            }
        },
        "scheduled-tasks": {
            "nightly": {
                "rule": "r",
                "event-bus": "arn:aws:events:eu-west-1:123456789012:event-bus/mine",
                "task-definition": "s3://b/k.json",
                "containers": {"app": "app"},
            }
        },
    }
    local = plan.local_document(content, "localhost:4566")
    assert local == {
        "cluster": "prod",
        "images": {
            "app": {
                "repository": "localhost:4566/team/app",
                "cache-repository": "localhost:4566/cache",
                "tag-suffix": "-app",
            }
        },
        "migration": {"task-definition": "my-migration", "container": "app"},
        "tasks": [{"name": "seed", "task-definition": "my-seed", "container": "app"}],
        "services": {"web": {"service": "web", "task-definition": "my-web", "containers": {"app": "app"}}},
        "scheduled-tasks": {
            "nightly": {
                "rule": "r",
                "event-bus": "mine",
                "task-definition": "s3://b/k.json",
                "containers": {"app": "app"},
            }
        },
    }
    assert content["services"]["web"]["codedeploy"] == {"application": "a"}
    assert load(str(local)).cluster == "prod"
    assert [line.partition(" ")[0] for line in plan.differences(load(str(content)))] == ["web:"]
    assert plan.repositories(content) == ["team/app", "cache"]


@pytest.mark.parametrize(
    ("source", "name", "version"),
    [
        ("/a/b", "/a/b", 1),
        ("/a/b:3", "/a/b", 3),
        ("name", "name", 1),
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/a/b", "/a/b", 1),
    ],
)
def test_a_parameters_name_and_version(source: str, name: str, version: int) -> None:
    """As GetParameter takes them."""
    assert plan.parameter_name(source) == (name, version)


@pytest.mark.parametrize("service", ["", "my-web", "arn:aws:ecs:eu-west-1:123456789012:service/prod/my-web"])
def test_what_a_service_runs_is_locally_the_family_of_its_name(service: str) -> None:
    """There the service runs a placeholder until the first deployment."""
    entry = {
        "task-definition": "service:web",
        "containers": {"app": "app"},
        **({"service": service} if service else {}),
    }
    content = {"cluster": "c", "images": {"app": {"repository": f"{ECR}/app"}}, "services": {"web": entry}}
    name = "my-web" if service else "web"
    assert plan.local_document(content, "localhost:4566")["services"]["web"]["task-definition"] == name
    (needed,) = plan.needed(load(str(content)))
    assert needed.where == f"of service {name}"
    assert plan.candidates(needed.source) == (f"{name}.json", f"{name}.yaml", f"{name}.yml")
    assert plan.made_up(needed, [], "eu-west-1")["family"] == name


# ---- templates ----


def test_a_template_is_needed_once_with_all_its_containers() -> None:
    """Of services, the migration and scheduled tasks, in this order."""
    found = load(f"""\
cluster: c
images: {{app: {{repository: {ECR}/app}}}}
migration: {{task-definition: s3://b/k.json, container: migrate, service: web}}
services:
  web: {{task-definition: s3://b/k.json, containers: {{app: app, job: app}}}}
scheduled-tasks:
  nightly: {{rule: r, task-definition: fam, containers: {{app: app}}}}
""")
    assert plan.needed(found) == [
        Needed(S3Object("b", "k.json"), ("app", "job", "migrate")),
        Needed(RegisteredTaskDefinition("fam"), ("app",)),
    ]
    assert plan.buckets(found) == ["b"]


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("s3://b/some/k.json", ("b/some/k.json", "some/k.json")),
        ("fam:7", ("fam.json", "fam.yaml", "fam.yml")),
        ("arn:aws:ecs:eu-west-1:123456789012:task-definition/fam:7", ("fam.json", "fam.yaml", "fam.yml")),
    ],
)
def test_a_template_is_looked_for_by_its_name(source: str, paths: tuple[str, ...]) -> None:
    """Below --templates, as the bucket has it or as the family is called."""
    assert plan.candidates(task_definition_source(source)) == paths


@pytest.mark.parametrize(
    ("source", "family"),
    [("s3://b/web/task.json", "web-task"), ("fam:7", "fam"), ("file:ecs/web.v2.yml", "ecs-web-v2")],
)
def test_a_made_up_template_has_what_is_named(source: str, family: str) -> None:
    """Its own family, the containers, and each variable as a secret."""
    made = plan.made_up(Needed(task_definition_source(source), ("app", "nginx")), ["URL"], "eu-west-1")
    assert made["family"] == family
    assert [container["name"] for container in made["containerDefinitions"]] == ["app", "nginx"]
    assert plan.secrets([made]) == [Secret("/ecs-cd/local/URL", True, {"": ("URL",)})]
    assert plan.log_groups([made]) == [(f"/ecs/{family}", "eu-west-1")]
    assert not plan.not_given(plan.secrets([made]), ["URL"])


def definition(**container: Any) -> dict[str, Any]:
    return {"family": "f", "containerDefinitions": [{"name": "app", "image": "i", **container}]}


def test_a_value_that_is_given_replaces_the_templates() -> None:
    """The real network's hosts do not exist here; other values stay, and registry credentials are dropped."""
    template = definition(
        environment=[{"name": "HOST", "value": "real"}, {"name": "MODE", "value": "prod"}],
        repositoryCredentials={"credentialsParameter": "arn"},
    )
    local = plan.for_this_machine(template, {"HOST": "db"}, "amd64")["containerDefinitions"][0]
    assert local["environment"] == [{"name": "HOST", "value": "db"}, {"name": "MODE", "value": "prod"}]
    assert "repositoryCredentials" not in local
    assert template["containerDefinitions"][0]["environment"][0]["value"] == "real"


@pytest.mark.parametrize(
    ("wanted", "engine", "kept"), [("ARM64", "arm64", True), ("X86_64", "amd64", True), ("ARM64", "amd64", False)]
)
def test_another_architecture_is_told_and_left_out(wanted: str, engine: str, kept: bool) -> None:
    """Docker would refuse an image that is built here for what is here."""
    template = {**definition(), "runtimePlatform": {"cpuArchitecture": wanted, "operatingSystemFamily": "LINUX"}}
    local = plan.for_this_machine(template, {}, engine)
    assert ("cpuArchitecture" in local["runtimePlatform"]) is kept
    assert local["runtimePlatform"]["operatingSystemFamily"] == "LINUX"
    assert bool(plan.notes(template, Needed(RegisteredTaskDefinition("f"), ("app",)), engine)) is not kept


def test_an_image_of_somebody_elses_ecr_is_told() -> None:
    """Not of a container whose image the deployment replaces."""
    template = definition(image=f"{ECR}/agent:1")
    assert plan.notes(template, Needed(RegisteredTaskDefinition("f"), ("app",)), "amd64") == []
    (note,) = plan.notes(template, Needed(RegisteredTaskDefinition("f"), ()), "amd64")
    assert "container `app` runs an image from ECR" in note


def test_what_pauses_has_the_containers_and_nothing_to_do() -> None:
    """No command, no variables, no secrets: it runs whatever the template needs."""
    template = {**definition(command=["x"], secrets=[{}], user="1"), "networkMode": "awsvpc", "volumes": [{}]}
    assert plan.pausing(template, "pause") == {
        "family": "f",
        "networkMode": "awsvpc",
        "containerDefinitions": [{"name": "app", "image": "pause", "essential": True, "memory": 64}],
    }


# ---- secrets ----

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/db-Ab1Cd2"


@pytest.mark.parametrize(
    ("value_from", "secret", "local"),
    [
        (ARN, Secret("team/db-Ab1Cd2", False, {"": ("URL",)}), "arn:local"),
        (f"{ARN}:url::", Secret("team/db-Ab1Cd2", False, {"url": ("URL",)}), "arn:local:url::"),
        (f"{ARN}:url:AWSPREVIOUS:", Secret("team/db-Ab1Cd2", False, {"url": ("URL",)}), "arn:local:url::"),
        ("/team/db", Secret("/team/db", True, {"": ("URL",)}), "/team/db"),
        ("plain", Secret("plain", True, {"": ("URL",)}), "plain"),
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/team/db", Secret("/team/db", True, {"": ("URL",)}), "/team/db"),
    ],
)
def test_secrets_get_local_names(value_from: str, secret: Secret, local: str) -> None:
    """Those of Secrets Manager their local ARN with the same key, those of SSM their name."""
    template = definition(secrets=[{"name": "URL", "valueFrom": value_from}])
    assert plan.secrets([template]) == [secret]
    changed = plan.with_secrets(template, {"team/db-Ab1Cd2": "arn:local"})
    assert changed["containerDefinitions"][0]["secrets"] == [{"name": "URL", "valueFrom": local}]


def test_a_secret_of_several_variables_is_one() -> None:
    """Its keys are those that any container reads."""
    first = definition(
        secrets=[{"name": "URL", "valueFrom": f"{ARN}:url::"}, {"name": "KEY", "valueFrom": f"{ARN}:key::"}]
    )
    second = definition(secrets=[{"name": "DATABASE_URL", "valueFrom": f"{ARN}:url::"}])
    (secret,) = plan.secrets([first, second])
    assert secret.variables == {"url": ("URL", "DATABASE_URL"), "key": ("KEY",)}
    assert plan.values(secret, {"DATABASE_URL": "given"}, {"key": "there"}, "made-up") == {
        "url": "given",
        "key": "there",
    }
    assert plan.values(secret, {}, {}, "made-up") == {"url": "made-up", "key": "made-up"}
    assert plan.not_given([secret], {"DATABASE_URL"}) == ["KEY"]


def test_variables_that_nobody_has_are_told() -> None:
    """Otherwise a misspelt name would silently change nothing."""
    template = definition(environment=[{"name": "A", "value": ""}], secrets=[{"name": "B", "valueFrom": "/b"}])
    assert plan.unknown_variables(["A", "B", "C"], [template]) == ["C"]


def test_a_file_of_variables_is_read_as_docker_does() -> None:
    """Comments and empty lines; a value is all that follows, quotes and `=` included."""
    text = '# of mine\n\nURL=postgres://u:p=@db/x?a=b#c\n  QUOTED="a b"\nEMPTY=\n'
    assert plan.read_variables(text, where="f") == {"URL": "postgres://u:p=@db/x?a=b#c", "QUOTED": '"a b"', "EMPTY": ""}


@pytest.mark.parametrize("text", ["no-equals-s3cret", "A=1\n=s3cret", "A=1\ns3cret name=x", "export A=s3cret"])
def test_a_file_of_variables_that_is_wrong_shows_no_value(text: str) -> None:
    """The message has the place, and nothing of the line: it may contain a secret."""
    with pytest.raises(Refused) as refused:
        plan.read_variables(text, where="local.env")
    assert "local.env" in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_file_of_the_workspace_is_where_it_is() -> None:
    """Its name is its path."""
    assert Needed(WorkspaceFile("ecs/task.json"), ("app",)).where == "ecs/task.json"
