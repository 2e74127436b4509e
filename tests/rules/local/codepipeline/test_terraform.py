"""What is read from `terraform show -json`, and what is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ecs_cd.local.codepipeline.rules import declaration, terraform
from ecs_cd.local.codepipeline.rules.infra import DeploymentGroup, Infra, Object, Parameter, Rule, Target
from ecs_cd.model.errors import Refused

WANTED = "Give the file that `terraform show -json` writes, of a state with a pipeline or with ecs-cd's document."
ARN = "arn:aws:codepipeline:us-east-1:123456789012:my-app"
PROJECT_ARN = "arn:aws:codebuild:us-east-1:123456789012:project/status"
Values = dict[str, Any]


def _resource(kind: str, name: str = "this", *, mode: str = "managed", **values: Any) -> Values:
    return {"address": f"{kind}.{name}", "mode": mode, "type": kind, "name": name, "values": values}


PIPELINE = _resource("aws_codepipeline", name="p") | {"values": {"name": "my-app", "stage": [], "arn": ARN}}
PROJECT = _resource("aws_codebuild_project") | {"values": {"name": "status", "source": [{"type": "NO_SOURCE"}]}}


def _shown(*resources: Values, **more: Any) -> Values:
    return {"values": {"root_module": {"resources": [PIPELINE, *resources]}}, **more}


def _read(*resources: Values) -> Infra:
    return terraform.read(_shown(*resources), lambda path: f"the file {path}".encode())


def _read_only(resource: Values) -> Infra:
    return terraform.read({"values": {"root_module": {"resources": [resource]}}}, str.encode)


def _refused(shown: Any) -> Refused:
    with pytest.raises(Refused) as error:
        terraform.read(shown, str.encode)
    return error.value


# ---- the file ----


@pytest.mark.parametrize("shown", [{}, [], "text", None, {"format_version": "1.0"}, {"values": None}])
def test_another_file_is_refused(shown: Any) -> None:
    """Also the output for an empty state. The error says which file is wanted."""
    refused = _refused(shown)
    assert refused.problems == ("this is not the output of `terraform show -json`, or of an empty state",)
    assert refused.remedy == WANTED


@pytest.mark.parametrize(
    "values",
    [{}, {"root_module": {}}, {"root_module": {"resources": [PROJECT, PIPELINE | {"mode": "data"}]}}],
)
def test_a_state_without_a_pipeline_is_refused(values: Values) -> None:
    """A data source is no pipeline of this state."""
    refused = _refused({"values": values})
    assert (refused.problems, refused.remedy) == (
        ("there is no aws_codepipeline and no aws_ssm_parameter in it",),
        WANTED,
    )


def test_all_modules_are_read() -> None:
    """Child modules to any depth; not what Terraform has yet to delete."""
    inner = {"child_modules": [{"resources": [PROJECT]}]}
    old = PROJECT | {"values": {"name": "old"}, "deposed_key": "0a1b2c3d"}
    shown = _shown(old)
    shown["values"]["root_module"]["child_modules"] = [{"resources": []}, inner]
    infra = terraform.read(shown, str.encode)
    assert (list(infra.pipelines), list(infra.projects)) == (["my-app"], ["status"])


def test_two_of_a_name_are_refused() -> None:
    """One would hide the other."""
    refused = _refused(_shown(PIPELINE, PROJECT))
    assert refused.problems == ("two aws_codepipeline are named my-app",)


def test_attributes_of_a_newer_provider_are_refused() -> None:
    """By the rules of what runs here: each stays, as AWS would name it, and no value is in the problem."""
    newer = PIPELINE["values"] | {"lock_mode": "hunter2", "stage": [{"name": "Source", "lock": [{"mode": "hunter2"}]}]}
    found = declaration.problems(_read_only(PIPELINE | {"values": newer}))
    assert {"pipeline my-app: lockMode does not run here", "pipeline my-app, stage Source: lock does not run here"} < {
        *found
    }
    assert "hunter2" not in str(found)


# ---- a plan ----


def _plan(resource: Values, unknown: Values) -> Values:
    change = {"address": resource["address"], "change": {"after_unknown": unknown}}
    resources = {"root_module": {"resources": [PIPELINE, resource]}}
    return {"planned_values": resources, "resource_changes": [change], "prior_state": {"values": {}}}


@pytest.mark.parametrize(
    ("kind", "unknown", "named"),
    [
        ("aws_cloudwatch_event_target", {"arn": True, "role_arn": True, "id": True}, ["arn"]),
        ("aws_cloudwatch_event_rule", {"arn": True, "name": True}, ["name"]),
        ("aws_codebuild_project", {"environment": [{"environment_variable": [{"value": True}]}]}, ["environment[0].environment_variable[0].value"]),
        ("aws_s3_bucket", {"arn": True, "id": True, "bucket": True}, ["bucket"]),
        ("aws_codepipeline", {"arn": True, "tags_all": {"a": True}, "variable": True}, ["variable"]),
        ("aws_s3_bucket_versioning", {"bucket": True, "versioning_configuration": [{"mfa_delete": True}]}, ["bucket"]),
        ("aws_s3_object", {"content": True, "etag": True}, ["content"]),
        ("aws_cloudwatch_log_group", {"name": True, "arn": True}, ["name"]),
        ("aws_ssm_parameter", {"value": True, "insecure_value": True, "arn": True}, ["insecure_value"]),
        ("aws_codedeploy_deployment_group", {"ecs_service": [{"service_name": True}]}, ["ecs_service[0].service_name"]),
        ("aws_lambda_function", {"arn": True}, []),
    ],
)  # fmt: skip
def test_a_plan_names_what_it_does_not_know_yet(kind: str, unknown: Values, named: list[str]) -> None:
    """If it matters here. What to do is said once."""
    resource = _resource(kind)
    if not named:
        assert list(terraform.read(_plan(resource, unknown), str.encode).pipelines) == ["my-app"]
        return
    refused = _refused(_plan(resource, unknown))
    assert refused.problems == tuple(f"{kind}.this: {each} is only known after the apply" for each in named)
    assert refused.remedy == "Show the state instead: terraform apply, then terraform show -json."


def test_a_plan_that_knows_everything_is_read() -> None:
    """Such as one that changes what is there."""
    infra = terraform.read(_plan(PROJECT, {"id": True, "tags_all": {}}), str.encode)
    assert list(infra.projects) == ["status"]


# ---- parameters, buckets, objects, groups ----


@pytest.mark.parametrize(
    ("values", "parameters"),
    [
        ({"type": "String", "insecure_value": "a", "value": "a"}, (Parameter("/p", "a"),)),
        ({"type": "String", "insecure_value": None, "value": "b"}, (Parameter("/p", "b"),)),
        ({"type": "StringList", "insecure_value": "a,b", "value": ""}, (Parameter("/p", "a,b", "StringList"),)),
        ({"type": "SecureString", "value": "hunter2"}, ()),
        ({"type": "SecureString", "value": None, "has_value_wo": True}, ()),
    ],
)
def test_parameters(values: Values, parameters: tuple[Parameter, ...]) -> None:
    """Without secrets: `ecs-cd local up` asks for those."""
    assert (
        _read(_resource("aws_ssm_parameter", name="p") | {"values": {"name": "/p", **values}}).parameters == parameters
    )


def test_buckets_and_objects() -> None:
    """With their versioning; an object's body is its content, in Base64 too, or a file."""
    enabled: Values = {"versioning_configuration": [{"status": "Enabled"}]}
    suspended: Values = {"versioning_configuration": [{"status": "Suspended"}]}
    infra = _read(
        _resource("aws_s3_bucket", bucket="a"),
        _resource("aws_s3_bucket", bucket="b"),
        _resource("aws_s3_bucket_versioning", bucket="a", **enabled),
        _resource("aws_s3_bucket_versioning", bucket="b", **suspended),
        _resource("aws_s3_bucket_versioning", bucket="elsewhere", **enabled),
        _resource("aws_s3_object", bucket="a", key="1", content="text", content_base64=None, source=None),
        _resource("aws_s3_object", bucket="a", key="2", content_base64=base64.b64encode(b"\0\1").decode()),
        _resource("aws_s3_object", bucket="b", key="3", source="./release.tar.gz"),
        _resource("aws_s3_object", bucket="b", key="4"),
    )
    assert infra.buckets == {"a": True, "b": False, "elsewhere": True}
    assert infra.objects == (
        Object("a", "1", b"text"),
        Object("a", "2", b"\0\1"),
        Object("b", "3", b"the file ./release.tar.gz"),
        Object("b", "4", b""),
    )


