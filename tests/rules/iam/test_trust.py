"""The trust policy: the repository of a remote, and the jobs that may assume the role."""

from __future__ import annotations

import pytest

from ecs_cd.iam.rules import trust
from ecs_cd.iam.rules.place import Place
from ecs_cd.iam.rules.trust import Repository
from ecs_cd.model.errors import Refused

HERE = Place("111111111111", "eu-west-1")
APP = Repository("github.com", "my-org/my-app")
ISSUER = "token.actions.githubusercontent.com"


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/my-org/my-app",
        "https://github.com/my-org/my-app.git",
        "https://github.com/my-org/my-app/",
        "https://user:token@github.com/my-org/my-app.git",
        "https://www.github.com/my-org/my-app.git",
        "git@github.com:my-org/my-app.git",
        "ssh://git@github.com/my-org/my-app.git",
        "ssh://git@ssh.github.com:443/my-org/my-app.git",
        "git://github.com/my-org/my-app",
    ],
)
def test_a_remote_names_its_repository(url: str) -> None:
    """In every form that git clone takes, without the credentials."""
    assert trust.of_remote(url) == APP


def test_data_residency_has_a_host_and_an_issuer_of_its_own() -> None:
    """https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency"""
    found = trust.of_remote("git@acme.ghe.com:my-org/my-app.git")
    assert found == Repository("acme.ghe.com", "my-org/my-app")
    assert found.issuer == "token.actions.acme.ghe.com"


@pytest.mark.parametrize(
    "url",
    ["", "/srv/git/my-app.git", "../my-app", "https://gitlab.com/my-org/my-app.git", "https://evil.example/github.com/x",
     "https://github.com/my-org", "git@github.com:my-org/*.git", "https://github.com.evil.example/my-org/my-app",
     "codecommit::eu-west-1://my-app", "https://github.com/my-org/my-app/tree/main"],
)  # fmt: skip
def test_what_is_not_on_github_is_no_repository(url: str) -> None:
    """A role must trust no other issuer by mistake."""
    assert trust.of_remote(url) is None


CASES: dict[str, tuple[tuple[list[str], list[str], bool], str, list[str]]] = {
    "nothing named": (([], [], False), "StringEquals", ["ref:refs/heads/main"]),
    "an environment": ((["production"], [], False), "StringEquals", ["environment:production"]),
    "a branch": (([], ["release"], False), "StringEquals", ["ref:refs/heads/release"]),
    "a branch by its ref": (([], ["refs/heads/release"], False), "StringEquals", ["ref:refs/heads/release"]),
    "pull requests": (([], [], True), "StringEquals", ["pull_request"]),
    "several": ((["a", "b"], ["main"], True), "StringEquals",
                ["environment:a", "environment:b", "ref:refs/heads/main", "pull_request"]),
    "a wildcard": (([], ["release/*"], False), "StringLike", ["ref:refs/heads/release/*"]),
}  # fmt: skip


@pytest.mark.parametrize(("given", "operator", "ends"), CASES.values(), ids=CASES.keys())
def test_a_role_trusts_the_jobs_that_are_named(
    given: tuple[list[str], list[str], bool], operator: str, ends: list[str]
) -> None:
    """The whole `sub`; one with a wildcard is compared as a pattern."""
    endings = trust.endings(given[0], given[1], pull_request=given[2])
    (statement,) = trust.policy(APP, endings, HERE)["Statement"]
    assert statement["Condition"][operator][f"{ISSUER}:sub"] == [f"repo:my-org/my-app:{end}" for end in ends]
    assert statement["Condition"]["StringEquals"][f"{ISSUER}:aud"] == "sts.amazonaws.com"
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::111111111111:oidc-provider/{ISSUER}"}


@pytest.mark.parametrize("given", [(["*"], []), ([], ["?*"]), (["production"], ["*"])])
def test_a_name_that_is_every_name_is_refused(given: tuple[list[str], list[str]]) -> None:
    """A role that any job of the repository could assume is a mistake."""
    with pytest.raises(Refused, match="can't begin with a wildcard"):
        trust.endings(*given, pull_request=False)


def test_china_has_another_audience() -> None:
    """STS there has another name, and ARNs another partition."""
    (statement,) = trust.policy(APP, ["pull_request"], Place("111111111111", "cn-north-1"))["Statement"]
    assert statement["Condition"]["StringEquals"][f"{ISSUER}:aud"] == "sts.amazonaws.com.cn"
    assert statement["Principal"]["Federated"].startswith("arn:aws-cn:iam::")
