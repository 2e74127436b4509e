"""What `verify` says about images, the network, load balancers, ports and capacity, through the real calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rules.verify import vpcs
from tests.scripted_aws import Params, ScriptedAws, denied, ecs, error, server_error, throttled
from tests.timelines.conftest import REPOSITORY, Step
from tests.timelines.verify import conftest as account
from tests.timelines.verify import surroundings as around

Run = Callable[..., Step]

SIDECAR = f"{REPOSITORY.partition('/')[0]}/sidecar:1"
PORTS = [{"containerPort": 8080}]
MIGRATION = {"task-definition": "migration", "container": "app", "command": ["migrate", "up"]}
ON_EC2 = {"launchType": "EC2", "networkConfiguration": {}}


def service(aws: ScriptedAws, **more: Any) -> None:
    """The service has these members."""
    aws.on("ecs.DescribeServices", {"services": [ecs.service(**more)]})


def containers(aws: ScriptedAws, *others: Params, app: Params | None = None, **more: Any) -> None:
    """The templates have the container app and others; without secrets, so that what it lacks is clear."""
    own = account.container(**{"secrets": [], "portMappings": PORTS, **(app or {})})
    aws.on("ecs.DescribeTaskDefinition", account.described(containerDefinitions=[own, *others], **more))


def balanced(aws: ScriptedAws, **more: Any) -> None:
    """A service behind a load balancer."""
    containers(aws)
    service(aws, loadBalancers=around.load_balancers(**more.pop("advanced", {})), **more)


def on_instances(aws: ScriptedAws, **more: Any) -> None:
    """A service whose tasks run on container instances in the network mode bridge."""
    containers(aws, networkMode="bridge", requiresCompatibilities=["EC2"])
    service(aws, **{**ON_EC2, **more})


def unpushed(aws: ScriptedAws) -> None:
    """ECR has no image of the commit."""
    aws.on("ecr.BatchGetImage", {"images": [], "failures": []})


def lines(step: Step, *checks: str) -> list[str]:
    """The findings of these checks: state, subject, check, text."""
    found = json.loads(step.outputs["findings"])
    return [f"{f['state']} {f['subject']}, {f['check']}: {f['text']}" for f in found if f["check"] in checks]


# ---- images ----


def test_an_image_for_another_machine(aws: ScriptedAws, step: Run) -> None:
    """It would end with `exec format error` after its deployment."""
    aws.on("ecr.BatchGetImage", around.manifests("linux/arm64"))
    ended = step("verify")
    assert ended.exit_code == 1
    assert any(
        line.startswith("wrong service web, platform: container app: my-app@sha256:aaaaaaaaaaaa is for linux/arm64")
        for line in lines(ended, "platform")
    )


def test_the_platform_of_a_single_image_is_in_its_configuration(aws: ScriptedAws, step: Run) -> None:
    """ECR says where that is; without the permission, or without an answer, the platform is unknown."""
    image = {"imageId": {"imageDigest": ecs.DIGEST}, "imageManifest": json.dumps({"config": {"digest": ecs.DIGEST}})}
    aws.on("ecr.BatchGetImage", {"images": [image], "failures": []})
    aws.on("ecr.GetDownloadUrlForLayer", {"downloadUrl": "http://127.0.0.1:1/config"})
    ended = step("verify")
    assert ended.exit_code == 0
    assert all("the registry does not say which platform" in line for line in lines(ended, "platform"))
    aws.on("ecr.GetDownloadUrlForLayer", denied("ecr:GetDownloadUrlForLayer"))
    ended = step("verify")
    assert ended.exit_code == 0
    assert "not checkable service web, image: ecr:GetDownloadUrlForLayer is not allowed" in lines(ended, "image")


@pytest.mark.parametrize(
    ("platforms", "definition", "expected"),
    [
        (["linux/amd64"], {}, "ok service web, platform: container app: .github/ecs-cd.yml, images.app.platforms has"),
        (
            ["linux/arm64"],
            {},
            "wrong service web, platform: container app: .github/ecs-cd.yml, images.app.platforms is",
        ),
        (None, {"runtimePlatform": {"cpuArchitecture": "ARM64"}}, "not checkable service web, platform: container app"),
        (None, {}, ""),
    ],
)
def test_an_image_that_is_not_pushed_yet(
    platforms: list[str] | None, definition: Params, expected: str, aws: ScriptedAws, step: Run, tmp_path: Path
) -> None:
    """In a pull request, the app's file says for which platforms the image will be built."""
    unpushed(aws)
    containers(aws, **definition)
    if platforms:
        (tmp_path / ".github").mkdir()
        (tmp_path / ".github" / "ecs-cd.yml").write_text(json.dumps({"images": {"app": {"platforms": platforms}}}))
    ended = step("verify", service="web")
    assert ended.exit_code == expected.startswith("wrong")
    assert [line[: len(expected)] for line in lines(ended, "platform") if "service web" in line] == (
        [expected] if expected else []
    )


