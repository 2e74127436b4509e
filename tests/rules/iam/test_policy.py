"""Policies: resources of a document, what is wide for want of knowledge, sizes, and other accounts' repositories."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecs_cd.iam.rules import choice, policy, resources, terraform
from ecs_cd.iam.rules.facts import Facts
from ecs_cd.iam.rules.permissions import TABLE
from ecs_cd.iam.rules.place import Place
from ecs_cd.iam.rules.policy import Statement
from ecs_cd.iam.rules.resources import Wanted
from tests.rules.iam.test_place import A, B, image, loaded

HERE = Place(A, "eu-west-1")
ECS = f"arn:aws:ecs:eu-west-1:{A}"
WEB = {"family": "web", "executionRoleArn": f"arn:aws:iam::{A}:role/execution"}
FACTS = Facts(definitions={"services.web": WEB}, services={"web": {}})


def wanted(facts: Facts = FACTS, verbs: tuple[str, ...] = ("deploy",), config: str = "/x", **changes: Any) -> Wanted:
    return resources.wanted(loaded(**changes), facts, HERE, verbs, config)


def actions(found: list[Statement]) -> set[str]:
    return {action for each in found for action in each["Action"]}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("/ecs-cd/app", [f"arn:aws:ssm:eu-west-1:{A}:parameter/ecs-cd/app"]),
        ("name:7", [f"arn:aws:ssm:eu-west-1:{A}:parameter/name"]),
        (f"arn:aws:ssm:us-east-1:{B}:parameter/x:7", [f"arn:aws:ssm:us-east-1:{B}:parameter/x"]),
        ("file:x.yaml", []),
    ],
)
def test_the_parameter_is_named_without_its_version(config: str, expected: list[str]) -> None:
    """In each form that `config` takes; a file needs no permission."""
    assert wanted(config=config).resources["parameters"] == expected


def test_a_document_with_arns_means_the_same_as_with_names() -> None:
    """The cluster, its services and task definitions."""
    arns: dict[str, Any] = {
        "cluster": f"{ECS}:cluster/main",
        "services": {"web": {"service": f"{ECS}:service/main/web", "task-definition": f"{ECS}:task-definition/web:3",
                             "containers": {"app": "app"}}},
    }  # fmt: skip
    facts = Facts(definitions=FACTS.definitions, services={f"{ECS}:service/main/web": {}})
    assert wanted(facts, **arns) == wanted()


def test_every_row_of_the_table_has_resources() -> None:
    """A new name in the table needs its ARNs here."""
    assert {row.on for row in TABLE} == set(wanted().resources)


def test_what_is_read_leaves_nothing_wide() -> None:
    """No wildcard for a family, a role or a log group; no note."""
    found = wanted()
    assert (found.resources["families"], found.resources["roles"], found.resources["log_groups"], found.notes) == (
        [f"{ECS}:task-definition/web:*"],
        [f"arn:aws:iam::{A}:role/execution"],
        [],
        [],
    )


UNREAD: dict[str, tuple[dict[str, Any], tuple[str, ...], dict[str, list[str]], str]] = {
    "a family": (
        {},
        ("deploy",),
        {"families": [f"{ECS}:task-definition/web:*"], "roles": [f"arn:aws:iam::{A}:role/*"]},
        "services.web: its task definition can't be read",
    ),
    "a template in S3": (
        {"services": {"web": {"task-definition": "s3://b/k", "containers": {"app": "app"}},
                      "api": {"task-definition": "api", "containers": {"app": "app"}}}},
        ("deploy",),
        {"families": [f"{ECS}:task-definition/*:*"], "log_groups": [f"arn:aws:logs:eu-west-1:{A}:log-group:*:log-stream:*"]},
        "services.web: its task definition can't be read, so the policy names every family",
    ),
    "who deploys": ({}, ("rollback",), {"codedeploy": []}, "services.web: ECS doesn't say who deploys it"),
    "a schedule": (
        {"scheduled-tasks": {"n": {"rule": "n", "task-definition": "n", "containers": {"app": "app"}}}},
        ("deploy",),
        {"schedule_roles": [f"arn:aws:iam::{A}:role/*"]},
        "scheduled-tasks.n: its targets can't be read",
    ),
    "a pipeline": (
        {"pipeline": {"name": "p", "variables": {"IMAGE": "app"}}},
        ("hand-off",),
        {"projects": [f"arn:aws:codebuild:eu-west-1:{A}:project/*"], "services": []},
        "pipeline: it can't be read",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "verbs", "expected", "note"), UNREAD.values(), ids=UNREAD.keys())
def test_what_is_not_known_is_wide_and_noted(
    changes: Any, verbs: tuple[str, ...], expected: dict[str, list[str]], note: str
) -> None:
    """The role still works; the note says what to narrow. A wildcard stands alone."""
    found = wanted(Facts(), verbs, **changes)
    assert {name: found.resources[name] for name in expected} == expected
    assert any(each.startswith(note) for each in found.notes)


def test_codedeploy_by_the_document_alone_needs_no_answer_of_ecs() -> None:
    """The key `codedeploy` says it, and its default names are the console's."""
    service = {"task-definition": "web", "containers": {"app": "app"}, "codedeploy": {"description": "x"}}
    found = wanted(Facts(definitions=FACTS.definitions), services={"web": service})
    assert found.notes == []
    assert found.resources["codedeploy"][1].endswith("deploymentgroup:AppECS-main-web/DgpECS-main-web")


