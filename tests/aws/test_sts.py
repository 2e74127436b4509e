"""Who calls."""

from __future__ import annotations

from ecs_cd.aws import sts
from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws


def test_the_caller_has_an_account_and_an_arn(aws: SignedAws, ours: Aws) -> None:
    """As GetCallerIdentity answers, which needs no permission."""
    arn = "arn:aws:sts::123456789012:assumed-role/ci/run"
    aws.on("sts.GetCallerIdentity", {"Account": "123456789012", "Arn": arn, "UserId": "AROA:run"})
    assert sts.caller(ours) == ("123456789012", arn)