def test_a_sidecar_that_is_not_in_ecr(aws: ScriptedAws, step: Run) -> None:
    """Its tag may have been deleted; images of other registries are not looked at."""
    others = [{"name": "proxy", "image": SIDECAR}, {"name": "agent", "image": "datadog/agent:7"}]
    containers(aws, *others)
    aws.on("ecr.BatchGetImage", {"images": [], "failures": []}, where={"repositoryName": "sidecar"})
    ended = step("verify")
    assert ended.exit_code == 1
    assert f"wrong service web, image: container proxy: {SIDECAR} is not in ECR" in lines(ended, "image")
    assert "agent" not in "".join(lines(ended, "image", "platform"))


def test_a_sidecar_of_a_repository_that_is_missing(aws: ScriptedAws, step: Run) -> None:
    """The line names the repository."""
    containers(aws, {"name": "proxy", "image": SIDECAR})
    aws.on("ecr.BatchGetImage", error("RepositoryNotFoundException"), where={"repositoryName": "sidecar"})
    assert any("there is no ECR repository" in line for line in lines(step("verify"), "image"))


@pytest.mark.parametrize("answer", [error("RepositoryNotFoundException"), {"images": [], "failures": []}])
@pytest.mark.parametrize(
    ("prefix", "state"), [("docker-hub", "not checkable"), ("ROOT", "not checkable"), ("docker", "wrong")]
)
def test_a_sidecar_of_a_pull_through_cache(answer: Any, prefix: str, state: str, aws: ScriptedAws, step: Run) -> None:
    """ECR fetches it when the first task pulls it, and creates the repository."""
    containers(aws, {"name": "proxy", "image": f"{REPOSITORY.partition('/')[0]}/docker-hub/library/nginx:1"})
    aws.on("ecr.BatchGetImage", answer, where={"repositoryName": "docker-hub/library/nginx"})
    rule = {"ecrRepositoryPrefix": prefix, "upstreamRegistryUrl": "registry-1.docker.io"}
    aws.on("ecr.DescribePullThroughCacheRules", {"pullThroughCacheRules": [rule]})
    (line,) = lines(step("verify", service="web"), "image")[:1]
    assert line.startswith(state)
    aws.on("ecr.DescribePullThroughCacheRules", denied("ecr:DescribePullThroughCacheRules"))
    (line,) = lines(step("verify", service="web"), "image")[:1]
    assert line.startswith("not checkable")
    assert line.endswith("whether a pull through cache fetches it can't be read")


# ---- the network ----


def test_a_subnet_without_a_way_to_ecr(aws: ScriptedAws, step: Run) -> None:
    """The line says what is missing; the migration, in the same network, adds only what it needs itself."""
    around.network(aws, tables=[vpcs.table(subnets=["subnet-1"])])
    containers(aws)
    ended = step("verify")
    assert ended.exit_code == 1
    assert lines(ended, "way-to-ecr") == [
        "wrong service web, way-to-ecr: subnet-1: no route to ECR, CloudWatch Logs: neither a NAT gateway, nor an "
        "internet gateway with a public IP, nor endpoints (missing: ecr.api, ecr.dkr, s3, logs)",
    ]