def test_a_service_of_ecs_has_nothing_of_codedeploy() -> None:
    """Even if the document describes it: the service's own controller decides."""
    service = {"task-definition": "web", "containers": {"app": "app"}, "codedeploy": {"description": "x"}}
    assert wanted(services={"web": service}).resources["codedeploy"] == []


def test_a_role_has_only_the_images_of_its_verbs() -> None:
    """A migration runs its own; a build pushes all, to copies and caches in ECR as well, but to no other registry."""
    app = {
        **image(),
        "cache-repository": image(name="cache")["repository"],
        "copies": [image(B)["repository"], "ghcr.io/a/b"],
    }
    changes: dict[str, Any] = {
        "images": {"app": app, "job": image(name="job")},
        "migration": {"task-definition": "m", "container": "job"},
    }
    ecr = f"arn:aws:ecr:eu-west-1:{A}:repository"
    assert wanted(Facts(), ("migrate",), **changes).resources["repositories"] == [f"{ecr}/job"]
    assert wanted(Facts(), ("build-push",), **changes).resources["repositories"] == [
        f"{ecr}/app", f"{ecr}/job", f"{ecr}/cache", f"arn:aws:ecr:eu-west-1:{B}:repository/app",
    ]  # fmt: skip


def statements(verbs: tuple[str, ...] = ("deploy",), **changes: Any) -> list[Statement]:
    return policy.statements(choice.verbs(verbs, loaded(**changes)), (), wanted(verbs=verbs, **changes), HERE)


def test_another_accounts_repository_lets_this_account_use_it() -> None:
    """As far as the role's own policy does, and ECS pulls for the tasks; this account's needs no such policy."""
    changes = {"images": {"app": image(B), "own": image()}}
    found = policy.of_repositories(
        statements(("build-push", "deploy"), **changes), [f"arn:aws:ecr:eu-west-1:{B}:repository/app"], HERE
    )
    ((name, only),) = found.items()
    (statement,) = only["Statement"]
    assert name == f"arn:aws:ecr:eu-west-1:{B}:repository/app"
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{A}:root"} and "Resource" not in statement
    assert {"ecr:PutImage", *policy.PULL} <= set(statement["Action"])


def test_without_pulling_a_repository_allows_what_the_verbs_do() -> None:
    """A build that only pushes gets no more."""
    found = policy.of_repositories(statements(("build-push",), images={"app": image(B)}), (), HERE)
    assert "ecr:GetDownloadUrlForLayer" not in actions(next(iter(found.values()))["Statement"])


def many(number: int) -> list[Statement]:
    services = {f"service-{each}": {"task-definition": "web", "containers": {"app": "app"}} for each in range(number)}
    facts = Facts({f"services.{key}": WEB for key in services}, {key: {} for key in services})
    document = loaded(services=services)
    return policy.statements(("deploy",), (), resources.wanted(document, facts, HERE, ("deploy",), "/x"), HERE)


def test_a_policy_that_fits_is_one() -> None:
    """Inline if it must."""
    assert policy.parts(many(3)) == [policy.document(many(3))]


@pytest.mark.parametrize("number", [40, 150])
def test_a_policy_that_fits_nowhere_is_in_parts_that_do(number: int) -> None:
    """Each part is a managed policy, and together they allow exactly the same."""

    def allowed(found: list[Statement]) -> set[tuple[str, str, str]]:
        return {
            (action, resource, json.dumps(each.get("Condition")))
            for each in found
            for action in each["Action"]
            for resource in each["Resource"]
        }

    found = policy.parts(many(number))
    assert len(found) > 1
    assert all(policy.size(part) <= policy.MANAGED for part in found)
    assert allowed([each for part in found for each in part["Statement"]]) == allowed(many(number))


def test_a_name_is_no_expression_in_terraform() -> None:
    """A document's text must not be evaluated by Terraform, nor end its string."""
    hostile = policy.document(
        [{"Effect": "Allow", "Action": ["a:B"], "Resource": ['${file("x")}', "%{ if true }", 'a"b\\']}]
    )
    text = terraform.text({A: {"permissions": hostile}})
    assert '"$${file(\\"x\\")}"' in text and '"%%{ if true }"' in text and '"a\\"b\\\\"' in text
