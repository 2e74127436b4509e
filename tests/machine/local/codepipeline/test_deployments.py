"""CodeDeploy's API over the deployments of this process: answers in botocore's shapes, and what hand-off reads of them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.deploy.rules import codedeploy
from ecs_cd.deploy.rules.codedeploy import Snapshot
from ecs_cd.local.codepipeline.deployments import Deployments
from ecs_cd.local.codepipeline.rules.infra import DeploymentGroup
from ecs_cd.model.verdict import Outcome, Verdict
from tests.scripted_aws import wire

GROUP = DeploymentGroup("App", "Group", "my-cluster", "web")
ERROR = ("TIMEOUT", "The deployment timed out while waiting for the replacement task set to become healthy.")
TARGET = {"targetIds": ["my-cluster:web"]}


def answer(operation: str, given: dict[str, Any]) -> dict[str, Any]:
    """The answer, once botocore's model has accepted it."""
    assert wire.respond(wire.operation_model(f"codedeploy.{operation}"), given).status == 200
    return given


def test_a_failed_deployment_is_rolled_back() -> None:
    """hand-off's own rules read the failed event, the reason and the rollback."""
    deployments = Deployments([GROUP])
    name = deployments.create(GROUP, "{}")
    back = deployments.create(GROUP, "{}", rolls_back=name)
    deployments.end(name, ERROR)
    deployments.end(back)
    asked = {"deploymentIds": [name, "d-NONE", back]}
    infos = answer("BatchGetDeployments", deployments.batch_get_deployments(asked))["deploymentsInfo"]
    targets = deployments.batch_get_deployment_targets({"deploymentId": name, **TARGET})
    (target,) = answer("BatchGetDeploymentTargets", targets)["deploymentTargets"]
    snapshot = Snapshot(infos[0], target["ecsTarget"], infos[1])
    found = codedeploy.ended_badly(snapshot)
    assert isinstance(found, Verdict) and found.outcome is Outcome.ROLLED_BACK and back in found.message
    assert [event["lifecycleEventName"] for event in codedeploy.failed_events(snapshot)] == ["Install"]
    assert codedeploy.evidence(snapshot).reason.startswith("TIMEOUT: The deployment timed out")


def test_the_answers_have_the_shapes_of_the_api() -> None:
    """While the deployment runs, and after its success."""
    deployments = Deployments([GROUP], "123456789012", "eu-west-1")
    name = deployments.create(GROUP, "{}")
    for status in ("InProgress", "Succeeded"):
        info = answer("GetDeployment", deployments.get_deployment({"deploymentId": name}))["deploymentInfo"]
        assert (info["status"], "completeTime" in info) == (status, status == "Succeeded")
        target = deployments.batch_get_deployment_targets({"deploymentId": name})["deploymentTargets"][0]["ecsTarget"]
        states = {event["status"] for event in target["lifecycleEvents"]}
        assert target["status"] == status and "Failed" not in states
        assert target["targetArn"] == "arn:aws:ecs:eu-west-1:123456789012:service/my-cluster/web"
        deployments.end(name)
    listed = answer("ListDeploymentTargets", deployments.list_deployment_targets({"deploymentId": name}))
    assert listed == {"targetIds": ["my-cluster:web"]}
    group = {"applicationName": "App", "deploymentGroupName": "Group"}
    found = answer("GetDeploymentGroup", deployments.get_deployment_group(group))["deploymentGroupInfo"]
    assert found["ecsServices"] == [{"clusterName": "my-cluster", "serviceName": "web"}]


@pytest.mark.parametrize(
    ("operation", "params", "expected"),
    [
        ("get_deployment", {"deploymentId": "d-NONE"}, "DeploymentDoesNotExistException"),
        ("list_deployment_targets", {"deploymentId": "d-NONE"}, "DeploymentDoesNotExistException"),
        ("batch_get_deployment_targets", {"deploymentId": "d-NONE", **TARGET}, "DeploymentDoesNotExistException"),
        (
            "get_deployment_group",
            {"applicationName": "App", "deploymentGroupName": "x"},
            "DeploymentGroupDoesNotExistException",
        ),
        (
            "get_deployment_group",
            {"applicationName": "x", "deploymentGroupName": "Group"},
            "ApplicationDoesNotExistException",
        ),
    ],
)
def test_what_is_not_there_is_an_error_of_the_api(operation: str, params: dict[str, Any], expected: str) -> None:
    """With CodeDeploy's own codes, which the clients of ecs-cd know."""
    with pytest.raises(ClientError) as raised:
        getattr(Deployments([GROUP]), operation)(params)
    assert code(raised.value) == expected


def test_a_target_of_another_service_is_an_error() -> None:
    """A deployment has one target."""
    deployments = Deployments([GROUP])
    name = deployments.create(GROUP, "{}")
    with pytest.raises(ClientError, match="DeploymentTargetDoesNotExistException"):
        deployments.batch_get_deployment_targets({"deploymentId": name, "targetIds": ["my-cluster:other"]})


def test_the_group_of_a_deployment_is_known_from_then_on() -> None:
    """hand-off asks for the group that an action has found by its names."""
    deployments = Deployments()
    assert deployments.group("App", "Group") is None
    deployments.create(GROUP, "{}")
    assert deployments.group("App", "Group") == GROUP
