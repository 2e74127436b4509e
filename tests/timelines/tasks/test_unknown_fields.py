"""Task definition fields that AWS has and our SDK doesn't know."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.scripted_aws import Clock, ScriptedAws, ecs
from tests.scripted_aws.wire import Request, Response
from tests.timelines.conftest import REPOSITORY, Step, set_the_scene

Run = Callable[..., Step]
NEW = {"mode": "strict", "level": 2, "ratio": 0.5, "on": True, "names": ["a"], "text": "7"}


class NewerAws(ScriptedAws):
    """Takes and returns the field ``lasers``, which botocore's model lacks; keeps what was sent."""

    def __init__(self, clock: Clock) -> None:
        self.sent: list[dict[str, Any]] = []
        self.sent_to: list[str] = []
        self.described: dict[str, Any] = {}
        super().__init__(clock)

    def answer(self, request: Request) -> Response | None:
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        if operation in ("RegisterTaskDefinition", "RunTask", "UpdateService"):
            content = json.loads(request.body)
            self.sent.append(content)
            self.sent_to.append(operation)
            request = replace(request, body=json.dumps(_without_lasers(content)).encode())
        response = super().answer(request)
        if operation == "DescribeTaskDefinition" and response and self.described:
            content = json.loads(response.body)
            content["taskDefinition"] |= self.described
            return replace(response, body=json.dumps(content).encode())
        return response


def _without_lasers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_lasers(inner) for key, inner in value.items() if key != "lasers"}
    return [_without_lasers(item) for item in value] if isinstance(value, list) else value


@pytest.fixture
def aws(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewerAws]:
    newer = NewerAws(clock)
    with newer:
        newer.use(monkeypatch)
        set_the_scene(newer)
        done = ecs.service(deployments=[ecs.deployment("ecs-svc/2", task_definition="web:2")])
        newer.on("ecs.UpdateService", {"service": done})
        newer.on("ecs.DescribeServices", {"services": [done]}, after="ecs.UpdateService")
        task = ecs.task(task_definition="web:2", started_by="ecs-svc/2")
        newer.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]})
        newer.on("ecs.DescribeTasks", ecs.described("tasks", task))
        yield newer


def template(aws: NewerAws, text: str) -> None:
    """The service's task definition is this object in S3."""
    document = {
        "cluster": ecs.CLUSTER,
        "images": {"app": {"repository": REPOSITORY}},
        "services": {"web": {"task-definition": "s3://my-bucket/t", "containers": {"app": "app"}}},
    }
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(document), "Version": 1}})
    aws.on("s3.GetObject", {"Body": text.encode(), "ContentLength": len(text)})


JSON = json.dumps({"family": "web", "lasers": NEW, "containerDefinitions": [{"name": "app", "lasers": [1, "1"]}]})
YAML = """
family: web
lasers: {mode: strict, level: 2, ratio: 0.5, on: true, names: [a], text: '7'}
containerDefinitions:
  - name: app
    lasers: [1, '1']
"""


@pytest.mark.parametrize("text", [JSON, YAML], ids=["json", "yaml"])
def test_an_unknown_field_is_sent_as_written_if_the_workflow_allows_it(aws: NewerAws, step: Run, text: str) -> None:
    """At every depth and with its types; the image is put in as always."""
    template(aws, text)
    ended = step("deploy", allow_unknown_fields="true")
    assert ended.exit_code == 0, ended.log
    sent = aws.sent[0]
    assert sent["lasers"] == NEW
    assert sent["containerDefinitions"][0]["lasers"] == [1, "1"]
    assert sent["containerDefinitions"][0]["image"].startswith(REPOSITORY)
    assert "s3://my-bucket/t has lasers, containerDefinitions[0].lasers, which botocore 1." in ended.log


def test_an_unknown_field_is_refused_with_the_sdks_version(aws: NewerAws, step: Run) -> None:
    """It may be a slip or newer than the SDK: the error names the place, the SDK and the input."""
    template(aws, JSON)
    ended = step("deploy")
    assert ended.exit_code == 2
    assert "containerDefinitions[0].lasers: botocore 1." in ended.log
    assert "`allow-unknown-fields: true`" in ended.log
    assert not aws.sent


