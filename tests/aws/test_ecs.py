"""What each function asks ECS, and what it makes of the answer."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import botocore
import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import ecs
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Refused
from tests.aws import requests
from tests.aws.conftest import SignedAws
from tests.aws.requests import Row
from tests.scripted_aws import denied, error
from tests.scripted_aws import ecs as answers

C, WEB, TASK = "my-cluster", answers.service(), answers.task()
ARN = answers.task_definition_arn("web:2")
DEFINITION = {"family": "web", "containerDefinitions": [{"name": "app", "image": "i"}]}
CLUSTER_GONE = error("ClusterNotFoundException")

ROWS = [
    Row("the newest revision", lambda aws: ecs.task_definition(aws, "web"), "ecs.DescribeTaskDefinition",
     {"taskDefinition": answers.task_definition("web", 2), "tags": []}, {"taskDefinition": "web", "include": ["TAGS"]}, ANY),
    Row("register", lambda aws: ecs.register(aws, DEFINITION), "ecs.RegisterTaskDefinition",
     {"taskDefinition": answers.task_definition("web", 2)}, DEFINITION, ARN),
    Row("look at a service", lambda aws: ecs.look_at_service(aws, C, "web"), "ecs.DescribeServices",
     {"services": [WEB]}, {"cluster": C, "services": ["web"]}, ANY),
    Row("a service that must be there", lambda aws: ecs.active_service(aws, C, "web"), "ecs.DescribeServices",
     {"services": [WEB]}, {"cluster": C, "services": ["web"]}, ANY),
    Row("update", lambda aws: ecs.update_service(aws, C, "web", ARN, force=False, more={}), "ecs.UpdateService",
     {"service": WEB}, {"cluster": C, "service": "web", "taskDefinition": ARN}, ANY),
    Row("update by force", lambda aws: ecs.update_service(aws, C, "web", ARN, force=True, more={"desiredCount": 2}), "ecs.UpdateService",
     {"service": WEB}, {"cluster": C, "service": "web", "taskDefinition": ARN, "forceNewDeployment": True, "desiredCount": 2}, ANY),
    Row("run", lambda aws: ecs.run_task(aws, {"taskDefinition": ARN, "clientToken": "t"}), "ecs.RunTask",
     {"tasks": [TASK], "failures": []}, {"taskDefinition": ARN, "clientToken": "t"}, ANY),
    Row("stop", lambda aws: ecs.stop_task(aws, C, TASK["taskArn"], "why"), "ecs.StopTask",
     {"task": TASK}, {"cluster": C, "task": TASK["taskArn"], "reason": "why"}, None),
    Row("a task", lambda aws: ecs.task(aws, C, TASK["taskArn"]), "ecs.DescribeTasks",
     {"tasks": [TASK]}, {"cluster": C, "tasks": [TASK["taskArn"]]}, ANY),
]  # fmt: skip


@requests.each(ROWS)
def test_a_function_makes_this_one_request(row: Row, aws: SignedAws, ours: Aws) -> None:
    """One call, with parameters that botocore's model has."""
    requests.check(row, aws, ours)


def test_answers_are_taken_apart(aws: SignedAws, ours: Aws) -> None:
    """What the caller needs of them."""
    aws.on("ecs.DescribeServices", {"services": [WEB]})
    aws.on("ecs.UpdateService", {"service": WEB})
    aws.on("ecs.DescribeTasks", {"tasks": [TASK]}, {"tasks": [], "failures": [{"reason": "MISSING"}]})
    aws.on("ecs.RunTask", {"tasks": [TASK]}, {"tasks": [], "failures": [{"reason": "AGENT"}]})
    assert ecs.active_service(ours, C, "web")["serviceArn"] == WEB["serviceArn"]
    assert ecs.update_service(ours, C, "web", ARN, force=False, more={})["deployments"][0]["id"] == "ecs-svc/1"
    assert (ecs.task(ours, C, "x") or {})["taskArn"] == TASK["taskArn"]
    assert ecs.task(ours, C, "x") is None
    started, failures = ecs.run_task(ours, {"taskDefinition": ARN})
    assert started is not None
    assert started["taskArn"] == TASK["taskArn"]
    assert failures == []
    assert ecs.run_task(ours, {"taskDefinition": ARN}) == (None, [{"reason": "AGENT"}])


