"""EC2 Auto Scaling: the groups behind capacity providers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecs_cd.aws.session import Aws
from ecs_cd.model.batches import batches

Json = dict[str, Any]

_GROUPS_A_CALL = 50  # what one page holds


def groups(aws: Aws, arns: Sequence[str]) -> list[Json]:
    """Returns the groups with these ARNs, without those that do not exist."""
    client = aws.client("autoscaling")
    names = [arn.rpartition("autoScalingGroupName/")[2] for arn in arns]
    return [
        group
        for batch in batches(list(dict.fromkeys(names)), _GROUPS_A_CALL)
        for group in client.describe_auto_scaling_groups(AutoScalingGroupNames=batch)["AutoScalingGroups"]
    ]
