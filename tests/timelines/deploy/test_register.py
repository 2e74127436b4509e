"""register-only: revisions without a deployment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scripted_aws import Params, ScriptedAws, ecs, error
from tests.scripted_aws.registry import Registry
from tests.timelines.conftest import DOCUMENT, REPOSITORY, Step

Run = Callable[..., Step]
ARN = ecs.task_definition_arn
CHANGES = ("ecs.UpdateService", "ecs.RunTask", "events.PutTargets", "codedeploy.CreateDeployment")


@pytest.fixture(autouse=True)
def registry(aws: ScriptedAws) -> Registry:
    """The scripted AWS has no services and no rules."""
    aws.on("ecs.DescribeServices", {"services": [], "failures": [{"arn": "arn:x", "reason": "MISSING"}]})
    aws.on("ecs.DeregisterTaskDefinition", {"taskDefinition": ecs.task_definition()})
    return Registry().script(aws)


def document(aws: ScriptedAws, *services: str, **more: Any) -> None:
    entries = {name: {"task-definition": name, "containers": {"app": "app"}} for name in services or ("web",)}
    content = {"cluster": ecs.CLUSTER, "images": DOCUMENT["images"], "services": entries, **more}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(content), "Version": 1}})


def sent(aws: ScriptedAws) -> list[Params]:
    """What was registered; nothing else may have been changed."""
    assert not [call.operation for call in aws.calls if call.operation in CHANGES]
    return [call.params for call in aws.calls if call.operation == "ecs.RegisterTaskDefinition"]


def test_the_revisions_are_registered_and_nothing_is_deployed(aws: ScriptedAws, step: Run) -> None:
    """With the commit's images; neither services nor rules have to exist."""
    nightly = {"rule": "my-rule", "task-definition": "job", "containers": {"app": "app"}}
    document(aws, "web", "worker", **{"scheduled-tasks": {"nightly": nightly}})
    ended = step("deploy", register_only="true", environment_variables="A=1")
    assert ended.exit_code == 0, ended.log
    assert [each["family"] for each in sent(aws)] == ["web", "worker", "job"]
    containers = [each["containerDefinitions"][0] for each in sent(aws)]
    assert {each["image"] for each in containers} == {f"{REPOSITORY}@{ecs.DIGEST}"}
    assert [each["environment"] for each in containers] == [[{"name": "A", "value": "1"}]] * 3
    assert ended.outputs["result"] == "skipped"
    assert ended.outputs["task-definition-arn"].splitlines() == [ARN("web:2"), ARN("worker:2"), ARN("job:2")]
    images = {"app": f"{REPOSITORY}@{ecs.DIGEST}"}
    expected = {"result": "skipped", "deployment-id": "", "images": images}
    assert json.loads(ended.outputs["services"]) == {
        "web": {**expected, "task-definition-arn": ARN("web:2")},
        "worker": {**expected, "task-definition-arn": ARN("worker:2")},
    }
    assert "web:2, worker:2, job:2 are registered; with register-only, no service is deployed" in ended.log
    assert aws.count("ecs.DeregisterTaskDefinition") == 0


def test_the_same_commit_registers_nothing_again(aws: ScriptedAws, step: Run) -> None:
    """The outputs are the same."""
    document(aws)
    first = step("deploy", register_only="true")
    again = step("deploy", register_only="true")
    assert again.exit_code == 0
    assert len(sent(aws)) == 1
    assert again.outputs["task-definition-arn"] == first.outputs["task-definition-arn"] == ARN("web:2")


def test_only_the_selected_services_are_registered(aws: ScriptedAws, step: Run) -> None:
    """By the input service, as for a deployment."""
    document(aws, "web", "worker")
    assert step("deploy", register_only="true", service="worker").exit_code == 0
    assert [each["family"] for each in sent(aws)] == ["worker"]


def test_if_one_can_not_be_registered_none_is_left(aws: ScriptedAws, step: Run, registry: Registry) -> None:
    """Those before it are deregistered."""
    document(aws, "web", "worker")
    refusal = error("ClientException", "no")
    aws.on("ecs.RegisterTaskDefinition", lambda params: refusal, where={"family": "worker"})
    ended = step("deploy", register_only="true")
    assert ended.exit_code == 2
    gone = [call.params for call in aws.calls if call.operation == "ecs.DeregisterTaskDefinition"]
    assert gone == [{"taskDefinition": ARN("web:2")}]


def test_a_dry_run_registers_nothing(aws: ScriptedAws, step: Run) -> None:
    """It shows what would change against the family's newest revision."""
    document(aws)
    ended = step("deploy", register_only="true", dry_run="true")
    assert ended.exit_code == 0
    assert "services.web: what would change, compared with web" in ended.log
    assert sent(aws) == []


def test_a_refused_template_registers_nothing(aws: ScriptedAws, step: Run) -> None:
    """Everything is checked first, as for a deployment."""
    services = {name: {"task-definition": name, "containers": {name: "app"}} for name in ("app", "api")}
    document(aws, services=services)
    ended = step("deploy", register_only="true")
    assert ended.exit_code == 2
    assert "has no container `api`" in ended.log
    assert sent(aws) == []


def test_without_a_document_the_service_is_left_alone_too(aws: ScriptedAws, step: Run, tmp_path: Path) -> None:
    """Also if the inputs name one."""
    template = {"family": "web", "containerDefinitions": [{"name": "app", "image": "app:1"}]}
    (tmp_path / "t.json").write_text(json.dumps(template))
    ended = step("deploy", config="", task_definition="t.json", service="web", register_only="true")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["task-definition-arn"] == ARN("web:2")
    assert len(sent(aws)) == 1


def test_the_pipeline_builds_and_registers(aws: ScriptedAws, step: Run) -> None:
    """Here the image is there already, and the document has no migration."""
    document(aws)
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    ended = step("pipeline", register_only="true")
    assert ended.exit_code == 0, ended.log
    assert [each["family"] for each in sent(aws)] == ["web"]