def test_a_misspelt_field_is_refused_even_if_unknown_ones_are_allowed(aws: NewerAws, step: Run) -> None:
    """ECS would ignore it without a word."""
    template(aws, json.dumps({"family": "web", "network_mode": "awsvpc", "containerDefinitions": [{"name": "app"}]}))
    ended = step("deploy", allow_unknown_fields="true")
    assert ended.exit_code == 2
    assert "ECS spells it `networkMode`" in ended.log


def test_a_registered_template_keeps_its_unknown_fields_if_the_workflow_allows_it(aws: NewerAws, step: Run) -> None:
    """botocore drops them from DescribeTaskDefinition's response; the new revision has them all the same."""
    aws.described = {"lasers": NEW}
    ended = step("deploy", allow_unknown_fields="true")
    assert ended.exit_code == 0, ended.log
    assert aws.sent[0]["lasers"] == NEW
    assert "web has lasers, which botocore 1." in ended.log
    assert "does not know; sent as written" in ended.log


def test_a_registered_template_that_loses_a_field_is_reported(aws: NewerAws, step: Run) -> None:
    """Not refused: AWS may have added a field that is output only."""
    aws.described = {"lasers": NEW}
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "web has lasers, which botocore 1." in ended.log
    assert "lasers" not in aws.sent[0]


OFFICIAL = {"config": "", "cluster": ecs.CLUSTER, "task_definition_family": "web", "container_name": "app"}
TASK = {"run_task": "true", "run_task_subnets": "subnet-1"}
VOLUME = {"roleArn": "arn:aws:iam::1:role/r", "lasers": 1}
JSON_INPUTS: list[tuple[dict[str, str], str, str, Any]] = [
    (
        TASK | {"run_task_container_overrides": '[{"name": "app", "lasers": 1}]'},
        "RunTask",
        "run-task-container-overrides[0].lasers",
        {"overrides": {"containerOverrides": [{"name": "app", "lasers": 1}]}},
    ),
    (
        TASK | {"run_task_capacity_provider_strategy": '[{"capacityProvider": "FARGATE", "lasers": 1}]'},
        "RunTask",
        "run-task-capacity-provider-strategy[0].lasers",
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE", "lasers": 1}]},
    ),
    (
        TASK | {"run_task_managed_ebs_volume_name": "v", "run_task_managed_ebs_volume": json.dumps(VOLUME)},
        "RunTask",
        "run-task-managed-ebs-volume.lasers",
        {"volumeConfigurations": [{"name": "v", "managedEBSVolume": VOLUME}]},
    ),
    (
        {
            "service": "web",
            "service_managed_ebs_volume_name": "v",
            "service_managed_ebs_volume": json.dumps(VOLUME),
        },
        "UpdateService",
        "service-managed-ebs-volume.lasers",
        {"volumeConfigurations": [{"name": "v", "managedEBSVolume": VOLUME}]},
    ),
]


@pytest.mark.parametrize(("inputs", "operation", "place", "expected"), JSON_INPUTS)
def test_an_unknown_field_of_an_input_is_sent_or_refused_too(
    aws: NewerAws, step: Run, inputs: dict[str, str], operation: str, place: str, expected: Any
) -> None:
    """As in a task definition: as written if the workflow allows it, else refused with the SDK's version."""
    aws.on("ecs.RunTask", ecs.RunTask())
    refused = step("deploy", image=ecs.IMAGE, **OFFICIAL, **inputs)
    assert refused.exit_code == 2
    assert f"{place}: botocore 1." in refused.log
    assert "`allow-unknown-fields: true`" in refused.log
    ended = step("deploy", image=ecs.IMAGE, allow_unknown_fields="true", **OFFICIAL, **inputs)
    assert ended.exit_code == 0, ended.log
    sent = aws.sent[aws.sent_to.index(operation)]
    assert {name: sent[name] for name in expected} == expected
