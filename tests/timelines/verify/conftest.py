"""An account that has everything the document names, for `verify`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.scripted_aws import Params, ScriptedAws, ecs
from tests.timelines.conftest import DOCUMENT, REPOSITORY
from tests.timelines.verify import surroundings

ACCOUNT, REGION = "123456789012", "ap-northeast-1"
EXECUTION, TASK, CALLER = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("execution", "app/task", "ci/deployer"))
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:my-app-AbCdEf"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


def container(**more: Any) -> Params:
    """Of the template: it logs, and reads a secret and a parameter."""
    return {
        "name": "app",
        "image": f"{REPOSITORY}:template",
        "essential": True,
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/my-app", **ecs.LOGS}},
        "secrets": [
            {"name": "DATABASE_URL", "valueFrom": f"{SECRET}:url::"},
            {"name": "TOKEN", "valueFrom": "/my-app/token"},
        ],
        **more,
    }


def template(family: str = "web", **more: Any) -> Params:
    """A template that runs on Fargate."""
    return {
        "taskDefinitionArn": ecs.task_definition_arn(f"{family}:1"),
        "family": family,
        "revision": 1,
        "status": "ACTIVE",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": EXECUTION,
        "taskRoleArn": TASK,
        "containerDefinitions": [container()],
        **more,
    }


def role(arn: str, trust: Any = TRUST) -> Params:
    path, _, name = arn.partition(":role")[2].rpartition("/")
    return {
        "Role": {
            "Path": f"{path}/",
            "RoleName": name,
            "RoleId": "AROA1234567890123456",
            "Arn": arn,
            "CreateDate": "2026-01-01T00:00:00Z",
            "AssumeRolePolicyDocument": quote(trust if isinstance(trust, str) else json.dumps(trust)),
        }
    }


def simulation(*denied: str) -> Callable[[Params], Params]:
    """IAM's simulation: these actions are not allowed."""

    def simulate(params: Params) -> Params:
        return {
            "EvaluationResults": [
                {
                    "EvalActionName": action,
                    "EvalResourceName": resource,
                    "EvalDecision": "implicitDeny" if action in denied else "allowed",
                }
                for action in params["ActionNames"]
                for resource in params["ResourceArns"]
            ],
            "IsTruncated": False,
        }

    return simulate


def document(aws: ScriptedAws, **more: Any) -> None:
    """The parameter has the document with these changes."""
    text = json.dumps({**DOCUMENT, **more})
    aws.on("ssm.GetParameter", {"Parameter": {"Value": text, "Version": 3}})


@pytest.fixture(autouse=True)
def account(aws: ScriptedAws) -> None:
    """Nothing is wrong in it."""
    surroundings.script(aws)
    aws.on("ecr.BatchGetImage", surroundings.manifests("linux/amd64"))
    aws.on("ecs.DescribeClusters", {"clusters": [{"clusterName": ecs.CLUSTER, "status": "ACTIVE"}]})
    aws.on("ecs.DescribeTaskDefinition", described())
    aws.on("sts.GetCallerIdentity", caller("assumed-role/deployer/run-1"))
    for arn in (EXECUTION, TASK, CALLER):
        aws.on("iam.GetRole", role(arn), where={"RoleName": arn.rpartition("/")[2]})
    aws.on("iam.SimulatePrincipalPolicy", simulation())
    aws.on("logs.DescribeLogGroups", {"logGroups": [{"logGroupName": "/ecs/my-app"}]})
    aws.on("ssm.DescribeParameters", {"Parameters": [{"Name": "/my-app/token"}]})
    aws.on("secretsmanager.DescribeSecret", secret())


def described(**more: Any) -> Callable[[Params], Params]:
    """DescribeTaskDefinition of any family: the template with these changes."""

    def describe(params: Params) -> Params:
        family = params["taskDefinition"].rpartition("/")[2].partition(":")[0]
        return {"taskDefinition": template(family, **more), "tags": []}

    return describe


def caller(of_sts: str, service: str = "sts") -> Params:
    return {"Account": ACCOUNT, "Arn": f"arn:aws:{service}::{ACCOUNT}:{of_sts}", "UserId": "AROA:run-1"}


def secret(**more: Any) -> Params:
    return {"ARN": SECRET, "Name": "my-app", "VersionIdsToStages": {"a" * 32: ["AWSCURRENT"]}, **more}
