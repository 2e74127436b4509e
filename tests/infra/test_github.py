"""infra/terraform/github: which jobs may assume a role, and what it may do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dev.terraform.terraform import Shown, Terraform, TerraformError
from tests.contract.parts import ROOT
from tests.timelines import permissions

MODULE = ROOT / "infra" / "terraform" / "github"
ISSUER = "token.actions.githubusercontent.com"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"
GIVEN: dict[str, Any] = {
    "name": "my-app",
    "repositories": ["my-org/my-app"],
    "roles": {"cd": {"verbs": ["build-push"], "branches": ["main"]}},
    "access": {"repositories": ["my-app"], "cluster": "my-cluster"},
}


@pytest.fixture
def applied(terraform: Terraform) -> Any:
    """The module with the given inputs and these."""

    def make(region: str = "", **variables: Any) -> Shown:
        return terraform.apply(MODULE, {**GIVEN, **variables}, region)

    return make


def trust(shown: Shown, key: str = "cd") -> dict[str, Any]:
    """The only statement of a role's trust policy."""
    document = json.loads(shown.resources[f'aws_iam_role.this["{key}"]']["assume_role_policy"])
    assert document["Version"] == "2012-10-17"
    (statement,) = document["Statement"]
    return dict(statement)


def policy(shown: Shown, key: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(shown.resources[f'aws_iam_role_policy.this["{key}"]']["policy"])
    return document


def allowed(shown: Shown, key: str) -> set[str]:
    return {action for each in policy(shown, key)["Statement"] for action in each["Action"]}


AUDIENCE = {f"{ISSUER}:aud": "sts.amazonaws.com"}
TRUSTED: dict[str, tuple[dict[str, list[str]], str, list[str]]] = {
    "a branch": ({"branches": ["main"]}, "StringEquals", ["repo:my-org/my-app:ref:refs/heads/main"]),
    "a tag": ({"tags": ["v1.2.3"]}, "StringEquals", ["repo:my-org/my-app:ref:refs/tags/v1.2.3"]),
    "an environment": ({"environments": ["production"]}, "StringEquals", ["repo:my-org/my-app:environment:production"]),
    "branches with a wildcard": (
        {"branches": ["main", "release/*"]},
        "StringLike",
        ["repo:my-org/my-app:ref:refs/heads/main", "repo:my-org/my-app:ref:refs/heads/release/*"],
    ),
    "a branch and an environment": (
        {"branches": ["main"], "environments": ["production"]},
        "StringEquals",
        ["repo:my-org/my-app:ref:refs/heads/main", "repo:my-org/my-app:environment:production"],
    ),
}


@pytest.mark.parametrize(("jobs", "operator", "subjects"), TRUSTED.values(), ids=TRUSTED.keys())
def test_a_role_trusts_the_jobs_that_are_named(
    applied: Any, jobs: dict[str, list[str]], operator: str, subjects: list[str]
) -> None:
    """The whole `sub`, and tokens for STS only."""
    shown = applied(roles={"cd": {"verbs": ["build-push"], **jobs}})
    condition = trust(shown)["Condition"]
    assert condition.pop(operator)[f"{ISSUER}:sub"] == subjects
    assert condition in ({}, {"StringEquals": AUDIENCE})
    assert trust(shown)["Condition"]["StringEquals"][f"{ISSUER}:aud"] == "sts.amazonaws.com"
    assert shown.outputs["subjects"] == {"cd": subjects}


def test_a_role_trusts_both_forms_of_a_repository(applied: Any) -> None:
    """With ids and without, while a repository switches."""
    found = applied(repositories=["my-org/my-app", "my-org@1234/my-app@5678"]).outputs["subjects"]["cd"]
    assert found == ["repo:my-org/my-app:ref:refs/heads/main", "repo:my-org@1234/my-app@5678:ref:refs/heads/main"]


def test_a_role_is_assumed_with_a_token_only(applied: Any) -> None:
    """By nobody else, and with no other call."""
    statement = trust(applied())
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {"Federated": PROVIDER}


ROLES = {
    "build": {"verbs": ["build-push"], "branches": ["main"]},
    "migrate": {"verbs": ["migrate"], "environments": ["production"]},
    "deploy": {"verbs": ["deploy"], "environments": ["production"], "features": ["run-task", "keep-revisions"]},
    "back": {"verbs": ["continue", "rollback"], "environments": ["production"]},
}
ACCESS = {
    "repositories": ["my-app"],
    "cluster": "my-cluster",
    "services": ["web"],
    "families": ["my-app"],
    "roles": ["my-execution"],
    "templates": ["s3://my-bucket/web.json"],
    "log_groups": ["/ecs/my-app"],
    "parameters": ["/ecs-cd/my-app/production"],
}


def test_a_role_may_do_what_its_verbs_need(applied: Any) -> None:
    """Each role its own verbs; all roles share the names of the resources."""
    shown = applied(roles=ROLES, access=ACCESS)
    table = permissions.table()
    for key, role in ROLES.items():
        needed = set[str]().union(*(permissions.allowed(verb, table) for verb in role["verbs"]))
        assert allowed(shown, key) <= needed
    assert "ecs:UpdateService" in allowed(shown, "deploy") - allowed(shown, "migrate") - allowed(shown, "build")
    assert "ecr:PutImage" in allowed(shown, "build") - allowed(shown, "deploy") - allowed(shown, "migrate")
    assert "ecs:RunTask" in allowed(shown, "migrate") & allowed(shown, "deploy")
    assert "ecs:RunTask" not in allowed(shown, "back")


def test_the_outputs_name_every_role(applied: Any) -> None:
    """For `role-to-assume`."""
    outputs = applied(roles=ROLES, access=ACCESS).outputs
    assert outputs["role_arns"] == {key: f"arn:aws:iam::123456789012:role/my-app-{key}" for key in ROLES}
    assert outputs["oidc_provider_arn"] == PROVIDER


def test_the_provider_is_made_unless_the_account_has_one(applied: Any) -> None:
    """An account has one provider per issuer."""
    made = applied().one("aws_iam_openid_connect_provider")
    assert (made["url"], made["client_id_list"]) == (f"https://{ISSUER}", ["sts.amazonaws.com"])
    existing = f"arn:aws:iam::999999999999:oidc-provider/{ISSUER}"
    shown = applied(oidc_provider_arn=existing)
    assert shown.of("aws_iam_openid_connect_provider") == {}
    assert trust(shown)["Principal"] == {"Federated": existing}


def test_china_has_another_audience(applied: Any) -> None:
    """STS there has another name."""
    shown = applied("cn-north-1")
    assert shown.one("aws_iam_openid_connect_provider")["client_id_list"] == ["sts.amazonaws.com.cn"]
    assert trust(shown)["Condition"]["StringEquals"][f"{ISSUER}:aud"] == "sts.amazonaws.com.cn"


INPUTS: dict[str, Any] = {
    "path": "/ci/",
    "permissions_boundary": "arn:aws:iam::123456789012:policy/boundary",
    "max_session_duration": 7200,
    "tags": {"team": "web"},
}


@pytest.mark.parametrize(("name", "value"), INPUTS.items())
def test_an_input_is_an_attribute_of_every_role(applied: Any, name: str, value: Any) -> None:
    """As it is."""
    shown = applied(**{name: value}, roles=ROLES, access=ACCESS)
    assert [role[name] for role in shown.of("aws_iam_role").values()] == [value] * len(ROLES)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a repository with a wildcard": ({"repositories": ["my-org/*"]}, "repositories: such as my-org/my-app"),
    "no repository": ({"repositories": []}, "repositories: such as"),
    "a name that is none": ({"name": "my app"}, "name: 1 to 40 letters"),
    "no role": ({"roles": {}}, "roles: at least one"),
    "a key that is no name": ({"roles": {"a b": {"verbs": ["deploy"], "branches": ["main"]}}}, "roles: at least one"),
    "a role that any job could assume": ({"roles": {"cd": {"verbs": ["build-push"]}}}, "roles: name the branches"),
    "every branch": ({"roles": {"cd": {"verbs": ["build-push"], "branches": ["*"]}}}, "can't begin with a wildcard"),
    "every tag": ({"roles": {"cd": {"verbs": ["build-push"], "tags": ["*"]}}}, "can't begin with a wildcard"),
    "every environment": ({"roles": {"cd": {"verbs": ["build-push"], "environments": ["?*"]}}}, "can't begin with"),
    "an unknown verb": ({"roles": {"cd": {"verbs": ["push"], "branches": ["main"]}}}, "verbs: at least one of"),
    "another provider": ({"oidc_provider_arn": "arn:aws:iam::123456789012:oidc-provider/x"}, "oidc_provider_arn: must be"),
    "a session that is too long": ({"max_session_duration": 50000}, "max_session_duration: must be between"),
}  # fmt: skip


@pytest.mark.parametrize(("variables", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_input_is_refused(applied: Any, variables: dict[str, Any], message: str) -> None:
    """With the rule that it breaks."""
    with pytest.raises(TerraformError) as error:
        applied(**variables)
    assert message in " ".join(str(error.value).split())


def test_an_unknown_key_of_access_is_a_mistake_that_allows_nothing(applied: Any) -> None:
    """Terraform leaves out an object's unknown keys; a misspelt name is missing in the policy, never too much."""
    shown = applied(access={"repositories": ["my-app"], "base_repository": ["base"]})
    assert "ecr:GetDownloadUrlForLayer" not in allowed(shown, "cd")
