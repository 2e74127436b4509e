"""What each function asks CodeDeploy, and what it makes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import codedeploy
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Refused
from tests.aws import requests
from tests.aws.conftest import SignedAws
from tests.aws.requests import Row
from tests.scripted_aws import codedeploy as answers
from tests.scripted_aws import denied, error, moment, server_error, throttled

A, G = answers.APPLICATION, answers.GROUP
GROUP = {"applicationName": A, "deploymentGroupName": G}
REVISION = answers.deployment()["revision"]
TARGET = "my-cluster:web"

ROWS = [
    Row("a deployment group", lambda aws: codedeploy.deployment_group(aws, A, G)["ecsServices"],
     "codedeploy.GetDeploymentGroup", answers.group(), GROUP, [{"serviceName": "web", "clusterName": "my-cluster"}]),
    Row("a configuration", lambda aws: codedeploy.deployment_config(aws, "c"), "codedeploy.GetDeploymentConfig",
     {"deploymentConfigInfo": {"computePlatform": "ECS"}}, {"deploymentConfigName": "c"}, {"computePlatform": "ECS"}),
    Row("the group's deployments", lambda aws: codedeploy.deployment_ids(aws, A, G), "codedeploy.ListDeployments",
     {"deployments": ["d-1"]}, GROUP, (["d-1"], moment())),
    Row("of these statuses", lambda aws: codedeploy.deployment_ids(aws, A, G, statuses=("Ready",)),
     "codedeploy.ListDeployments", {"deployments": []}, {**GROUP, "includeOnlyStatuses": ["Ready"]}, ([], moment())),
    Row("look at deployments", lambda aws: codedeploy.look_at_deployments(aws, ["d-1", "d-2"]),
     "codedeploy.BatchGetDeployments", {"deploymentsInfo": [{"deploymentId": "d-2"}]}, {"deploymentIds": ["d-1", "d-2"]},
     {"d-2": {"deploymentId": "d-2"}}),
    Row("a target", lambda aws: (codedeploy.ecs_target(aws, "d-1", TARGET) or {})["targetId"],
     "codedeploy.BatchGetDeploymentTargets", answers.target(), {"deploymentId": "d-1", "targetIds": [TARGET]}, TARGET),
    Row("create", lambda aws: codedeploy.create(aws, {**GROUP, "revision": REVISION}), "codedeploy.CreateDeployment",
     {"deploymentId": "d-1"}, {**GROUP, "revision": REVISION}, "d-1"),
    Row("stop", lambda aws: codedeploy.stop(aws, "d-1"), "codedeploy.StopDeployment", {"status": "Pending"},
     {"deploymentId": "d-1", "autoRollbackEnabled": True}, True),
    Row("continue", lambda aws: codedeploy.proceed(aws, "d-1"), "codedeploy.ContinueDeployment", {},
     {"deploymentId": "d-1", "deploymentWaitType": "READY_WAIT"}, None),
]  # fmt: skip


@requests.each(ROWS)
def test_a_function_makes_this_one_request(row: Row, aws: SignedAws, ours: Aws) -> None:
    """One call, with parameters that botocore's model has."""
    requests.check(row, aws, ours)


def test_deployments_are_read_25_a_call(aws: SignedAws, ours: Aws) -> None:
    """As many as BatchGetDeployments takes; without any there is no call."""
    ids = [f"d-{n}" for n in range(60)]
    aws.on("codedeploy.BatchGetDeployments", answers.described(*(answers.deployment(each) for each in ids)))
    assert [each["deploymentId"] for each in codedeploy.deployments(ours, ids)] == ids
    assert [len(call.params["deploymentIds"]) for call in aws.calls] == [25, 25, 10]
    assert codedeploy.look_at_deployments(ours, []) == {}
    assert len(aws.calls) == 3


