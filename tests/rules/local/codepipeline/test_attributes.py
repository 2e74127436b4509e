"""Every attribute of aws_codepipeline and aws_codebuild_project is read, or refused by its name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ecs_cd.local.codepipeline.rules import attributes
from tests.contract.parts import ROOT
from tests.scripted_aws import wire

SCHEMA = json.loads((ROOT / "dev/terraform/aws.schema.json").read_text(encoding="utf-8"))["resource_schemas"]
READ = {"aws_codepipeline": attributes.declaration, "aws_codebuild_project": attributes.project}
OPERATIONS = {
    "aws_codepipeline": ("codepipeline", "CreatePipeline", "pipeline"),
    "aws_codebuild_project": ("codebuild", "CreateProject", ""),
}
# What Terraform keeps for itself, computes, or sends with other operations.
WITHOUT_EFFECT = {
    "aws_codepipeline": {"arn", "id", "region", "tags", "tags_all", "trigger_all"},
    "aws_codebuild_project": {"arn", "id", "region", "tags", "tags_all", "badge_url", "project_visibility"}
    | {"public_project_alias", "resource_access_role"},
}
each_type = pytest.mark.parametrize("kind", READ)


def _leaves(block: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of each attribute in the schema."""
    yield from ((*path, name) for name in block.get("attributes", {}))
    for name, inner in block.get("block_types", {}).items():
        yield from _leaves(inner["block"], (*path, name))


def _values(block: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Values in which this attribute alone is set."""
    name, *rest = path
    if rest:
        return {name: [_values(block["block_types"][name]["block"], tuple(rest))]}
    kind = block["attributes"][name]["type"]
    return {name: _value(kind[0] if isinstance(kind, list) else kind)}


def _value(kind: str) -> Any:
    return {"string": "a-text", "number": 7, "bool": True, "map": {"key": "a-text"}}.get(kind, ["a-text"])


@each_type
def test_every_attribute_of_the_schema_is_sent_or_has_no_effect(kind: str) -> None:
    """Those without effect are in a list of this test; nothing else is dropped."""
    block = SCHEMA[kind]["block"]
    for path in _leaves(block):
        if path == ("artifact_store", "region"):
            continue  # only several stores have it
        values = _values(block, path)
        sent = json.dumps(READ[kind](values))
        assert any(each in sent for each in ("a-text", "7", "true")) is (path[0] not in WITHOUT_EFFECT[kind]), path


@each_type
def test_members_are_those_of_the_operation(kind: str) -> None:
    """botocore knows each member of each request, in its place."""
    service, operation, member = OPERATIONS[kind]
    shape = wire.service_model(service).operation_model(operation).input_shape
    block = SCHEMA[kind]["block"]
    for path in _leaves(block):
        request = {**READ[kind](_values(block, path))}
        request.pop("artifactStores", None)  # a map
        assert list(_unknown(shape.members[member] if member else shape, request)) == [], path


def _unknown(shape: Any, value: Any) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, each in value.items():
            yield from _unknown(shape.members[name], each) if name in shape.members else [name]
    elif shape.type_name == "list":
        assert isinstance(value, list)
        for each in value:
            yield from _unknown(shape.member, each)


@pytest.mark.parametrize(
    ("unknown", "named"),
    [
        ({"name": True, "role_arn": True}, ["name"]),
        ({"artifact_store": [{"location": True, "encryption_key": [{"id": True}]}]}, ["artifact_store[0].location"]),
        (
            {"stage": [{"action": [{"configuration": {"ProjectName": True}, "input_artifacts": [False, True]}]}]},
            ["stage[0].action[0].configuration.ProjectName", "stage[0].action[0].input_artifacts[1]"],
        ),
        ({"stage": [{"action": [{"configuration": {}, "input_artifacts": [False]}]}]}, []),
        ({"variable": True}, ["variable"]),
        ({"logs_config": [{"cloudwatch_logs": [{"group_name": True}]}]}, ["logs_config[0].cloudwatch_logs[0].group_name"]),
        ({"service_role": True, "vpc_config": [{"vpc_id": True, "subnets": True}]}, []),
    ],
)  # fmt: skip
def test_what_only_the_apply_tells_is_named(unknown: dict[str, Any], named: list[str]) -> None:
    """Roles, keys and networks may be unknown: they have no effect here."""
    assert list(attributes.after_apply(unknown)) == named


def test_what_terraform_writes_for_nothing_is_not_sent() -> None:
    """The state of the real provider has empty texts and 0 for what isn't set."""
    action = {
        "name": "Deploy",
        "category": "Build",
        "owner": "AWS",
        "provider": "CodeBuild",
        "version": "1",
        "namespace": "",
        "region": "",
        "role_arn": "",
        "run_order": 1,
        "timeout_in_minutes": 0,
        "configuration": {"ProjectName": "p"},
        "input_artifacts": ["source"],
        "output_artifacts": [],
    }
    declared = attributes.declaration(
        {
            "name": "my-app",
            "artifact_store": [{"type": "S3", "location": "b", "region": "", "encryption_key": []}],
            "stage": [{"name": "Deploy", "action": [action], "before_entry": []}],
        }
    )
    assert declared == {
        "name": "my-app",
        "artifactStore": {"type": "S3", "location": "b"},
        "stages": [
            {
                "name": "Deploy",
                "actions": [
                    {
                        "name": "Deploy",
                        "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
                        "runOrder": 1,
                        "configuration": {"ProjectName": "p"},
                        "inputArtifacts": [{"name": "source"}],
                    }
                ],
            }
        ],
    }


def test_stores_of_several_regions_stay_several() -> None:
    """By region; what doesn't run here is told by the rules of the declaration."""
    stores = [{"type": "S3", "location": name, "region": name} for name in ("eu-west-1", "us-east-1")]
    assert attributes.declaration({"artifact_store": stores}) == {
        "artifactStores": {each["region"]: {"type": "S3", "location": each["location"]} for each in stores}
    }


def test_an_empty_variable_of_a_build_stays() -> None:
    """It is a value, and false isn't nothing either."""
    variable = {"name": "DEBUG", "value": "", "type": "PLAINTEXT"}
    made = attributes.project({"environment": [{"environment_variable": [variable], "privileged_mode": False}]})
    assert made == {"environment": {"environmentVariables": [variable], "privilegedMode": False}}


def test_logs_have_the_providers_defaults() -> None:
    """CloudWatch Logs are on if they are named, S3 is off."""
    logs = attributes.project(
        {"logs_config": [{"cloudwatch_logs": [{"group_name": "g"}], "s3_logs": [{"location": "b"}]}]}
    )
    assert logs["logsConfig"] == {
        "cloudWatchLogs": {"groupName": "g", "status": "ENABLED"},
        "s3Logs": {"location": "b", "status": "DISABLED"},
    }
