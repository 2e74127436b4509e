"""The AWS console: which page shows a resource, and where there is no page."""

from __future__ import annotations

import pytest

from ecs_cd.model import console
from ecs_cd.model.console import Console

TOKYO = Console("ap-northeast-1")
ROOT = "https://ap-northeast-1.console.aws.amazon.com"
REGION = "?region=ap-northeast-1"
ARN = "arn:aws:ecs:ap-northeast-1:123456789012"
DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("page", "wanted"),
    [
        (TOKYO.cluster("c"), f"{ROOT}/ecs/v2/clusters/c/services{REGION}"),
        (TOKYO.service(f"{ARN}:cluster/c", f"{ARN}:service/c/web"), f"{ROOT}/ecs/v2/clusters/c/services/web/health{REGION}"),
        (TOKYO.deployments("c", "web"), f"{ROOT}/ecs/v2/clusters/c/services/web/deployments{REGION}"),
        (TOKYO.codedeploy("d-1"), f"{ROOT}/codesuite/codedeploy/deployments/d-1{REGION}"),
        (TOKYO.task("c", f"{ARN}:task/c/7c1e"), f"{ROOT}/ecs/v2/clusters/c/tasks/7c1e/configuration{REGION}"),
        (TOKYO.task_definition(f"{ARN}:task-definition/web:7"), f"{ROOT}/ecs/v2/task-definitions/web/7/containers{REGION}"),
        (TOKYO.log_stream("/ecs/web", "ecs/app/7c1e"),
         f"{ROOT}/cloudwatch/home{REGION}#logsV2:log-groups/log-group/$252Fecs$252Fweb/log-events/ecs$252Fapp$252F7c1e"),
        (TOKYO.log_stream("g", "s", "us-west-2"),
         "https://us-west-2.console.aws.amazon.com/cloudwatch/home?region=us-west-2#logsV2:log-groups/log-group/g/log-events/s"),
        (TOKYO.image(f"123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app@{DIGEST}"),
         "https://us-east-1.console.aws.amazon.com/ecr/repositories/private/123456789012/team/app/_/image/"
         f"{DIGEST}/details?region=us-east-1"),
        (Console("cn-north-1").cluster("c"), "https://console.amazonaws.cn/ecs/v2/clusters/c/services?region=cn-north-1"),
        (Console("us-gov-west-1").cluster("c"),
         "https://console.amazonaws-us-gov.com/ecs/v2/clusters/c/services?region=us-gov-west-1"),
        (TOKYO.cluster("a b)日"), f"{ROOT}/ecs/v2/clusters/a%20b%29%E6%97%A5/services{REGION}"),
    ],
)  # fmt: skip
def test_each_resource_has_its_page(page: str, wanted: str) -> None:
    """In its own region and partition; no character of a name ends the URL."""
    assert page == wanted


@pytest.mark.parametrize(
    "page",
    [
        TOKYO.service("c", ""),
        TOKYO.task("c", ""),
        TOKYO.task_definition("web"),
        TOKYO.codedeploy(""),
        TOKYO.log_stream("/ecs/web", ""),
        TOKYO.image("public.ecr.aws/nginx/nginx@" + DIGEST),
        TOKYO.image("localhost:4566/app@" + DIGEST),
        TOKYO.image("123456789012.dkr.ecr.us-east-1.amazonaws.com/app:latest"),
        Console("").cluster("c"),
        Console("").log_stream("g", "s", "us-east-1"),
        Console("").image(f"123456789012.dkr.ecr.us-east-1.amazonaws.com/app@{DIGEST}"),
    ],
)
def test_what_has_no_page_has_no_link(page: str) -> None:
    """A name that is missing, an image that isn't in ECR, and a local AWS."""
    assert page == ""


@pytest.mark.parametrize(
    ("endpoint", "there"),
    [
        ("https://ecs.ap-northeast-1.amazonaws.com", True),
        ("https://ecs.cn-north-1.amazonaws.com.cn", True),
        ("https://ecs-fips.us-gov-west-1.amazonaws.com/", True),
        ("https://vpce-1.ecs.ap-northeast-1.vpce.amazonaws.com", True),
        ("https://ecs.ap-northeast-1.api.aws", True),
        ("https://ecs.us-iso-east-1.c2s.ic.gov", False),
        ("https://ecs.eusc-de-east-1.amazonaws.eu", False),
        ("http://127.0.0.1:4566", False),
        ("https://ecs.amazonaws.com.example.org", False),
        ("https://localhost.localstack.cloud:4566", False),
    ],
)
def test_only_aws_has_a_console(endpoint: str, there: bool) -> None:
    """Not a local AWS, nor a partition whose console's addresses aren't known."""
    assert bool(console.of_endpoint(endpoint, "ap-northeast-1").region) is there
