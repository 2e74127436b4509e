"""A service that ECS Express Mode manages, as DescribeServices has it: without taskDefinition, and a CANARY.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/express-service-advanced-customization.html: UpdateService
works as for any other service, and Express Mode keeps what it has changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import Params, ScriptedAws, ecs
from tests.scripted_aws import blue_green as answers
from tests.timelines.conftest import DOCUMENT, Step

Run = Callable[..., Step]

OLD = ecs.deployment("ecs-svc/1", task_definition="web:1")
NEW = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")
MAIN = ecs.container("Main")
BALANCER = {"targetGroupArn": f"{ecs.PREFIX}:targetgroup/t/1", "containerName": "Main", "containerPort": 80}
CONTAINERS: list[Params] = [
    {"name": "Main", "image": "old", "portMappings": [{"containerPort": 80, "name": "port-80"}]},
    {"name": "log-router", "image": "fluent-bit", "firelensConfiguration": {"type": "fluentbit"}},
]
DEFINITION: Params = {
    "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
    "containerDefinitions": CONTAINERS,
}


def express(*deployments: Params, **more: Any) -> Params:
    found = answers.service("CANARY", deployments=list(deployments), loadBalancers=[BALANCER], **more)
    del found["taskDefinition"], found["launchType"]
    return found | {
        "resourceManagementType": "ECS",
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}],
        "currentServiceRevisions": [{"arn": answers.arn("1", "service-revision"), "runningTaskCount": 1}],
    }


@pytest.fixture(autouse=True)
def service(aws: ScriptedAws) -> None:
    """It has run web:1, and accepts the update."""
    web = {"task-definition": "service:web", "containers": {"Main": "app"}}
    document = {**DOCUMENT, "services": {"web": web}}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(document), "Version": 3}})
    aws.on(
        "ecs.DescribeTaskDefinition", {"taskDefinition": {**ecs.task_definition("web", 1), **DEFINITION}, "tags": []}
    )
    moving = express(NEW, OLD | {"status": "ACTIVE"})
    aws.on("ecs.DescribeServices", {"services": [express(OLD)]})
    aws.on("ecs.DescribeServices", {"services": [moving]}, after="ecs.UpdateService")
    aws.on("ecs.UpdateService", {"service": moving})
    aws.on("ecs.ListServiceDeployments", answers.listed())
    aws.on("ecs.ListServiceDeployments", answers.listed(answers.service_deployment()), after="ecs.UpdateService")
    aws.on("ecs.DescribeServiceRevisions", answers.revisions)
    aws.on("elbv2.DescribeTargetHealth", {"TargetHealthDescriptions": []})


def tasks(aws: ScriptedAws, main: Params) -> None:
    task = ecs.task(task_definition="web:2", started_by="ecs-svc/2", containers=[main])
    aws.on("ecs.ListTasks", {"taskArns": []})
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]}, where={"desiredStatus": "RUNNING"})
    aws.on("ecs.DescribeTasks", ecs.described("tasks", task))


def sent(aws: ScriptedAws, operation: str) -> list[Params]:
    return [call.params for call in aws.calls if call.operation == operation]


def timeline(aws: ScriptedAws, *looks: Params) -> None:
    aws.on("ecs.DescribeServiceDeployments", *answers.through(*looks), after="ecs.UpdateService")


def test_only_the_image_changes_and_the_canary_is_followed(aws: ScriptedAws, step: Run) -> None:
    """The revision is what it runs, sidecars included, with our digest; UpdateService says nothing of the rest."""
    timeline(aws, *answers.stages())
    tasks(aws, MAIN)
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (0, "succeeded"), ended.log
    (registered,) = sent(aws, "ecs.RegisterTaskDefinition")
    main, router = registered["containerDefinitions"]
    assert main == {**CONTAINERS[0], "image": main["image"]}
    assert main["image"].endswith(f"@{ecs.DIGEST}")
    assert router == CONTAINERS[1]
    (update,) = sent(aws, "ecs.UpdateService")
    assert update.keys() == {"cluster", "service", "taskDefinition"}
    assert "PRODUCTION_TRAFFIC_SHIFT" in ended.log


def test_another_digest_is_no_success(aws: ScriptedAws, step: Run) -> None:
    """Whatever the canary says."""
    timeline(aws, *answers.stages())
    tasks(aws, MAIN | {"imageDigest": f"sha256:{'e' * 64}"})
    assert step("deploy").exit_code != 0


def test_the_alarm_of_express_mode_rolls_back(aws: ScriptedAws, step: Run) -> None:
    """As ECS reports it: the deployment failed, and what ran before runs again."""
    reason = "Service deployment rolled back because of CloudWatch alarm(s) in ALARM state."
    back = express(OLD)
    states = ("ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL")
    rolling = [answers.service_deployment("2", state, statusReason=reason) for state in states]
    timeline(aws, answers.service_deployment("2", stage="SCALE_UP"), *rolling)
    aws.on("ecs.DescribeServices", {"services": [back]}, after="ecs.UpdateService")
    tasks(aws, MAIN)
    ended = step("deploy")
    assert ended.outputs["result"] == "rolled-back", ended.log
    assert "alarm" in ended.log


def test_a_dry_run_changes_nothing(aws: ScriptedAws, step: Run) -> None:
    """It says what would be deployed."""
    ended = step("deploy", dry_run="true")
    assert ended.exit_code == 0, ended.log
    assert not aws.count("ecs.UpdateService") + aws.count("ecs.RegisterTaskDefinition")