def test_a_list_of_deployments_is_read_to_its_end(aws: SignedAws, ours: Aws) -> None:
    """By AWS's clock from this moment on."""
    aws.on("codedeploy.ListDeployments", {"deployments": ["d-1"], "nextToken": "t"}, {"deployments": ["d-2"]})
    ids, _ = codedeploy.deployment_ids(ours, A, G, since=moment(5))
    assert ids == ["d-1", "d-2"]
    assert [call.params.get("nextToken") for call in aws.calls] == [None, "t"]
    assert all(call.params["createTimeRange"] == {"start": moment(5)} for call in aws.calls)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ApplicationDoesNotExistException", f"there is no CodeDeploy application {A} in ap-northeast-1"),
        (
            "DeploymentGroupDoesNotExistException",
            f"there is no CodeDeploy deployment group {G} of application {A} in ap-northeast-1",
        ),
    ],
)
def test_a_group_that_is_not_there_is_refused(code: str, words: str, aws: SignedAws, ours: Aws) -> None:
    """The remedy names the key of the document."""
    aws.on("codedeploy.GetDeploymentGroup", error(code))
    with pytest.raises(Refused) as refused:
        codedeploy.deployment_group(ours, A, G)
    assert refused.value.problems == (words,)
    assert "`deployment-group`" in refused.value.remedy


@pytest.mark.parametrize(
    ("call", "operation", "code", "result"),
    [
        (
            lambda aws: codedeploy.deployment_config(aws, "c"),
            "codedeploy.GetDeploymentConfig",
            "DeploymentConfigDoesNotExistException",
            None,
        ),
        (
            lambda aws: codedeploy.ecs_target(aws, "d-1", TARGET),
            "codedeploy.BatchGetDeploymentTargets",
            "DeploymentNotStartedException",
            None,
        ),
        (
            lambda aws: codedeploy.ecs_target(aws, "d-1", TARGET),
            "codedeploy.BatchGetDeploymentTargets",
            "DeploymentTargetDoesNotExistException",
            None,
        ),
        (
            lambda aws: codedeploy.stop(aws, "d-1"),
            "codedeploy.StopDeployment",
            "DeploymentAlreadyCompletedException",
            False,
        ),
    ],
)
def test_some_errors_are_answers(
    call: Callable[[Aws], Any], operation: str, code: str, result: Any, aws: SignedAws, ours: Aws
) -> None:
    """Not there, not yet, not any more; every other error is one."""
    aws.on(operation, error(code), denied())
    assert call(ours) == result
    with pytest.raises(ClientError):
        call(ours)


@pytest.mark.parametrize("answer", [throttled(), server_error()], ids=str)
def test_what_creates_and_what_polls_repeats_nothing(answer: Any, aws: SignedAws, ours: Aws) -> None:
    """After a lost answer ecs-cd checks first; the next poll repeats a failed one anyway."""
    calls: dict[str, Callable[[], Any]] = {
        "codedeploy.CreateDeployment": lambda: codedeploy.create(ours, {**GROUP, "revision": REVISION}),
        "codedeploy.BatchGetDeployments": lambda: codedeploy.look_at_deployments(ours, ["d-1"]),
        "codedeploy.BatchGetDeploymentTargets": lambda: codedeploy.ecs_target(ours, "d-1", TARGET),
    }
    for operation, call in calls.items():
        aws.on(operation, answer)
        with pytest.raises(ClientError):
            call()
        assert aws.count(operation) == 1


def test_what_reads_and_what_stops_is_repeated(aws: SignedAws, ours: Aws) -> None:
    """To stop what is being stopped already does no harm."""
    aws.on("codedeploy.BatchGetDeployments", throttled(), {"deploymentsInfo": [{"deploymentId": "d-1"}]})
    aws.on("codedeploy.StopDeployment", throttled(), {"status": "Pending"})
    assert codedeploy.deployments(ours, ["d-1"]) == [{"deploymentId": "d-1"}]
    assert codedeploy.stop(ours, "d-1")