def test_the_migration_may_need_more_than_its_service(aws: ScriptedAws, step: Run) -> None:
    """Its own secrets have endpoints too."""
    names = ("ecr.api", "ecr.dkr", "logs")
    table = vpcs.table(subnets=["subnet-1"])
    around.network(aws, tables=[table], endpoints=[*map(vpcs.endpoint, names), vpcs.gateway("rtb-1")])
    containers(aws)
    own = account.described()  # with a secret and a parameter
    aws.on("ecs.DescribeTaskDefinition", own, where={"taskDefinition": "migration"})
    ended = step("verify")
    assert ended.exit_code == 1
    assert [line.partition(": neither")[0] for line in lines(ended, "way-to-ecr")] == [
        "ok service web, way-to-ecr: subnet-1: reaches ECR through VPC endpoints (ecr.api, ecr.dkr, s3, logs)",
        "wrong migration, way-to-ecr: subnet-1: no route to Secrets Manager, Systems Manager",
    ]


def test_subnets_and_groups_that_are_missing(aws: ScriptedAws, step: Run) -> None:
    """What EC2 does not know is named, and nothing is said about the way."""
    around.network(aws, subnets=[], groups=[])
    ended = step("verify")
    assert ended.exit_code == 1
    assert lines(ended, "subnets", "security-groups", "way-to-ecr") == [
        "wrong service web, subnets: there is no subnet subnet-1 in this region and account",
        "wrong service web, security-groups: there is no security group sg-1 in this region and account",
    ]


def test_the_default_security_group(aws: ScriptedAws, step: Run) -> None:
    """Tasks without another one have it."""
    configuration = {"subnets": ["subnet-1"], "assignPublicIp": "DISABLED"}
    service(aws, networkConfiguration={"awsvpcConfiguration": configuration})
    around.network(aws, groups=[vpcs.group("sg-9", egress=[], GroupName="default")])
    ended = step("verify")
    assert any("sg-9 let nothing out on port 443" in line for line in lines(ended, "way-to-ecr"))


def test_a_task_on_an_instance_has_the_instances_way(aws: ScriptedAws, step: Run) -> None:
    """There the instance pulls, so the subnets' way does not matter; their existence does."""
    containers(aws, requiresCompatibilities=["EC2"])
    service(aws, launchType="EC2")
    around.network(aws, tables=[vpcs.table(subnets=["subnet-1"])])
    aws.on("ecs.DescribeContainerInstances", {"containerInstances": [around.instance()], "failures": []})
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert not lines(ended, "way-to-ecr")
    assert lines(ended, "subnets")


def test_the_network_of_a_scheduled_task(aws: ScriptedAws, step: Run) -> None:
    """Its target has its own."""
    scheduled = {"nightly": {"rule": "nightly", "task-definition": "nightly", "containers": {"app": "app"}}}
    account.document(aws, **{"scheduled-tasks": scheduled})
    aws.on("events.DescribeRule", {"Name": "nightly", "State": "ENABLED"})
    parameters = {
        "TaskDefinitionArn": ecs.task_definition_arn("nightly:1"),
        "LaunchType": "FARGATE",
        "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["subnet-2"], "SecurityGroups": ["sg-1"]}},
    }
    target = {"Id": "1", "Arn": f"{ecs.PREFIX}:cluster/{ecs.CLUSTER}", "EcsParameters": parameters}
    aws.on("events.ListTargetsByRule", {"Targets": [target]})
    ended = step("verify")
    assert "wrong scheduled task nightly, subnets: there is no subnet subnet-2 in this region and account" in lines(
        ended, "subnets"
    )


# ---- load balancers ----


