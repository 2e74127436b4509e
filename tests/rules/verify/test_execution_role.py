"""What an execution role needs."""

from __future__ import annotations

from typing import Any

from ecs_cd.verify.rules import execution_role

HERE = "eu-west-1:123456789012"
SECRET = f"arn:aws-cn:secretsmanager:{HERE}:secret:s-AbCdEf"
LOGS = {
    "awslogs-group": "/g",
    "awslogs-region": "eu-west-1",
    "awslogs-stream-prefix": "p",
    "awslogs-create-group": "true",
}
DEFINITION: dict[str, Any] = {
    "executionRoleArn": "arn:aws-cn:iam::123456789012:role/e",
    "containerDefinitions": [
        {"name": "public", "image": "nginx:1"},
        {
            "name": "app",
            "image": "210987654321.dkr.ecr.eu-west-1.amazonaws.com/my/app@sha256:0",
            "logConfiguration": {"logDriver": "awslogs", "options": LOGS},
            "secrets": [
                {"name": "A", "valueFrom": f"{SECRET}:a::"},
                {"name": "B", "valueFrom": f"{SECRET}:b::"},
                {"name": "C", "valueFrom": "/c:3"},
                {"name": "D", "valueFrom": "d"},
            ],
            "environmentFiles": [{"type": "s3", "value": "arn:aws-cn:s3:::bucket/app/a.env"}],
        },
    ],
}


def needs(definition: dict[str, Any], *, fargate: bool = True) -> list[tuple[str, tuple[str, ...]]]:
    found = execution_role.needs(definition, "eu-west-1", "123456789012", fargate=fargate)
    return [(" ".join(need.actions), need.resources) for need in found]


def test_what_ecs_does_with_the_role() -> None:
    """By action and ARN, in the role's partition."""
    stream = f"arn:aws-cn:logs:{HERE}:log-group:/g:log-stream:"
    parameter = f"arn:aws-cn:ssm:{HERE}:parameter"
    assert needs(DEFINITION) == [
        ("ecr:GetAuthorizationToken", ("*",)),
        ("ecr:BatchGetImage ecr:GetDownloadUrlForLayer", ("arn:aws-cn:ecr:eu-west-1:210987654321:repository/my/app",)),
        ("logs:CreateLogStream logs:PutLogEvents", (f"{stream}p/app/verify",)),
        ("logs:CreateLogGroup", (stream,)),
        ("secretsmanager:GetSecretValue", (SECRET,)),
        ("ssm:GetParameters", (f"{parameter}/c", f"{parameter}/d")),
        ("s3:GetObject", ("arn:aws-cn:s3:::bucket/app/a.env",)),
        ("s3:GetBucketLocation", ("arn:aws-cn:s3:::bucket",)),
    ]


def test_the_whole_arn_of_a_secret() -> None:
    """A policy is for the ARN with its suffix, also if the task definition names it without, or the name alone."""
    container = {
        "name": "app",
        "image": "ghcr.io/my/app",
        "secrets": [{"name": "A", "valueFrom": SECRET.removesuffix("-AbCdEf")}],
        "repositoryCredentials": {"credentialsParameter": "s"},
    }
    whole = {SECRET.removesuffix("-AbCdEf"): SECRET, "s": SECRET}
    definition = {**DEFINITION, "containerDefinitions": [container]}
    (need,) = execution_role.needs(definition, "eu-west-1", "123456789012", fargate=True, whole=whole)
    assert need.resources == (SECRET,)
    nothing = dict.fromkeys(whole, "")
    assert execution_role.needs(definition, "eu-west-1", "123456789012", fargate=True, whole=nothing) == []


def test_an_environment_file_that_is_none() -> None:
    """IAM refuses to simulate what is not an ARN."""
    container = {"name": "app", "image": "x", "environmentFiles": [{"type": "s3", "value": "app.env"}]}
    assert needs({**DEFINITION, "containerDefinitions": [container]}) == []


def test_on_ec2_the_role_is_for_secrets() -> None:
    """The instance's own role pulls and logs."""
    assert [actions for actions, _ in needs(DEFINITION, fargate=False)] == [
        "secretsmanager:GetSecretValue", "ssm:GetParameters", "s3:GetObject", "s3:GetBucketLocation",
    ]  # fmt: skip


def test_a_task_definition_that_needs_nothing() -> None:
    """A public image without logs."""
    assert needs({"containerDefinitions": [{"name": "a", "image": "nginx"}]}) == []
