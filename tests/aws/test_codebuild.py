"""What is asked of CodeBuild, and what is made of the answer."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import codebuild
from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws
from tests.scripted_aws import throttled


def test_builds_are_those_that_codebuild_knows(aws: SignedAws, ours: Aws) -> None:
    """One call for all."""
    aws.on("codebuild.BatchGetBuilds", {"builds": [{"id": "migrate:1"}], "buildsNotFound": ["deploy:1"]})
    assert codebuild.look_at_builds(ours, ["migrate:1", "deploy:1"]) == [{"id": "migrate:1"}]
    assert [call.params for call in aws.calls] == [{"ids": ["migrate:1", "deploy:1"]}]


def test_a_poll_is_made_once(aws: SignedAws, ours: Aws) -> None:
    """The next poll is the retry."""
    aws.on("codebuild.BatchGetBuilds", throttled())
    with pytest.raises(ClientError, match="ThrottlingException"):
        codebuild.look_at_builds(ours, ["migrate:1"])
    assert aws.count("codebuild.BatchGetBuilds") == 1
