"""Elastic Load Balancing: what target groups say of their targets."""

from __future__ import annotations

from typing import Any

from ecs_cd.aws.session import Aws
from ecs_cd.model.references import region_of

Json = dict[str, Any]

# Targets on their way out are old tasks, whatever their health was.
_NO_EVIDENCE = ("healthy", "draining", "unhealthy.draining")


def unhealthy(aws: Aws, target_group_arn: str) -> list[Json]:
    """The registered targets that are not healthy: failing, not yet checked, or not used by the load balancer."""
    client = aws.once("elbv2", region=region_of(target_group_arn))
    found = client.describe_target_health(TargetGroupArn=target_group_arn).get("TargetHealthDescriptions", ())
    return [one for one in found if one.get("TargetHealth", {}).get("State") not in _NO_EVIDENCE]
