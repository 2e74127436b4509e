"""What each function of aws/service_deployments asks ECS, and what it makes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import service_deployments
from ecs_cd.aws.session import Aws
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Params, blue_green, denied, ecs, error, moment, throttled

OURS = blue_green.arn("2")


@pytest.mark.parametrize(
    ("call", "operation", "answer", "params"),
    [
        (
            lambda aws: service_deployments.roll_back(aws, OURS),
            "ecs.StopServiceDeployment",
            {"serviceDeploymentArn": OURS},
            {"serviceDeploymentArn": OURS, "stopType": "ROLLBACK"},
        ),
        (
            lambda aws: service_deployments.proceed(aws, OURS, "ecs-pause-1", "CONTINUE"),
            "ecs.ContinueServiceDeployment",
            {"serviceDeploymentArn": OURS},
            {"serviceDeploymentArn": OURS, "hookId": "ecs-pause-1", "action": "CONTINUE"},
        ),
    ],
    ids=["roll back", "proceed"],
)
def test_a_mutation_is_one_request_that_is_not_repeated(
    call: Callable[[Aws], None], operation: str, answer: Params, params: Params, aws: SignedAws, ours: Aws
) -> None:
    """The caller first checks whether it was carried out."""
    aws.on(operation, answer, throttled())
    call(ours)
    assert [(made.operation, made.params) for made in aws.calls] == [(operation, params)]
    with pytest.raises(ClientError, match="Throttling"):
        call(ours)
    assert aws.count(operation) == 2


@pytest.mark.parametrize("function", [service_deployments.look_at, service_deployments.described])
def test_service_deployments_are_described_twenty_a_call(
    function: Callable[..., dict[str, Params]], aws: SignedAws, ours: Aws
) -> None:
    """By their ARNs, each asked for once, whatever the order of the answer; what is MISSING is left out."""
    there = [blue_green.service_deployment(str(number)) for number in range(45)]
    aws.on("ecs.DescribeServiceDeployments", blue_green.described(*there))
    arns = [deployment["serviceDeploymentArn"] for deployment in there]
    found = function(ours, [*arns, blue_green.arn("99"), arns[0]])
    assert {arn: deployment["serviceDeploymentArn"] for arn, deployment in found.items()} == {arn: arn for arn in arns}
    assert [len(call.params["serviceDeploymentArns"]) for call in aws.calls] == [20, 20, 6]


@pytest.mark.parametrize(
    ("function", "calls"), [(service_deployments.look_at, 1), (service_deployments.described, 2)], ids=["poll", "read"]
)
def test_only_a_poll_leaves_the_repetition_to_the_next_look(
    function: Callable[..., dict[str, Params]], calls: int, aws: SignedAws, ours: Aws
) -> None:
    """Any other read is repeated at once."""
    aws.on("ecs.DescribeServiceDeployments", throttled(), blue_green.described(blue_green.service_deployment()))
    if calls == 1:
        with pytest.raises(ClientError, match="Throttling"):
            function(ours, [OURS])
    else:
        assert set(function(ours, [OURS])) == {OURS}
    assert aws.count("ecs.DescribeServiceDeployments") == calls


def test_nothing_is_asked_about_nothing(aws: SignedAws, ours: Aws) -> None:
    """ECS would refuse an empty list."""
    assert not service_deployments.look_at(ours, [])
    assert not service_deployments.task_definitions(ours, [])
    assert aws.calls == []


def test_a_services_deployments_are_listed_page_by_page_the_newest_first(aws: SignedAws, ours: Aws) -> None:
    """The order of the answer means nothing; filters are ECS's own."""
    first, second, third = (
        {"serviceDeploymentArn": blue_green.arn(name), "createdAt": moment(seconds)}
        for name, seconds in (("1", 5.5), ("2", 30), ("3", 5))
    )
    aws.on(
        "ecs.ListServiceDeployments",
        {"serviceDeployments": [first, second], "nextToken": "more"},
        {"serviceDeployments": [third]},
    )
    found = service_deployments.listed(
        ours, ecs.CLUSTER, "web", status=("PENDING", "IN_PROGRESS"), created_after=moment(3)
    )
    assert [each["serviceDeploymentArn"] for each in found] == [blue_green.arn(name) for name in "213"]
    asked: Params = {"cluster": ecs.CLUSTER, "service": "web", "status": ["PENDING", "IN_PROGRESS"]}
    asked |= {"createdAt": {"after": moment(3)}}
    assert [call.params for call in aws.calls] == [asked, asked | {"nextToken": "more"}]


