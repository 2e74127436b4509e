"""Secrets Manager: what is known about a secret. Never reads a value."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws

Json = dict[str, Any]


def secret(aws: Aws, arn: str, region: str | None) -> Json | None:
    """Returns DescribeSecret's response, or ``None`` if the secret does not exist."""
    try:
        answer: Json = aws.client("secretsmanager", region=region).describe_secret(SecretId=arn)
    except ClientError as error:
        if code(error) == "ResourceNotFoundException":
            return None
        raise
    return answer


def named(aws: Aws, name: str, region: str | None) -> Json | None:
    """Returns DescribeSecret's response for a name, or ``None`` if there is none or only its ARN is allowed."""
    try:
        return secret(aws, name, region)
    except ClientError:
        return None