def test_botocores_shapes_are_those_of_task_definitions(aws: SignedAws, ours: Aws) -> None:
    """Found without a call."""
    register, described, sdk = ecs.shapes(ours)
    assert sdk == f"botocore {botocore.__version__}"
    assert {"family", "tags"} <= set(register.members)
    assert "tags" not in described.members
    assert aws.calls == []


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [("ClientException", "Unable to describe task definition.", None), ("InvalidParameterException", "x", ClientError)],
)
def test_a_task_definition_that_is_not_there(
    code: str, message: str, expected: type[Exception] | None, aws: SignedAws, ours: Aws
) -> None:
    """An absent family is an ordinary case; any other error is one."""
    aws.on("ecs.DescribeTaskDefinition", error(code, message))
    if expected is None:
        assert ecs.task_definition(ours, "web") is None
    else:
        with pytest.raises(expected):
            ecs.task_definition(ours, "web")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"services": [], "failures": [{"reason": "MISSING"}]}, "service web of cluster my-cluster is not there"),
        ({"services": [{**WEB, "status": "INACTIVE"}]}, "service web of cluster my-cluster is INACTIVE"),
        ({"services": [{**WEB, "status": "DRAINING"}]}, "service web of cluster my-cluster is DRAINING"),
        (CLUSTER_GONE, "there is no active ECS cluster my-cluster in ap-northeast-1"),
    ],
)
def test_a_service_that_can_not_be_deployed_is_refused(answer: Any, words: str, aws: SignedAws, ours: Aws) -> None:
    """With the remedy; a poll returns what it sees instead of failing."""
    aws.on("ecs.DescribeServices", answer)
    with pytest.raises(Refused, match=words) as refused:
        ecs.active_service(ours, C, "web")
    assert refused.value.remedy
    seen = ecs.look_at_service(ours, C, "web")
    assert seen is None or seen["status"] != "ACTIVE"


def test_a_permission_that_is_not_there_is_no_missing_service(aws: SignedAws, ours: Aws) -> None:
    """The error says which."""
    aws.on("ecs.DescribeServices", denied("ecs:DescribeServices"))
    for call in (ecs.active_service, ecs.look_at_service):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(ours, C, "web")


@pytest.mark.parametrize(("running", "stopped"), [([TASK["taskArn"]], []), ([], [TASK["taskArn"]]), ([], [])])
def test_a_started_task_is_looked_for_among_running_and_stopped(
    running: list[str], stopped: list[str], aws: SignedAws, ours: Aws
) -> None:
    """A short migration has ended before the answer was missed. ListTasks takes startedBy with no other filter."""
    for status, arns in (("RUNNING", running), ("STOPPED", stopped)):
        aws.on("ecs.ListTasks", {"taskArns": arns}, where={"desiredStatus": status})
    aws.on("ecs.DescribeTasks", {"tasks": [{**TASK, "startedBy": "ecs-cd/y"}]})
    assert ecs.started_by(ours, C, "migration", "ecs-cd/x") is None
    aws.on("ecs.DescribeTasks", {"tasks": [{**TASK, "startedBy": "ecs-cd/x"}]})
    assert ecs.started_by(ours, C, "migration", "ecs-cd/x") == next(iter(running + stopped), None)
    listed = [call.params for call in aws.calls if call.operation == "ecs.ListTasks"]
    assert all(params["family"] == "migration" and "startedBy" not in params for params in listed)