def test_without_a_filter_none_is_sent(aws: SignedAws, ours: Aws) -> None:
    """An empty list of statuses may mean none at all."""
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
    assert service_deployments.listed(ours, ecs.CLUSTER, "web") == []
    assert aws.calls[0].params == {"cluster": ecs.CLUSTER, "service": "web"}


@pytest.mark.parametrize(
    ("answer", "raises"),
    [(error("ServiceNotFoundException"), False), (error("ClusterNotFoundException"), False), (denied(), True)],
    ids=["service", "cluster", "permission"],
)
def test_a_service_that_is_not_there_has_no_deployments(answer: Any, raises: bool, aws: SignedAws, ours: Aws) -> None:
    """A missing permission is an error."""
    aws.on("ecs.ListServiceDeployments", answer)
    if raises:
        with pytest.raises(ClientError, match="AccessDenied"):
            service_deployments.listed(ours, ecs.CLUSTER, "web")
    else:
        assert service_deployments.listed(ours, ecs.CLUSTER, "web") == []


def test_a_time_that_ecs_keeps_nothing_of_is_left_out(aws: SignedAws, ours: Aws) -> None:
    """It refuses one of more than three months ago; what it has is from after that."""
    refusal = error("InvalidParameterException", "createdAt must be within the last 3 months")
    there = blue_green.listed(blue_green.service_deployment("2"))
    aws.on("ecs.ListServiceDeployments", lambda params: refusal if "createdAt" in params else there(params))
    found = service_deployments.listed(ours, ecs.CLUSTER, "web", created_after=moment(-9e6))
    assert [deployment["serviceDeploymentArn"] for deployment in found] == [OURS]
    assert ["createdAt" in call.params for call in aws.calls] == [True, False]
    aws.on("ecs.ListServiceDeployments", refusal)
    with pytest.raises(ClientError, match="InvalidParameter"):
        service_deployments.listed(ours, ecs.CLUSTER, "web")


def test_each_is_told_with_where_it_goes_to(aws: SignedAws, ours: Aws) -> None:
    """By its service revision; without one, the target is unknown."""
    aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
    two, three = ({"targetServiceRevisionArn": blue_green.arn(name, "service-revision")} for name in "23")
    found = service_deployments.with_targets(ours, [three, {}, two])
    arns = [ecs.task_definition_arn(f"web:{number}") for number in "32"]
    assert found == [(three, arns[0]), ({}, ""), (two, arns[1])]


@pytest.mark.parametrize(("polling", "calls"), [(True, 1), (False, 2)])
def test_a_list_is_asked_for_once_while_polling(polling: bool, calls: int, aws: SignedAws, ours: Aws) -> None:
    """The next poll repeats it."""
    aws.on("ecs.ListServiceDeployments", throttled(), {"serviceDeployments": []})
    aws.on("ecs.DescribeServiceRevisions", throttled(), {"serviceRevisions": []})
    for ask in (
        lambda: service_deployments.listed(ours, ecs.CLUSTER, "web", polling=polling),
        lambda: service_deployments.task_definitions(ours, [blue_green.arn("2", "service-revision")], polling=polling),
    ):
        with pytest.raises(ClientError) if polling else nullcontext():
            ask()
    assert aws.count("ecs.ListServiceDeployments") == aws.count("ecs.DescribeServiceRevisions") == calls


def test_the_task_definitions_of_revisions_are_found_twenty_a_call(aws: SignedAws, ours: Aws) -> None:
    """Many service deployments may go to one revision: it is asked for once."""
    aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
    names = [blue_green.arn(str(number), "service-revision") for number in range(30)]
    found = service_deployments.task_definitions(ours, [*names, *names])
    assert found == {name: ecs.task_definition_arn(f"web:{number}") for number, name in enumerate(names)}
    assert [len(call.params["serviceRevisionArns"]) for call in aws.calls] == [20, 10]
