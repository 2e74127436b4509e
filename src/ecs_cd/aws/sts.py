"""STS: who calls."""

from __future__ import annotations

from ecs_cd.aws.session import Aws


def caller(aws: Aws) -> tuple[str, str]:
    """Returns the account and the ARN of the caller. Needs no permission."""
    answer = aws.client("sts").get_caller_identity()
    return str(answer["Account"]), str(answer["Arn"])
