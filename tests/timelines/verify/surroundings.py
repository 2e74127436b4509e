"""What is around the tasks of an account in which nothing is wrong: a VPC, a load balancer, container instances."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.rules.verify import vpcs
from tests.scripted_aws import Params, ScriptedAws, ecs

PREFIX = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012"
BLUE, GREEN = f"{PREFIX}:targetgroup/blue/1", f"{PREFIX}:targetgroup/green/2"
RULE = f"{PREFIX}:listener-rule/app/web/1/2/3"
BALANCER = f"{PREFIX}:loadbalancer/app/web/1"
ASG = "arn:aws:autoscaling:ap-northeast-1:123456789012:autoScalingGroup:u:autoScalingGroupName/nodes"
TABLE = vpcs.table(vpcs.NAT, subnets=["subnet-1"])


def script(aws: ScriptedAws) -> None:
    """The service's subnet has a NAT gateway."""
    network(aws)
    aws.on("ecr.DescribePullThroughCacheRules", {"pullThroughCacheRules": []})
    aws.on("elbv2.DescribeTargetGroups", target_groups())
    aws.on("elbv2.DescribeTargetHealth", {"TargetHealthDescriptions": [target("healthy")]})
    aws.on("elbv2.DescribeLoadBalancers", {"LoadBalancers": [balancer()]})
    aws.on("elbv2.DescribeRules", {"Rules": [{"RuleArn": RULE, "Actions": [{"Type": "forward"}]}]})
    aws.on("elbv2.DescribeListeners", {"Listeners": [{"ListenerArn": "l", "DefaultActions": [{"Type": "forward"}]}]})
    aws.on("ecs.ListContainerInstances", {"containerInstanceArns": ["arn:aws:ecs:r:1:container-instance/c/1"]})
    aws.on("ecs.DescribeContainerInstances", {"containerInstances": [instance()], "failures": []})
    aws.on("ecs.DescribeCapacityProviders", {"capacityProviders": [provider()], "failures": []})
    aws.on("autoscaling.DescribeAutoScalingGroups", {"AutoScalingGroups": [scaling_group()]})


# ---- EC2 ----


def network(
    aws: ScriptedAws,
    *,
    subnets: Sequence[Params] = (vpcs.subnet("subnet-1"),),
    tables: Sequence[Params] = (TABLE, vpcs.PUBLIC_TABLE),
    endpoints: Sequence[Params] = (),
    groups: Sequence[Params] = (vpcs.group("sg-1"), vpcs.ENDPOINTS),
) -> None:
    """The answers of EC2, which filters by ID."""
    aws.on("ec2.DescribeSubnets", _filtered("Subnets", "SubnetId", subnets))
    aws.on("ec2.DescribeRouteTables", {"RouteTables": list(tables)})
    aws.on("ec2.DescribeVpcEndpoints", {"VpcEndpoints": list(endpoints)})
    aws.on("ec2.DescribeNatGateways", {"NatGateways": [vpcs.nat()]})
    aws.on("ec2.DescribeSecurityGroups", _filtered("SecurityGroups", "GroupId", groups))


def _filtered(member: str, key: str, items: Sequence[Params]) -> Callable[[Params], Params]:
    def answer(params: Params) -> Params:
        (first, *_) = params["Filters"]
        return {member: [item for item in items if first["Name"] == "vpc-id" or item[key] in first["Values"]]}

    return answer


# ---- load balancers ----


def load_balancers(**advanced: str) -> list[Params]:
    """Of a service."""
    more = {"advancedConfiguration": advanced} if advanced else {}
    return [{"targetGroupArn": BLUE, "containerName": "app", "containerPort": 8080, **more}]


def target_groups(**more: Any) -> Callable[[Params], Params]:
    """Of any ARN or name."""

    def answer(params: Params) -> Params:
        (wanted,) = params.get("TargetGroupArns") or params["Names"]
        name = wanted.rpartition("targetgroup/")[2].partition("/")[0]
        found = {
            "TargetGroupArn": f"{PREFIX}:targetgroup/{name}/1",
            "TargetGroupName": name,
            "Protocol": "HTTP",
            "Port": 80,
            "VpcId": vpcs.VPC,
            "TargetType": "ip",
            "HealthCheckEnabled": True,
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPort": "traffic-port",
            "HealthCheckPath": "/up",
            "HealthCheckIntervalSeconds": 30,
            "UnhealthyThresholdCount": 2,
            "Matcher": {"HttpCode": "200"},
            "LoadBalancerArns": [BALANCER],
        }
        return {"TargetGroups": [{**found, **more}]}

    return answer


def target(state: str, **more: str) -> Params:
    return {"Target": {"Id": "10.0.1.9", "Port": 8080}, "TargetHealth": {"State": state, **more}}


def balancer(**more: Any) -> Params:
    return {
        "LoadBalancerArn": BALANCER,
        "LoadBalancerName": "web",
        "VpcId": vpcs.VPC,
        "State": {"Code": "active"},
        "Type": "application",
        "AvailabilityZones": [{"ZoneName": vpcs.subnet("subnet-1")["AvailabilityZone"], "SubnetId": "subnet-public"}],
        **more,
    }


# ---- container instances ----


def instance(cpu: int = 1024, **more: Any) -> Params:
    return {
        "containerInstanceArn": "arn:aws:ecs:r:1:container-instance/c/1",
        "ec2InstanceId": "i-1",
        "status": "ACTIVE",
        "agentConnected": True,
        "remainingResources": [
            {"name": "CPU", "type": "INTEGER", "integerValue": cpu},
            {"name": "MEMORY", "type": "INTEGER", "integerValue": 2048},
        ],
        **more,
    }


def provider(**more: Any) -> Params:
    group = {"autoScalingGroupArn": ASG, "managedScaling": {"status": "ENABLED"}}
    return {"name": "nodes", "status": "ACTIVE", "autoScalingGroupProvider": group, **more}


def scaling_group(desired: int = 1, most: int = 2) -> Params:
    return {
        "AutoScalingGroupName": "nodes",
        "AutoScalingGroupARN": ASG,
        "MinSize": 0,
        "MaxSize": most,
        "DesiredCapacity": desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": ["ap-northeast-1a"],
        "HealthCheckType": "EC2",
        "CreatedTime": "2026-01-01T00:00:00Z",
    }


# ---- images ----


def manifests(*platforms: str) -> Callable[[Params], Params]:
    """BatchGetImage: each image is an index of these platforms."""

    def answer(params: Params) -> Params:
        names = [name.split("/") for name in platforms]
        entries = [{"platform": {"os": system, "architecture": machine}} for system, machine in names]
        text = json.dumps({"manifests": entries})
        ids = [{"imageDigest": ecs.DIGEST, **wanted} for wanted in params["imageIds"]]
        return {"images": [{"imageId": each, "imageManifest": text} for each in ids], "failures": []}

    return answer