def test_a_load_balancer_in_order(aws: ScriptedAws, step: Run) -> None:
    """The line of the health check shows the path that must answer."""
    balanced(aws)
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert lines(ended, "load-balancer-port", "target-group", "health-check") == [
        "ok service web, load-balancer-port: the target group blue uses app:8080, which the template maps",
        "ok service web, target-group: target group blue: HTTP to app:8080, target type ip",
        "ok service web, health-check: health check HTTP /up on traffic-port, expecting 200, of blue: 1 of 1 targets "
        "are healthy now",
    ]


WRONG_GROUPS: list[tuple[Params, str]] = [
    ({"TargetType": "instance"}, "its target type is instance, and tasks with network mode awsvpc need ip"),
    ({"VpcId": "vpc-2"}, "it is in vpc-2, and the service's subnets are in vpc-1"),
    ({"LoadBalancerArns": []}, "no load balancer uses it, so ECS refuses it"),
]


@pytest.mark.parametrize(("changed", "expected"), WRONG_GROUPS)
def test_a_target_group_that_does_not_fit(changed: Params, expected: str, aws: ScriptedAws, step: Run) -> None:
    """ECS refuses it, or its targets are never healthy."""
    balanced(aws)
    aws.on("elbv2.DescribeTargetGroups", around.target_groups(**changed))
    ended = step("verify")
    assert ended.exit_code == 1
    assert any(expected in line for line in lines(ended, "target-group"))


def test_a_target_group_that_is_gone(aws: ScriptedAws, step: Run) -> None:
    """Its line names it."""
    balanced(aws)
    aws.on("elbv2.DescribeTargetGroups", error("TargetGroupNotFound"))
    ended = step("verify")
    assert ended.exit_code == 1
    assert "wrong service web, target-group: the target group blue does not exist" in lines(ended, "target-group")


def test_a_port_that_the_template_does_not_map(aws: ScriptedAws, step: Run) -> None:
    """ECS refuses the deployment."""
    containers(aws, app={"portMappings": [{"containerPort": 3000}]})
    service(aws, loadBalancers=around.load_balancers())
    ended = step("verify")
    assert ended.exit_code == 1
    assert (
        "wrong service web, load-balancer-port: the target group blue uses port 8080 of container app, whose "
        "portMappings have 3000" in lines(ended, "load-balancer-port")
    )


def test_the_pair_of_ecs_blue_green(aws: ScriptedAws, step: Run) -> None:
    """Both target groups and both listener rules are looked at; a listener stands for a rule of a Network Load Balancer."""
    listener = f"{around.PREFIX}:listener/net/web/1/2"
    advanced = {
        "alternateTargetGroupArn": around.GREEN,
        "productionListenerRule": around.RULE,
        "testListenerRule": listener,
        "roleArn": account.TASK,
    }
    settings = {"strategy": "BLUE_GREEN", "minimumHealthyPercent": 100, "maximumPercent": 200}
    balanced(aws, advanced=advanced, deploymentConfiguration=settings)
    ended = step("verify")
    assert [line.partition(":")[0] for line in lines(ended, "target-group")] == ["ok service web, target-group"] * 2
    assert len([line for line in lines(ended, "listener") if line.startswith("ok")]) == 2
    aws.on("elbv2.DescribeRules", error("RuleNotFound"))
    assert any("the production listener rule" in line for line in lines(step("verify"), "listener") if "wrong" in line)


