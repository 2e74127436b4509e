"""Elastic Load Balancing: the health that target groups report of their targets."""

from __future__ import annotations

from typing import Any

from ecs_cd.aws.session import Aws
from ecs_cd.model.references import region_of

Json = dict[str, Any]

# Draining targets are old tasks, whatever their health was.
_NO_EVIDENCE = ("healthy", "draining", "unhealthy.draining")


def unhealthy(aws: Aws, target_group_arn: str) -> list[Json]:
    """Returns the registered targets that are not healthy: failing, not checked yet, or unused by the load balancer."""
    client = aws.once("elbv2", region=region_of(target_group_arn))
    found = client.describe_target_health(TargetGroupArn=target_group_arn).get("TargetHealthDescriptions", ())
    return [target for target in found if target.get("TargetHealth", {}).get("State") not in _NO_EVIDENCE]
