"""Trust policies, and what a simulation says."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.verify.rules import roles
from ecs_cd.verify.rules.roles import Allowed, Role

ACCOUNT, REGION = "123456789012", "us-east-1"
TASKS = {"Service": "ecs-tasks.amazonaws.com"}


def statement(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": TASKS, "Action": "sts:AssumeRole", **more}


def condition(operator: str, key: str, value: Any) -> dict[str, Any]:
    return statement(Condition={operator: {key: value}})


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([statement()], Allowed.YES),
        (statement(), Allowed.YES),
        ([statement(Action=["sts:AssumeRole", "sts:TagSession"])], Allowed.YES),
        ([statement(Action="sts:*")], Allowed.YES),
        ([statement(Principal={"Service": ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]})], Allowed.YES),
        ([statement(Principal="*")], Allowed.YES),
        ([], Allowed.NO),
        ([statement(Principal={"Service": "ecs.amazonaws.com"})], Allowed.NO),
        ([statement(Principal={"AWS": "*"})], Allowed.NO),
        ([statement(Action="sts:AssumeRoleWithWebIdentity")], Allowed.NO),
        ([statement(), statement(Effect="Deny")], Allowed.NO),
        ([statement(NotPrincipal={"AWS": "a"})], Allowed.UNKNOWN),
        ([condition("StringEquals", "aws:SourceAccount", ACCOUNT)], Allowed.YES),
        ([condition("StringEquals", "aws:SourceAccount", ["1", ACCOUNT])], Allowed.YES),
        ([condition("StringEquals", "aws:SourceAccount", "210987654321")], Allowed.NO),
        ([condition("ArnLike", "aws:SourceArn", f"arn:aws:ecs:{REGION}:{ACCOUNT}:*")], Allowed.YES),
        ([condition("ArnLike", "aws:SourceArn", f"arn:aws:ecs:*:{ACCOUNT}:*")], Allowed.YES),
        ([condition("ArnLike", "aws:SourceArn", f"arn:aws:ecs:eu-west-1:{ACCOUNT}:*")], Allowed.NO),
        ([condition("ArnLikeIfExists", "AWS:SourceArn", "arn:aws:ecs:*")], Allowed.YES),
        ([condition("StringEquals", "sts:ExternalId", "x")], Allowed.UNKNOWN),
        ([condition("StringNotEquals", "aws:SourceAccount", "x")], Allowed.UNKNOWN),
        ([condition("StringEquals", "sts:ExternalId", "x"), statement()], Allowed.YES),
        ([statement(), {**condition("StringEquals", "sts:ExternalId", "x"), "Effect": "Deny"}], Allowed.UNKNOWN),
        (["surprising"], Allowed.NO),
        ([statement(Condition="surprising")], Allowed.YES),
    ],
)  # fmt: skip
def test_who_a_trust_policy_lets_in(statements: Any, expected: Allowed) -> None:
    """A condition that only AWS knows the value of decides nothing."""
    assert roles.trusts({"Statement": statements}, roles.TASKS, ACCOUNT, REGION) is expected


def test_a_trust_policy_that_is_no_policy() -> None:
    """Decides nothing."""
    assert roles.trusts("%7B", roles.TASKS, ACCOUNT, REGION) is Allowed.UNKNOWN


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (f"arn:aws:iam::{ACCOUNT}:role/web", Role(ACCOUNT, "web")),
        (f"arn:aws-cn:iam::{ACCOUNT}:role/a/b/web", Role(ACCOUNT, "web", "/a/b/")),
        ("web", Role("", "web")),
        (f"arn:aws:iam::{ACCOUNT}:user/web", None),
        ("arn:aws:s3:::bucket", None),
        ("arn:", None),
        (f"arn:aws:iam::{ACCOUNT}:role/", None),
        ("app/web", Role("", "web", "/app/")),
        ("web:1", None),
        ("${ROLE}", None),
        ("", None),
    ],
)
def test_the_arn_of_a_role(arn: str, expected: Role | None) -> None:
    """With its path; ECS takes a name as well."""
    assert roles.role(arn) == expected


@pytest.mark.parametrize(
    ("caller", "name"),
    [
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/run-1", "ci"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ada@example.com",
         "AWSReservedSSO_Admin_0123456789abcdef"),
        (f"arn:aws:iam::{ACCOUNT}:user/ada", ""),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/ada", ""),
    ],
)  # fmt: skip
def test_the_role_of_a_session(caller: str, name: str) -> None:
    """Without its path, which a session doesn't show."""
    assert roles.session_role(caller) == name


def test_decisions_are_by_action_and_resource() -> None:
    """In either of IAM's forms; a denial for want of a condition's value is none."""
    specific = {"EvalResourceName": "r", "EvalResourceDecision": "explicitDeny"}
    results: list[dict[str, Any]] = [
        {"EvalActionName": "a:1", "EvalResourceName": "r", "EvalDecision": "allowed"},
        {"EvalActionName": "a:2", "EvalDecision": "implicitDeny"},
        {"EvalActionName": "a:3", "EvalDecision": "allowed", "ResourceSpecificResults": [specific]},
        {"EvalActionName": "a:4", "EvalDecision": "implicitDeny", "MissingContextValues": ["aws:PrincipalTag/x"]},
    ]
    found = roles.decisions(results)
    assert found == {
        ("a:1", "r"): "allowed",
        ("a:2", "*"): "implicitDeny",
        ("a:3", "r"): "explicitDeny",
        ("a:4", "*"): "",
    }
    assert roles.denied(found) == ["a:2 on *", "a:3 on r"]
    assert roles.undecided(found) == ["a:4 on *"]