def test_the_pair_of_codedeploy(aws: ScriptedAws, step: Run) -> None:
    """The second target group is known by its name only, and needs no listener before the first deployment."""
    pair = {"targetGroups": [{"name": "blue"}, {"name": "green"}], "prodTrafficRoute": {"listenerArns": ["l"]}}
    group = {
        "deploymentGroupName": "DgpECS-my-cluster-web",
        "computePlatform": "ECS",
        "ecsServices": [{"clusterName": ecs.CLUSTER, "serviceName": "web"}],
        "loadBalancerInfo": {"targetGroupPairInfoList": [pair]},
    }
    aws.on("codedeploy.GetDeploymentGroup", {"deploymentGroupInfo": group})
    aws.on("codedeploy.BatchGetDeployments", {"deploymentsInfo": []})
    balanced(aws, deploymentController={"type": "CODE_DEPLOY"})
    aws.on("elbv2.DescribeTargetGroups", around.target_groups(LoadBalancerArns=[]), where={"Names": ["green"]})
    ended = step("verify")
    found = lines(ended, "target-group")
    assert "ok service web, target-group: target group green: HTTP to app:8080, target type ip" in found
    around_blue = around.target_groups(LoadBalancerArns=[])
    aws.on("elbv2.DescribeTargetGroups", around.target_groups(), where={"Names": ["green"]})
    aws.on("elbv2.DescribeTargetGroups", around_blue, where={"TargetGroupArns": [around.BLUE]})
    moved = lines(step("verify"), "target-group")  # a deployment has moved the traffic to green
    assert "ok service web, target-group: target group blue: HTTP to app:8080, target type ip" in moved
    aws.on("elbv2.DescribeTargetGroups", error("TargetGroupNotFound"), where={"Names": ["green"]})
    assert "wrong service web, target-group: the target group green does not exist" in lines(
        step("verify"), "target-group"
    )


# ---- ports and capacity ----


def test_containers_that_share_a_port(aws: ScriptedAws, step: Run) -> None:
    """In awsvpc they share a network interface."""
    containers(aws, {"name": "proxy", "image": "nginx", "portMappings": PORTS})
    ended = step("verify")
    assert ended.exit_code == 1
    assert "wrong service web, ports: containers app and proxy both use port 8080/tcp" in lines(ended, "ports")


def test_a_deployment_that_could_never_end(aws: ScriptedAws, step: Run) -> None:
    """ECS may neither stop nor start a task."""
    service(aws, deploymentConfiguration={"minimumHealthyPercent": 100, "maximumPercent": 100})
    ended = step("verify")
    assert ended.exit_code == 1
    assert any("so a deployment never ends" in line for line in lines(ended, "task-count"))


def test_instances_with_room(aws: ScriptedAws, step: Run) -> None:
    """One is enough; placement constraints choose among them."""
    on_instances(aws, placementConstraints=[{"type": "memberOf", "expression": "attribute:zone == a"}])
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert "ok service web, container-instances: 1 of 1 container instances have room for another task" in lines(
        ended, "container-instances"
    )
    asked = [call.params for call in aws.calls if call.operation == "ecs.ListContainerInstances"]
    assert {"cluster": ecs.CLUSTER, "status": "ACTIVE", "filter": "attribute:zone == a"} in asked


def test_instances_without_room(aws: ScriptedAws, step: Run) -> None:
    """The service, and the migration beside it, could not start."""
    on_instances(aws)
    aws.on("ecs.DescribeContainerInstances", {"containerInstances": [around.instance(cpu=1)], "failures": []})
    ended = step("verify")
    assert ended.exit_code == 1
    assert [line.partition(":")[0] for line in lines(ended, "container-instances")] == [
        "wrong service web, container-instances",
        "wrong migration, container-instances",
    ]


def test_a_capacity_provider_that_can_grow(aws: ScriptedAws, step: Run) -> None:
    """Its Auto Scaling group is below its maximum; without the permission to read that, nothing is certain."""
    strategy = [{"capacityProvider": "nodes", "weight": 1}]
    on_instances(aws)
    definition = ecs.service(networkConfiguration={}, capacityProviderStrategy=strategy)
    del definition["launchType"]
    aws.on("ecs.DescribeServices", {"services": [definition]})
    cluster = {"clusterName": ecs.CLUSTER, "status": "ACTIVE", "capacityProviders": ["nodes"]}
    aws.on("ecs.DescribeClusters", {"clusters": [cluster]})
    aws.on("ecs.ListContainerInstances", {"containerInstanceArns": []})
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert "ok service web, capacity-providers: nodes belong to the cluster" in lines(ended, "capacity-providers")
    assert any("nodes can grow from 1 to 2 instances" in line for line in lines(ended, "container-instances"))
    aws.on("autoscaling.DescribeAutoScalingGroups", denied("autoscaling:DescribeAutoScalingGroups"))
    ended = step("verify")
    assert ended.exit_code == 0
    assert all(line.startswith("not checkable") for line in lines(ended, "container-instances"))


