"""The Auto Scaling groups behind capacity providers."""

from __future__ import annotations

from ecs_cd.aws import autoscaling
from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Params
from tests.timelines.verify.surroundings import ASG, scaling_group


def test_groups_are_asked_for_by_name(aws: SignedAws, ours: Aws) -> None:
    """A capacity provider has the ARN, which ends with the name; each group is asked for once."""
    aws.on("autoscaling.DescribeAutoScalingGroups", {"AutoScalingGroups": [scaling_group()]})
    (found,) = autoscaling.groups(ours, [ASG, ASG])
    assert found["AutoScalingGroupARN"] == ASG
    assert [call.params for call in aws.calls] == [{"AutoScalingGroupNames": ["nodes"]}]


def test_many_groups_take_several_calls(aws: SignedAws, ours: Aws) -> None:
    """A page has 50."""

    def answer(params: Params) -> Params:
        return {
            "AutoScalingGroups": [
                {**scaling_group(), "AutoScalingGroupName": n} for n in params["AutoScalingGroupNames"]
            ]
        }

    aws.on("autoscaling.DescribeAutoScalingGroups", answer)
    assert len(autoscaling.groups(ours, [ASG + str(number) for number in range(51)])) == 51
    assert aws.count("autoscaling.DescribeAutoScalingGroups") == 2
    assert autoscaling.groups(ours, []) == []