def test_all_files_that_cannot_be_read_are_named() -> None:
    """With the objects that need them, and where they are looked for."""

    def missing(path: str) -> bytes:
        raise FileNotFoundError(2, "No such file or directory", path)

    objects = [_resource("aws_s3_object", key, bucket="a", key=key, source=f"./{key}.zip") for key in ("x", "y")]
    with pytest.raises(Refused) as error:
        terraform.read(_shown(*objects), missing)
    assert error.value.problems == (
        "aws_s3_object.x: source: ./x.zip can't be read: No such file or directory",
        "aws_s3_object.y: source: ./y.zip can't be read: No such file or directory",
    )
    assert error.value.remedy == (
        "Such a path is relative to the folder of the file: write that into the folder of Terraform's root module."
    )


def test_log_groups_and_deployment_groups() -> None:
    """A deployment group of servers has no service."""
    group = {"app_name": "app", "deployment_group_name": "g"}
    infra = _read(
        _resource("aws_cloudwatch_log_group", name="l") | {"values": {"name": "/ecs/my-app"}},
        _resource("aws_codedeploy_deployment_group", **group, ecs_service=[{"cluster_name": "c", "service_name": "s"}]),
        _resource("aws_codedeploy_deployment_group", app_name="servers", deployment_group_name="g", ecs_service=[]),
    )
    assert infra.log_groups == ("/ecs/my-app",)
    assert infra.deployment_groups == (DeploymentGroup("app", "g", "c", "s"),)


