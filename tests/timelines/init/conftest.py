"""An account that has whatever a document names: `verify` finds the documents of `ecs-cd init` in it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scripted_aws import Params, ScriptedAws, ecs
from tests.timelines.verify import conftest as verify
from tests.timelines.verify import surroundings


@pytest.fixture(autouse=True)
def account(aws: ScriptedAws) -> None:
    """Every cluster, service, family, image, role, log group, secret and parameter exists."""
    surroundings.script(aws)
    aws.on("ecr.BatchGetImage", surroundings.manifests("linux/amd64", "linux/arm64"))
    aws.on("ecs.DescribeClusters", _clusters)
    aws.on("ecs.DescribeServices", _services)
    aws.on("ecs.DescribeTaskDefinition", verify.described())
    aws.on("sts.GetCallerIdentity", verify.caller("assumed-role/deployer/run-1"))
    aws.on("iam.GetRole", lambda params: verify.role(_ROLES.get(params["RoleName"]) or _role(params["RoleName"])))
    aws.on("iam.SimulatePrincipalPolicy", verify.simulation())
    aws.on("logs.DescribeLogGroups", _log_groups)
    aws.on("ssm.DescribeParameters", _parameters)
    aws.on("s3.HeadObject", {"ContentLength": 1})
    aws.on("secretsmanager.DescribeSecret", lambda params: verify.secret(ARN=params["SecretId"]))


_ROLES = {arn.rpartition("/")[2]: arn for arn in (verify.EXECUTION, verify.TASK, verify.CALLER)}


def _role(name: str) -> str:
    return f"arn:aws:iam::{verify.ACCOUNT}:role/{name}"


def _clusters(params: Params) -> Params:
    return {"clusters": [{"clusterName": name, "status": "ACTIVE"} for name in params["clusters"]]}


def _services(params: Params) -> Params:
    return {"services": [ecs.service(name, cluster=params["cluster"]) for name in params["services"]]}


def _log_groups(params: Params) -> Params:
    return {"logGroups": [{"logGroupName": params["logGroupNamePrefix"]}]}


def _parameters(params: Params) -> Params:
    names: list[Any] = [value for each in params["ParameterFilters"] for value in each["Values"]]
    return {"Parameters": [{"Name": name} for name in names]}