@pytest.mark.parametrize(
    ("running", "stopped", "asked"),
    [(["arn:1"], ["arn:2"], ["arn:1", "arn:2"]), (["arn:1"], ["arn:1"], ["arn:1"]), ([], [], None)],
)
def test_a_familys_tasks_are_those_that_run_and_those_that_ended(
    running: list[str], stopped: list[str], asked: list[str] | None, aws: SignedAws, ours: Aws
) -> None:
    """A task that stops between the two lists is in both; without any there is nothing to describe."""
    for status, arns in (("RUNNING", running), ("STOPPED", stopped)):
        aws.on("ecs.ListTasks", {"taskArns": arns}, where={"desiredStatus": status})
    described = [{**TASK, "taskArn": arn} for arn in asked or ()]
    aws.on("ecs.DescribeTasks", {"tasks": described})
    assert ecs.tasks_of_family(ours, C, "migration") == (described, set())
    listed = [call.params for call in aws.calls if call.operation == "ecs.ListTasks"]
    assert [(params["family"], params["desiredStatus"]) for params in listed] == [
        ("migration", "RUNNING"),
        ("migration", "STOPPED"),
    ]
    assert [call.params["tasks"] for call in aws.calls if call.operation == "ecs.DescribeTasks"] == [asked] * bool(
        asked
    )


def test_a_task_that_is_not_described_is_not_left_out(aws: SignedAws, ours: Aws) -> None:
    """It is not known whose it is, nor how it ended."""
    aws.on("ecs.ListTasks", {"taskArns": ["arn:1"]}, where={"desiredStatus": "RUNNING"})
    aws.on("ecs.ListTasks", {"taskArns": ["arn:2"]}, where={"desiredStatus": "STOPPED"})
    aws.on("ecs.DescribeTasks", {"tasks": [], "failures": [{"reason": "MISSING"}]})
    assert ecs.tasks_of_family(ours, C, "migration") == ([], {"arn:1", "arn:2"})


def test_all_of_a_services_tasks_are_listed_and_described(aws: SignedAws, ours: Aws) -> None:
    """Page by page, a hundred in a call; without any there is no second call."""
    arns = [f"arn:{number}" for number in range(150)]
    aws.on("ecs.ListTasks", {"taskArns": arns[:100], "nextToken": "more"}, {"taskArns": arns[100:]})
    aws.on("ecs.DescribeTasks", {"tasks": [TASK]})
    listed = ecs.service_task_arns(ours, C, "web", "STOPPED")
    assert listed == arns
    assert len(ecs.tasks(ours, C, listed)) == 2
    assert ecs.tasks(ours, C, []) == []
    assert aws.calls[0].params == {"cluster": C, "serviceName": "web", "desiredStatus": "STOPPED"}
    assert aws.calls[1].params["nextToken"] == "more"
    described = [call.params["tasks"] for call in aws.calls if call.operation == "ecs.DescribeTasks"]
    assert described == [arns[:100], arns[100:]]


def test_a_revision_that_was_read_is_known(aws: SignedAws, ours: Aws) -> None:
    """Without another request: a revision never changes."""
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": answers.task_definition("web", 2), "tags": []})
    arn = answers.task_definition_arn("web:2")
    assert ecs.known_task_definition(ours, arn) is None
    found = ecs.task_definition(ours, "web")
    assert found is not None
    assert ecs.known_task_definition(ours, arn) == found
    assert aws.count("ecs.DescribeTaskDefinition") == 1


@pytest.mark.parametrize("clusters", [[], [{"clusterName": "c", "status": "ACTIVE"}]])
def test_a_cluster_is_described_by_its_name(clusters: list[dict[str, str]], aws: SignedAws, ours: Aws) -> None:
    """None if ECS does not know it."""
    aws.on("ecs.DescribeClusters", {"clusters": clusters})
    assert ecs.cluster(ours, "c") == next(iter(clusters), None)
    assert aws.calls[0].params == {"clusters": ["c"]}