# ---- rules of EventBridge ----

PATTERN = {"source": ["aws.ecr"]}


def _rule(**values: Any) -> Values:
    made = {"name": "r", "event_pattern": json.dumps(PATTERN), "event_bus_name": "default", "state": "ENABLED"}
    return _resource("aws_cloudwatch_event_rule", name="r") | {"values": {**made, **values}}


def _target(arn: str = ARN, **values: Any) -> Values:
    return _resource("aws_cloudwatch_event_target", rule="r", arn=arn, **values)


TRANSFORMER = [{"input_paths": {"digest": "$.detail.image-digest"}, "input_template": "{}<digest>"}]


@pytest.mark.parametrize(
    ("resources", "rules"),
    [
        ([_rule(), _target()], (Rule("r", PATTERN, (Target(ARN),)),)),
        (
            [_rule(), _target(input_transformer=TRANSFORMER)],
            (Rule("r", PATTERN, (Target(ARN, {"digest": "$.detail.image-digest"}, "{}<digest>"),)),),
        ),
        ([_rule(), _target(input='{"a": 1}')], (Rule("r", PATTERN, (Target(ARN, {}, '{"a": 1}'),)),)),
        ([_rule(), _target(PROJECT_ARN)], (Rule("r", PATTERN, (Target(PROJECT_ARN),)),)),
        ([_rule(), _target(), _target(PROJECT_ARN)], (Rule("r", PATTERN, (Target(ARN), Target(PROJECT_ARN))),)),
        ([_rule(), _target("arn:aws:sns:us-east-1:123456789012:my-app", input_path="$.detail")], ()),
        ([_rule(), _target(f"{ARN}-other")], ()),
        ([_rule(event_bus_name="mine"), _target("arn:aws:lambda:us-east-1:123456789012:function:f")], ()),
        ([_rule(event_pattern=None, schedule_expression="rate(1 day)"), _target()], ()),
        ([_rule(state="DISABLED"), _target()], ()),
        ([_rule(is_enabled=False), _target()], ()),
        ([_rule(is_enabled=None, event_bus_name=None), _target()], (Rule("r", PATTERN, (Target(ARN),)),)),
        ([_rule()], ()),
    ],
)
def test_rules(resources: list[Values], rules: tuple[Rule, ...]) -> None:
    """Those with an event that start one of these pipelines or projects; the others are left alone."""
    assert _read(PROJECT, *resources).rules == rules


@pytest.mark.parametrize(
    ("resources", "wrong"),
    [
        ([_rule(event_bus_name="mine"), _target()], ["aws_cloudwatch_event_rule.r: event_bus_name is not read here"]),
        ([_rule(), _target(input_path="$.detail")], ["aws_cloudwatch_event_target.this: input_path is not read here"]),
    ],
)
def test_rules_that_cannot_be_followed_are_refused(resources: list[Values], wrong: list[str]) -> None:
    """Of those that start something of ours."""
    assert list(_refused(_shown(*resources)).problems) == wrong
