"""Target groups, the health of their targets, and what routes to them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import elbv2
from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws
from tests.aws.requests import Row, check, each
from tests.scripted_aws import Params, denied, error, throttled

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


PREFIX = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
RULE, LISTENER = f"{PREFIX}:listener-rule/app/web/1/2/3", f"{PREFIX}:listener/net/web/1/2"
BALANCER = f"{PREFIX}:loadbalancer/app/web/1"
FORWARD = {"Type": "forward", "TargetGroupArn": GROUP}
READS = [
    Row(
        "the health of all targets",
        lambda aws: elbv2.health(aws, GROUP),
        "elbv2.DescribeTargetHealth",
        {"TargetHealthDescriptions": [target("healthy")]},
        {"TargetGroupArn": GROUP},
        [target("healthy")],
    ),
    Row(
        "a target group",
        lambda aws: elbv2.target_group(aws, GROUP),
        "elbv2.DescribeTargetGroups",
        {"TargetGroups": [{"TargetGroupArn": GROUP, "TargetType": "ip"}]},
        {"TargetGroupArns": [GROUP]},
        {"TargetGroupArn": GROUP, "TargetType": "ip"},
    ),
    Row(
        "a target group by its name",
        lambda aws: elbv2.target_group_named(aws, "web"),
        "elbv2.DescribeTargetGroups",
        {"TargetGroups": [{"TargetGroupArn": GROUP}]},
        {"Names": ["web"]},
        {"TargetGroupArn": GROUP},
    ),
    Row(
        "a load balancer",
        lambda aws: elbv2.load_balancer(aws, BALANCER),
        "elbv2.DescribeLoadBalancers",
        {"LoadBalancers": [{"LoadBalancerArn": BALANCER}]},
        {"LoadBalancerArns": [BALANCER]},
        {"LoadBalancerArn": BALANCER},
    ),
    Row(
        "the actions of a rule",
        lambda aws: elbv2.rule_actions(aws, RULE),
        "elbv2.DescribeRules",
        {"Rules": [{"RuleArn": RULE, "Actions": [FORWARD]}]},
        {"RuleArns": [RULE]},
        [FORWARD],
    ),
    Row(
        "the actions of a listener",
        lambda aws: elbv2.rule_actions(aws, LISTENER),
        "elbv2.DescribeListeners",
        {"Listeners": [{"ListenerArn": LISTENER, "DefaultActions": [FORWARD]}]},
        {"ListenerArns": [LISTENER]},
        [FORWARD],
    ),
]
MISSING = {
    "elbv2.DescribeTargetGroups": "TargetGroupNotFound",
    "elbv2.DescribeLoadBalancers": "LoadBalancerNotFound",
    "elbv2.DescribeRules": "RuleNotFound",
    "elbv2.DescribeListeners": "ListenerNotFound",
}


@each(READS)
def test_requests(row: Row, aws: SignedAws, ours: Aws) -> None:
    """Each asks for what it is given."""
    check(row, aws, ours)


@each(READS[1:])
def test_what_is_missing_is_none(row: Row, aws: SignedAws, ours: Aws) -> None:
    """Elastic Load Balancing has an error for each kind; any other error is raised."""
    aws.on(row.operation, error(MISSING[row.operation]), denied())
    assert row.call(ours) is None
    with pytest.raises(ClientError):
        row.call(ours)
