"""What a diagnosis reads of target groups: the health of their targets."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import elbv2
from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Params, denied, throttled

GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"


def target(state: str, reason: str = "", description: str = "") -> Params:
    health = {"State": state, "Reason": reason, "Description": description}
    return {
        "Target": {"Id": "10.0.0.1", "Port": 8080},
        "TargetHealth": {name: text for name, text in health.items() if text},
    }


@pytest.mark.parametrize(
    ("described", "is_evidence"),
    [
        (target("healthy"), False),
        (target("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"), False),
        (target("unhealthy.draining", "Target.DeregistrationInProgress"), False),
        (target("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [502]"), True),
        (target("unhealthy", "Target.Timeout", "Request timed out"), True),
        (target("initial", "Elb.InitialHealthChecking", "Initial health checks in progress"), True),
        (target("unused", "Target.NotInUse"), True),
        (target("unavailable", "Elb.InternalError"), True),
    ],
)
def test_targets_of_old_tasks_are_no_evidence(described: Params, is_evidence: bool, aws: SignedAws, ours: Aws) -> None:
    """Those on their way out say nothing of the new ones; a region comes from the target group's ARN."""
    aws.on("elbv2.DescribeTargetHealth", {"TargetHealthDescriptions": [target("healthy"), described]})
    assert elbv2.unhealthy(ours, GROUP) == ([described] if is_evidence else [])
    assert aws.calls[0].params == {"TargetGroupArn": GROUP}
    assert aws.regions == ["eu-west-1"]


@pytest.mark.parametrize("fault", [denied(), throttled()], ids=["denied", "throttled"])
def test_a_read_of_evidence_is_not_repeated(fault: Any, aws: SignedAws, ours: Aws) -> None:
    """The caller does without it."""
    aws.on("elbv2.DescribeTargetHealth", fault)
    with pytest.raises(ClientError):
        elbv2.unhealthy(ours, GROUP)
    assert aws.count("elbv2.DescribeTargetHealth") == 1
