"""What `ecs-cd init` writes, checked by `verify` against an account that has the resources."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ecs_cd.document.rules import document
from ecs_cd.document.rules.document import OneOffTask
from ecs_cd.init.rules.result import make
from ecs_cd.model.references import RegisteredTaskDefinition
from tests.rules.init.repositories import CASES, files, snapshot
from tests.scripted_aws import Params, ScriptedAws, ecs
from tests.timelines.conftest import Step
from tests.timelines.verify import conftest as verify

Run = Callable[..., Step]
ACCOUNTS = re.compile(r"(?<!\d)\d{12}(?!\d)")
RESULTS = [
    pytest.param(case, path, id=f"{case.stem}-{Path(path).stem}")
    for case in CASES
    for path, _ in make(snapshot(files(case))).documents
]


# What is wrong in the task definitions of people themselves, by the case.
GROUP = {
    "deploymentGroupName": "ws1-web-group",
    "computePlatform": "ECS",
    "ecsServices": [{"clusterName": "ws1", "serviceName": "ws1-web"}],
}
ROLES = {"execution-role", "task-role"}  # of an account that is a placeholder
FAULTS = {
    "04-production": {*ROLES, "container-health-check"},
    "05-production": {"task-definition", "subnets"},  # for EC2; the account's services run on Fargate
    "06-production": {"task-definition"},
    "07-production": ROLES,
    "11-production": {"codedeploy"},  # the appspec is of another app
    "14-production": {*ROLES, "task-definition", "containers", "subnets"},  # the container's name is a secret
    "15-production": ROLES,  # placeholders, which envsubst fills in
    "16-production": {"task-definition", "subnets"},
    "17-production": ROLES,
    "19-production": {"template"},  # not JSON
    "22-production": ROLES,
    "24-production": {"task-definition", "subnets"},
}


def containers_of(text: str) -> Callable[[Params], Params]:
    """DescribeTaskDefinition: a family has the containers that the document names for it."""
    entries = document.load(text, where="").entries
    named = {
        str(entry.task_definition): entry
        for entry in entries
        if isinstance(entry.task_definition, RegisteredTaskDefinition)
    }

    def describe(params: Params) -> Params:
        family = params["taskDefinition"].rpartition("/")[2].partition(":")[0]
        entry = named.get(family) or entries[0]
        names = [entry.container] if isinstance(entry, OneOffTask) else list(entry.containers)
        definitions = [verify.container(name=name) for name in names]
        return {"taskDefinition": verify.template(family, containerDefinitions=definitions), "tags": []}

    return describe


@pytest.mark.parametrize(("case", "path"), RESULTS)
def test_verify_finds_nothing_wrong(case: Path, path: str, aws: ScriptedAws, step: Run) -> None:
    """Every line is ok or not checkable, apart from faults of the task definition itself."""
    contents = {name: ACCOUNTS.sub(verify.ACCOUNT, text) for name, text in files(case).items()}
    result = make(snapshot(contents))
    for name, text in contents.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    aws.on("ssm.GetParameter", {"Parameter": {"Value": result.files[path], "Version": 1}})
    aws.on("ecs.DescribeTaskDefinition", containers_of(result.files[path]))
    if "codedeploy:" in result.files[path]:
        aws.on(
            "ecs.DescribeServices", {"services": [ecs.service("ws1-web", deploymentController={"type": "CODE_DEPLOY"})]}
        )
    aws.on("codedeploy.GetDeploymentConfig", {"deploymentConfigInfo": {"computePlatform": "ECS"}})
    aws.on("codedeploy.GetDeploymentGroup", {"deploymentGroupInfo": GROUP})
    ended = step("verify")
    found = json.loads(ended.outputs.get("findings", "[]"))
    wrong = {(each["check"], each["text"]) for each in found if each["state"] == "wrong"}
    assert found, ended.log
    assert {check for check, _ in wrong} <= FAULTS.get(f"{case.stem[:2]}-{Path(path).stem}", set()), wrong
