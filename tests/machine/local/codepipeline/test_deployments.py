"""CodeDeploy's API over the deployments of this process: answers in botocore's shapes, and what hand-off reads of them."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.deploy.rules import codedeploy
from ecs_cd.deploy.rules.codedeploy import Snapshot
from ecs_cd.local.codepipeline.deployments import Deployments
from ecs_cd.local.codepipeline.rules.infra import DeploymentGroup
from ecs_cd.local.codepipeline.rules.service_error import ServiceError
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
    deployments = Deployments([GROUP])
    name = deployments.create(GROUP, "{}")
    for status in ("InProgress", "Succeeded"):
        asked = answer("BatchGetDeployments", deployments.batch_get_deployments({"deploymentIds": [name]}))
        (info,) = asked["deploymentsInfo"]
        assert (info["status"], "completeTime" in info) == (status, status == "Succeeded")
        found = deployments.batch_get_deployment_targets({"deploymentId": name, **TARGET})
        target = answer("BatchGetDeploymentTargets", found)["deploymentTargets"][0]["ecsTarget"]
        states = {event["status"] for event in target["lifecycleEvents"]}
        assert target["status"] == status and "Failed" not in states
        deployments.end(name)
    group = {"applicationName": "App", "deploymentGroupName": "Group"}
    about = answer("GetDeploymentGroup", deployments.get_deployment_group(group))["deploymentGroupInfo"]
    assert about["ecsServices"] == [{"clusterName": "my-cluster", "serviceName": "web"}]


@pytest.mark.parametrize(
    ("operation", "params", "expected"),
    [
        ("batch_get_deployment_targets", {"deploymentId": "d-NONE", **TARGET}, "DeploymentDoesNotExist"),
        ("get_deployment_group", {"applicationName": "App", "deploymentGroupName": "x"}, "DeploymentGroupDoesNotExist"),
        ("get_deployment_group", {"applicationName": "x", "deploymentGroupName": "Group"}, "ApplicationDoesNotExist"),
    ],
)
def test_what_is_not_there_is_an_error_of_the_api(operation: str, params: dict[str, Any], expected: str) -> None:
    """With CodeDeploy's own codes, which the clients of ecs-cd know."""
    with pytest.raises(ServiceError) as raised:
        getattr(Deployments([GROUP]), operation)(params)
    assert raised.value.code == f"{expected}Exception"


def test_a_target_of_another_service_is_an_error() -> None:
    """A deployment has one target."""
    deployments = Deployments([GROUP])
    name = deployments.create(GROUP, "{}")
    with pytest.raises(ServiceError) as raised:
        deployments.batch_get_deployment_targets({"deploymentId": name, "targetIds": ["my-cluster:other"]})
    assert raised.value.code == "DeploymentTargetDoesNotExistException"