# ---- permissions and faults ----


DENIED: list[tuple[str, str, tuple[str, ...]]] = [
    ("ec2.DescribeSubnets", "ec2:DescribeSubnets", ("subnets", "security-groups", "way-to-ecr")),
    ("ec2.DescribeRouteTables", "ec2:DescribeRouteTables", ("way-to-ecr",)),
    ("ec2.DescribeVpcEndpoints", "ec2:DescribeVpcEndpoints", ("way-to-ecr",)),
    ("ec2.DescribeNatGateways", "ec2:DescribeNatGateways", ("way-to-ecr",)),
    ("ec2.DescribeSecurityGroups", "ec2:DescribeSecurityGroups", ("security-groups", "way-to-ecr")),
    ("elbv2.DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroups", ("target-group",)),
    ("elbv2.DescribeTargetHealth", "elasticloadbalancing:DescribeTargetHealth", ("health-check",)),
    ("elbv2.DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancers", ("target-group",)),
]


@pytest.mark.parametrize(("operation", "action", "checks"), DENIED)
def test_without_a_permission(
    operation: str, action: str, checks: tuple[str, ...], aws: ScriptedAws, step: Run
) -> None:
    """Only the checks that need it are not checkable, and the remedy names the action."""
    balanced(aws)
    aws.on(operation, denied(action))
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    for check in checks:
        assert f"not checkable service web, {check}: {action} is not allowed" in lines(ended, check)
    assert f"-> Allow the role that runs verify {action}." in ended.log
    others = lines(ended, "load-balancer-port", "task-count", "launch-type")
    assert len(others) > 2
    assert all(line.startswith("ok") for line in others)


@pytest.mark.parametrize("operation", ["ecs.ListContainerInstances", "ecs.DescribeContainerInstances"])
def test_instances_that_can_not_be_read(operation: str, aws: ScriptedAws, step: Run) -> None:
    """Their line says so, and the service is not failed."""
    action = operation.replace(".", ":")
    on_instances(aws)
    aws.on(operation, denied(action))
    ended = step("verify")
    assert ended.exit_code == 0
    assert f"not checkable service web, container-instances: {action} is not allowed" in lines(
        ended, "container-instances"
    )


@pytest.mark.parametrize("fault", [throttled(), server_error()], ids=["throttled", "unavailable"])
@pytest.mark.parametrize("operation", ["ec2.DescribeRouteTables", "elbv2.DescribeTargetGroups"])
def test_an_aws_that_does_not_answer(operation: str, fault: Any, aws: ScriptedAws, step: Run) -> None:
    """After its retries, the check can't be made at the moment."""
    balanced(aws)
    aws.on(operation, fault)
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert "-> Run verify again." in ended.log


def test_each_question_is_put_once(aws: ScriptedAws, step: Run) -> None:
    """Services that share subnets and load balancers share the answers."""
    more = {"task-definition": "api", "containers": {"app": "app"}}
    services = {"web": {"task-definition": "web", "containers": {"app": "app"}}, "api": more}
    account.document(aws, services=services, migration={**MIGRATION, "service": "web"})
    containers(aws)
    both = [ecs.service(name, loadBalancers=around.load_balancers()) for name in ("web", "api")]
    aws.on("ecs.DescribeServices", {"services": both})
    assert step("verify").exit_code == 0
    once = ("DescribeSubnets", "DescribeRouteTables", "DescribeVpcEndpoints", "DescribeNatGateways")
    assert {name: aws.count(f"ec2.{name}") for name in once} == dict.fromkeys(once, 1)
    assert aws.count("elbv2.DescribeTargetGroups") == aws.count("elbv2.DescribeLoadBalancers") == 1
