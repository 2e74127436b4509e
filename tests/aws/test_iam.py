"""What is asked of IAM, and what is made of the answer."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import iam
from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Params, denied, error

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}
ROLE = "arn:aws:iam::123456789012:role/web"


def described(arn: str = ROLE) -> Params:
    return {
        "Role": {
            "Path": "/",
            "RoleName": "web",
            "RoleId": "AROA1234567890123456",
            "Arn": arn,
            "CreateDate": "2026-01-01T00:00:00Z",
            "AssumeRolePolicyDocument": quote(json.dumps(TRUST)),
        }
    }


def decided(action: str, decision: str = "allowed") -> Params:
    return {"EvalActionName": action, "EvalResourceName": ROLE, "EvalDecision": decision}


def test_a_role_comes_with_its_trust_policy(aws: SignedAws, ours: Aws) -> None:
    """Decoded: IAM sends it URL-encoded."""
    aws.on("iam.GetRole", described())
    found = iam.role(ours, "web")
    assert found is not None
    assert (found["Arn"], found["AssumeRolePolicyDocument"]) == (ROLE, TRUST)
    assert aws.calls[0].params == {"RoleName": "web"}


def test_a_role_that_is_not_there(aws: SignedAws, ours: Aws) -> None:
    """Is none; a role that may not be read is an error."""
    aws.on("iam.GetRole", error("NoSuchEntity"))
    assert iam.role(ours, "web") is None
    aws.on("iam.GetRole", denied())
    with pytest.raises(ClientError):
        iam.role(ours, "web")


def test_a_simulation_has_the_principal_and_the_context(aws: SignedAws, ours: Aws) -> None:
    """All pages of its results."""
    pages = [
        {"EvaluationResults": [decided("iam:PassRole")], "IsTruncated": True, "Marker": "m"},
        {"EvaluationResults": [decided("ecs:RunTask", "implicitDeny")], "IsTruncated": False},
    ]
    aws.on("iam.SimulatePrincipalPolicy", *pages)
    found = iam.simulate(ours, ROLE, ["iam:PassRole", "ecs:RunTask"], [ROLE], {"iam:PassedToService": "x"})
    assert found == [decided("iam:PassRole"), decided("ecs:RunTask", "implicitDeny")]
    entry = {"ContextKeyName": "iam:PassedToService", "ContextKeyValues": ["x"], "ContextKeyType": "string"}
    asked = {"PolicySourceArn": ROLE, "ActionNames": ["iam:PassRole", "ecs:RunTask"], "ResourceArns": [ROLE]}
    assert aws.calls[0].params == {**asked, "ContextEntries": [entry]}
    assert aws.calls[1].params == {**asked, "ContextEntries": [entry], "Marker": "m"}


def test_a_principal_that_iam_does_not_know(aws: SignedAws, ours: Aws) -> None:
    """Has no decisions; a denied simulation is an error."""
    aws.on("iam.SimulatePrincipalPolicy", error("NoSuchEntity"))
    assert iam.simulate(ours, ROLE, ["a:b"], ["*"], {}) is None
    aws.on("iam.SimulatePrincipalPolicy", denied())
    with pytest.raises(ClientError):
        iam.simulate(ours, ROLE, ["a:b"], ["*"], {})
