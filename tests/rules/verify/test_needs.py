"""What ECS fetches for a task before its containers run."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.verify.rules import needs
from ecs_cd.verify.rules.needs import Needs
from tests.rules.verify.vpcs import REGION

ECR = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/app"
SECRET = "arn:aws:secretsmanager:{}:123456789012:secret:db-AbCdEf:password::"
PARAMETER = "arn:aws:ssm:{}:123456789012:parameter/db"
PULL = ("ecr.api", "ecr.dkr", "s3")


def of(images: dict[str, str] | None = None, **container: Any) -> Needs:
    return needs.of({"containerDefinitions": [{"name": "app", "image": ECR, **container}]}, images or {}, REGION)


def logs(driver: str = "awslogs", **options: str) -> dict[str, Any]:
    return {"logConfiguration": {"logDriver": driver, "options": {"awslogs-group": "/ecs/app", **options}}}


@pytest.mark.parametrize(
    ("found", "services", "outside"),
    [
        (of(), PULL, ()),
        (of(**logs()), (*PULL, "logs"), ()),
        (of(**logs(**{"awslogs-region": REGION})), (*PULL, "logs"), ()),
        (of(**logs(**{"awslogs-region": "us-east-1"})), PULL, ("CloudWatch Logs in us-east-1",)),
        (of(**logs("awsfirelens")), PULL, ()),
        (of(secrets=[{"name": "A", "valueFrom": SECRET.format(REGION)}]), (*PULL, "secretsmanager"), ()),
        (of(secrets=[{"name": "A", "valueFrom": SECRET.format("eu-west-1")}]), PULL, ("Secrets Manager in eu-west-1",)),
        (of(secrets=[{"name": "A", "valueFrom": PARAMETER.format(REGION)}]), (*PULL, "ssm"), ()),
        (of(secrets=[{"name": "A", "valueFrom": "/app/db"}]), (*PULL, "ssm"), ()),
        (of(repositoryCredentials={"credentialsParameter": "registry"}), (*PULL, "secretsmanager"), ()),
        (of(environmentFiles=[{"value": "arn:aws:s3:::bucket/a.env", "type": "s3"}]), PULL, ()),
        (of(image="nginx:1"), (), ("the registry of nginx:1",)),
        (of(image="public.ecr.aws/nginx/nginx:1"), (), ("the registry of public.ecr.aws/nginx/nginx:1",)),
        (of(image=ECR.replace(REGION, "us-east-1")), (), ("ECR in us-east-1",)),
        (of({"app": ECR}, image="<IMAGE>"), PULL, ()),  # the document's image takes the template's place
        (of(image=""), (), ()),
    ],
)
def test_needs(found: Needs, services: tuple[str, ...], outside: tuple[str, ...]) -> None:
    """Services of the task's region have endpoints; the rest needs the internet."""
    assert (found.services, found.outside) == (services, outside)


def test_secrets_of_a_log_driver_count() -> None:
    """ECS fetches them too."""
    log = {"logDriver": "splunk", "secretOptions": [{"name": "token", "valueFrom": "/splunk"}]}
    assert "ssm" in of(logConfiguration=log).services


def test_hosts_with_ipv6_are_told_apart() -> None:
    """ECR's usual host has IPv4 addresses only."""
    assert of().only_ipv4 == (ECR,)
    assert of(image=f"123456789012.dkr-ecr.{REGION}.on.aws/app").only_ipv4 == ()


def test_what_a_task_needs_beyond_others() -> None:
    """Its own secrets and registries."""
    found = of(secrets=[{"name": "A", "valueFrom": "/app/db"}], **logs())
    assert needs.beyond(found) == Needs(("ssm",), (), ())
