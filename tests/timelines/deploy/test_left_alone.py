"""A deployment changes the task definition's images, and nothing else: whatever DescribeServices has, newest members included.

The members come from botocore's model, not from a list of ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from tests.scripted_aws import Params, ScriptedAws, blue_green, codedeploy, ecs, moment
from tests.timelines.conftest import Step

Run = Callable[..., Step]

MODEL = ServiceModel(Loader().load_service_model("ecs", "service-2"), "ecs")
SERVICE: Any = MODEL.shape_for("Service")
# What the story of a test needs as it is: what is there, how many tasks, which controller and strategy.
OF_THE_STORY = {
    "clusterArn",
    "currentServiceDeployment",
    "deployments",
    "deploymentController",
    "desiredCount",
    "events",
    "pendingCount",
}
OF_THE_STORY |= {
    "runningCount",
    "schedulingStrategy",
    "serviceArn",
    "serviceName",
    "status",
    "taskDefinition",
    "taskSets",
}
# What ecs-cd, or ECS before it, checks.
CHECKED: Params = {"containerName": "app", "containerPort": 80, "subnets": "subnet-1", "securityGroups": "sg-1"}


def example(shape: Any, name: str = "", without: Collection[str] = (), inside: tuple[str, ...] = ()) -> Any:
    """A value with all members, without those named; a shape inside itself is left out."""
    if shape.type_name == "structure":
        return {
            each: example(member, each, (), (*inside, shape.name))
            for each, member in shape.members.items()
            if each not in without and member.name not in inside
        }
    if shape.type_name == "list":
        return [example(shape.member, name, (), inside)]
    if shape.type_name == "map":
        return {"a-key": example(shape.value, name, (), inside)}
    if shape.type_name == "timestamp":
        return moment()
    if shape.type_name == "boolean":
        return True
    if shape.type_name in ("integer", "long", "double", "float"):
        return CHECKED.get(name, 7)
    return (getattr(shape, "enum", None) or [CHECKED.get(name, f"a-{name}")])[0]


def full(strategy: str) -> Params:
    """A service with every member that the model has."""
    found = example(SERVICE, without=OF_THE_STORY)
    found["deploymentConfiguration"] |= {"strategy": strategy, "deploymentCircuitBreaker": breaker()}
    return {**found, "resourceManagementType": "CUSTOMER"}


def breaker() -> Params:
    """With every member, and on."""
    shape: Any = SERVICE.members["deploymentConfiguration"].members["deploymentCircuitBreaker"]
    return {**example(shape), "enable": True, "rollback": True}


def sent(aws: ScriptedAws, operation: str) -> Params:
    (call,) = (call for call in aws.calls if call.operation == operation)
    return call.params


def of_deployment(**more: Any) -> Params:
    """A PRIMARY with every member: settings such as Service Connect stand there."""
    return {**example(MODEL.shape_for("Deployment")), **more}


@pytest.fixture(autouse=True)
def surroundings(aws: ScriptedAws) -> None:
    """One task of the new deployment runs the asked-for digest."""
    task = ecs.task(task_definition="web:2", started_by="ecs-svc/2")
    aws.on("ecs.ListTasks", {"taskArns": []})
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]}, where={"desiredStatus": "RUNNING"})
    aws.on("ecs.DescribeTasks", ecs.described("tasks", task))
    aws.on("ecs.ListServiceDeployments", blue_green.listed())
    aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
    aws.on("elbv2.DescribeTargetHealth", {"TargetHealthDescriptions": []})


@pytest.mark.parametrize("forced", ["", "true"])
@pytest.mark.parametrize("strategy", ["ROLLING", "BLUE_GREEN", "LINEAR", "CANARY"])
def test_update_service_says_nothing_of_what_the_service_has(
    aws: ScriptedAws, step: Run, strategy: str, forced: str
) -> None:
    """Only the task definition: so ECS keeps all else."""
    old = of_deployment(**ecs.deployment("ecs-svc/1", task_definition="web:1"))
    new = of_deployment(**ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS"))
    done = of_deployment(**ecs.deployment("ecs-svc/2", task_definition="web:2"))
    settings = full(strategy)
    story = [ecs.service(deployments=each) for each in ([old], [new, old | {"status": "ACTIVE"}], [done])]
    before, moving, after = ({**settings, **{k: v for k, v in each.items() if k in OF_THE_STORY}} for each in story)
    aws.on("ecs.DescribeServices", {"services": [before]})
    aws.on("ecs.DescribeServices", {"services": [after]}, after="ecs.UpdateService")
    aws.on("ecs.UpdateService", {"service": moving})
    if strategy != "ROLLING":
        aws.on(
            "ecs.ListServiceDeployments", blue_green.listed(blue_green.service_deployment()), after="ecs.UpdateService"
        )
        aws.on("ecs.DescribeServiceDeployments", blue_green.described(blue_green.service_deployment("2", "SUCCESSFUL")))
    ended = step("deploy", force_new_deployment=forced)
    assert ended.exit_code == 0, ended.log
    expected = {"cluster": ecs.CLUSTER, "service": "web", "taskDefinition": ecs.task_definition_arn("web:2")}
    assert sent(aws, "ecs.UpdateService") == {**expected, **({"forceNewDeployment": True} if forced else {})}


def test_codedeploy_gets_what_the_service_has(aws: ScriptedAws, step: Run) -> None:
    """The task set that it creates has the network, the platform and the capacity of the service, each setting of them."""
    settings = {**example(SERVICE, without=OF_THE_STORY), "loadBalancers": [codedeploy.LOAD_BALANCER]}
    after = codedeploy.service(codedeploy.task_set(task_definition="web:2", deployment="d-NEW"))
    story = {name: value for name, value in codedeploy.service().items() if name in OF_THE_STORY}
    aws.on("ecs.DescribeServices", {"services": [{**settings, **story}]})
    aws.on("ecs.DescribeServices", {"services": [after]}, after="codedeploy.CreateDeployment")
    ports = {
        **ecs.task_definition()["containerDefinitions"][0],
        "image": "old:1",
        "portMappings": [{"containerPort": 80}],
    }
    aws.on(
        "ecs.DescribeTaskDefinition",
        {"taskDefinition": {**ecs.task_definition(), "containerDefinitions": [ports]}, "tags": []},
    )
    aws.on("codedeploy.GetDeploymentGroup", codedeploy.group())
    aws.on("codedeploy.ListDeployments", {"deployments": []})
    aws.on("codedeploy.CreateDeployment", {"deploymentId": "d-NEW"})
    aws.on("codedeploy.BatchGetDeployments", codedeploy.described(codedeploy.deployment(status="Succeeded")))
    aws.on("codedeploy.BatchGetDeploymentTargets", codedeploy.target())
    task = ecs.task(task_definition="web:2", started_by="ecs-svc/d-NEW")
    aws.on("ecs.DescribeTasks", ecs.described("tasks", task))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    text = sent(aws, "codedeploy.CreateDeployment")["revision"]["appSpecContent"]["content"]
    properties = json.loads(text)["Resources"][0]["TargetService"]["Properties"]
    awsvpc = settings["networkConfiguration"]["awsvpcConfiguration"]
    capital = {name[0].upper() + name[1:]: value for name, value in awsvpc.items()}
    provider = {name[0].upper() + name[1:]: value for name, value in settings["capacityProviderStrategy"][0].items()}
    assert properties == {
        "TaskDefinition": ecs.task_definition_arn("web:2"),
        "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 80},
        "PlatformVersion": settings["platformVersion"],
        "NetworkConfiguration": {"AwsvpcConfiguration": capital},
        "CapacityProviderStrategy": [provider],
    }
    assert not aws.count("ecs.UpdateService")


def test_a_revision_has_all_that_the_template_has(aws: ScriptedAws, step: Run) -> None:
    """Every member that RegisterTaskDefinition takes, versionConsistency included; the image alone is another."""
    taken = MODEL.operation_model("RegisterTaskDefinition").input_shape
    template = {name: each for name, each in example(taken).items() if name != "tags"}
    container = {**template["containerDefinitions"][0], "name": "app"}
    template |= {"family": "web", "containerDefinitions": [container]}
    described = {**ecs.task_definition(), **template}
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": described, "tags": [{"key": "team", "value": "a"}]})
    ended = step("deploy", register_only="true")
    assert ended.exit_code == 0, ended.log
    registered = sent(aws, "ecs.RegisterTaskDefinition")
    assert {"key": "team", "value": "a"} in registered.pop("tags")
    image = registered["containerDefinitions"][0]["image"]
    assert image.endswith(f"@{ecs.DIGEST}")
    assert registered == {**template, "containerDefinitions": [container | {"image": image}]}
