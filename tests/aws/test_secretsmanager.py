"""What is known about a secret."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import secretsmanager
from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws
from tests.scripted_aws import denied, error

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:my-AbCdEf"


def test_a_secret_is_described_in_its_region(aws: SignedAws, ours: Aws) -> None:
    """Its value is not asked for."""
    aws.on("secretsmanager.DescribeSecret", {"ARN": ARN, "Name": "my"})
    found = secretsmanager.secret(ours, ARN, "us-east-1")
    assert found is not None
    assert found["Name"] == "my"
    assert (aws.calls[0].params, aws.regions) == ({"SecretId": ARN}, ["us-east-1"])


def test_a_secret_that_is_not_there(aws: SignedAws, ours: Aws) -> None:
    """Is none; one that may not be read is an error."""
    aws.on("secretsmanager.DescribeSecret", error("ResourceNotFoundException"))
    assert secretsmanager.secret(ours, ARN, None) is None
    aws.on("secretsmanager.DescribeSecret", denied())
    with pytest.raises(ClientError):
        secretsmanager.secret(ours, ARN, None)
