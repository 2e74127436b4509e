"""Elastic Load Balancing: target groups, what routes to them, and the health of their targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws
from ecs_cd.model.references import region_of

Json = dict[str, Any]

# Draining targets are old tasks, whatever their health was.
_NO_EVIDENCE = ("healthy", "draining", "unhealthy.draining")
_MISSING = ("TargetGroupNotFound", "LoadBalancerNotFound", "ListenerNotFound", "RuleNotFound")


def unhealthy(aws: Aws, target_group_arn: str) -> list[Json]:
    """Returns the registered targets that are not healthy: failing, not checked yet, or unused by the load balancer."""
    client = aws.once("elbv2", region=region_of(target_group_arn))
    found = client.describe_target_health(TargetGroupArn=target_group_arn).get("TargetHealthDescriptions", ())
    return [target for target in found if target.get("TargetHealth", {}).get("State") not in _NO_EVIDENCE]


def health(aws: Aws, target_group_arn: str) -> list[Json]:
    """Returns the registered targets and their health."""
    client = aws.client("elbv2", region=region_of(target_group_arn))
    found: list[Json] = client.describe_target_health(TargetGroupArn=target_group_arn)["TargetHealthDescriptions"]
    return found


def target_group(aws: Aws, arn: str) -> Json | None:
    """Returns the target group, or ``None`` if it does not exist."""
    client = aws.client("elbv2", region=region_of(arn))
    return _one(lambda: client.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"])


def target_group_named(aws: Aws, name: str) -> Json | None:
    """Returns the target group with this name, or ``None`` if it does not exist."""
    client = aws.client("elbv2")
    return _one(lambda: client.describe_target_groups(Names=[name])["TargetGroups"])


def load_balancer(aws: Aws, arn: str) -> Json | None:
    """Returns the Application, Network or Gateway Load Balancer, or ``None`` if it does not exist."""
    client = aws.client("elbv2", region=region_of(arn))
    return _one(lambda: client.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"])


def rule_actions(aws: Aws, arn: str) -> Sequence[Json] | None:
    """Returns the actions of a listener rule, or the default actions of a listener, or ``None`` if it does not
    exist."""
    client = aws.client("elbv2", region=region_of(arn))
    if ":listener-rule/" in arn:
        rule = _one(lambda: client.describe_rules(RuleArns=[arn])["Rules"])
        return None if rule is None else rule.get("Actions", ())
    listener = _one(lambda: client.describe_listeners(ListenerArns=[arn])["Listeners"])
    return None if listener is None else listener.get("DefaultActions", ())


def _one(call: Callable[[], Sequence[Json]]) -> Json | None:
    try:
        return next(iter(call()), None)
    except ClientError as error:
        if code(error) in _MISSING:
            return None
        raise
