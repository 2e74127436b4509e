"""From `terraform show -json` to what it declares about pipelines."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.local.codepipeline.rules import attributes
from ecs_cd.local.codepipeline.rules.attributes import Values
from ecs_cd.local.codepipeline.rules.infra import DeploymentGroup, Infra, Object, Parameter, Rule, Target, target
from ecs_cd.model.errors import Refused, checked

_REMEDY = "Give the file that `terraform show -json` writes, of a state with a pipeline or with ecs-cd's document."
_APPLY = "Show the state instead: terraform apply, then terraform show -json."
_RELATIVE = "Such a path is relative to the folder of the file: write that into the folder of Terraform's root module."
# The types of resources that are read, and what of them. Other types have no part in a pipeline here.
_ALL = ("aws_codepipeline", "aws_codebuild_project")
_READ: dict[str, tuple[str, ...]] = {
    "aws_cloudwatch_event_rule": ("name", "event_bus_name", "event_pattern"),
    "aws_cloudwatch_event_target": ("rule", "event_bus_name", "arn", "input", "input_path", "input_transformer"),
    "aws_ssm_parameter": ("name", "type"),
    "aws_s3_bucket": ("bucket",),
    "aws_s3_bucket_versioning": ("bucket", "versioning_configuration"),
    "aws_s3_object": ("bucket", "key", "content", "content_base64", "source"),
    "aws_cloudwatch_log_group": ("name",),
    "aws_codedeploy_deployment_group": ("app_name", "deployment_group_name", "ecs_service"),
}


@dataclass(frozen=True)
class _Resource:
    """A resource; ``unknown`` is a plan's `after_unknown`."""

    address: str
    type: str
    values: Values = field(repr=False)
    unknown: Values


def read(shown: Any, content: Callable[[str], bytes]) -> Infra:
    """Everything about pipelines in the JSON of a state, or of a plan that knows it all.

    ``content`` reads the `source` of an aws_s3_object; it may raise ``OSError``. Raises ``Refused`` with all problems
    at once, without values.
    """
    resources = [each for each in _resources(shown) if each.type in (*_ALL, *_READ)]
    if not any(each.type in ("aws_codepipeline", "aws_ssm_parameter") for each in resources):
        raise Refused("there is no aws_codepipeline and no aws_ssm_parameter in it", _REMEDY)
    _check(resources)
    pipelines = [attributes.declaration(each.values) for each in _of(resources, "aws_codepipeline")]
    projects = [attributes.project(each.values) for each in _of(resources, "aws_codebuild_project")]
    names = ([str(each["name"]) for each in pipelines], [str(each["name"]) for each in projects])
    rules, objects = checked(
        lambda: _rules(resources, names),
        lambda: tuple(checked(*(_reader(each, content) for each in _of(resources, "aws_s3_object")))),
    )
    return Infra(
        pipelines=dict(zip(names[0], pipelines, strict=True)),
        projects=dict(zip(names[1], projects, strict=True)),
        rules=rules,
        parameters=tuple(map(_parameter, _parameters(resources))),
        buckets=_buckets(resources),
        objects=objects,
        log_groups=tuple(str(each.values["name"]) for each in _of(resources, "aws_cloudwatch_log_group")),
        deployment_groups=tuple(_deployment_groups(resources)),
    )


# ---- resources ----


def _resources(shown: Any) -> Iterator[_Resource]:
    values = shown.get("planned_values", shown.get("values")) if isinstance(shown, Mapping) else None
    if not isinstance(values, Mapping):
        raise Refused("this is not the output of `terraform show -json`, or of an empty state", _REMEDY)
    unknown = {each["address"]: each["change"].get("after_unknown") for each in shown.get("resource_changes", ())}
    modules = [values.get("root_module", {})]
    while modules:
        module = modules.pop(0)
        for each in module.get("resources", ()):
            if each["mode"] == "managed" and "deposed_key" not in each:
                address = str(each["address"])
                yield _Resource(address, str(each["type"]), each.get("values") or {}, unknown.get(address) or {})
        modules += module.get("child_modules", ())


def _of(resources: Sequence[_Resource], kind: str) -> list[_Resource]:
    return [each for each in resources if each.type == kind]


def _check(resources: Sequence[_Resource]) -> None:
    late = [
        f"{each.address}: {attribute} is only known after the apply"
        for each in resources
        for attribute in [*attributes.after_apply(_unknown(each)), *_unknown_text(each)]
    ]
    named = [(each.type, each.values.get("name")) for each in resources if each.type in _ALL]
    twice = [f"two {kind} are named {name}" for kind, name in dict.fromkeys(named) if named.count((kind, name)) > 1]
    if late or twice:
        raise Refused([*late, *twice], _APPLY if late else "")


def _unknown(resource: _Resource) -> Values:
    """What the plan doesn't know of what is read."""
    read = _READ.get(resource.type) or resource.unknown.keys() - attributes.NOT_SENT
    return {name: value for name, value in resource.unknown.items() if name in read}


# ---- SSM, S3, CodeDeploy ----


def _parameters(resources: Sequence[_Resource]) -> list[_Resource]:
    """Without secrets."""
    found = _of(resources, "aws_ssm_parameter")
    return [each for each in found if each.values.get("type") != "SecureString"]


def _text(values: Values) -> str | None:
    """The value of a parameter: Terraform keeps it in one of two attributes, or in both."""
    found = [values.get(name) for name in ("insecure_value", "value")]
    return next((str(each) for each in found if each), None)


def _unknown_text(resource: _Resource) -> list[str]:
    is_text = resource in _parameters([resource])
    return ["insecure_value"] if is_text and _text(resource.values) is None else []


def _parameter(resource: _Resource) -> Parameter:
    text = _text(resource.values)
    return Parameter(str(resource.values["name"]), text or "", str(resource.values["type"]))


def _buckets(resources: Sequence[_Resource]) -> dict[str, bool]:
    versioned = {
        each.values["bucket"]
        for each in _of(resources, "aws_s3_bucket_versioning")
        for configuration in each.values["versioning_configuration"]
        if configuration["status"] == "Enabled"
    }
    names = [str(each.values["bucket"]) for each in _of(resources, "aws_s3_bucket")]
    return {name: name in versioned for name in [*names, *sorted(versioned - {*names})]}


def _reader(resource: _Resource, content: Callable[[str], bytes]) -> Callable[[], Object]:
    return lambda: Object(str(resource.values["bucket"]), str(resource.values["key"]), _body(resource, content))


def _body(resource: _Resource, content: Callable[[str], bytes]) -> bytes:
    values = resource.values
    if values.get("source"):
        try:
            return content(str(values["source"]))
        except OSError as error:
            why = f"{resource.address}: source: {values['source']} can't be read: {error.strerror}"
            raise Refused(why, _RELATIVE) from None
    if values.get("content_base64"):
        return base64.b64decode(values["content_base64"])
    return str(values.get("content") or "").encode()


def _deployment_groups(resources: Sequence[_Resource]) -> Iterator[DeploymentGroup]:
    for each in _of(resources, "aws_codedeploy_deployment_group"):
        for service in each.values.get("ecs_service") or ():
            application, name = str(each.values["app_name"]), str(each.values["deployment_group_name"])
            yield DeploymentGroup(application, name, str(service["cluster_name"]), str(service["service_name"]))


# ---- EventBridge ----


def _rules(resources: Sequence[_Resource], names: tuple[list[str], list[str]]) -> tuple[Rule, ...]:
    """The rules that start one of these pipelines or projects. A schedule and a disabled rule start nothing here."""
    ours: dict[str, list[_Resource]] = {}
    for each in _of(resources, "aws_cloudwatch_event_target"):
        if target(str(each.values["arn"]), *names):
            ours.setdefault(str(each.values["rule"]), []).append(each)
    rules = [each for each in _of(resources, "aws_cloudwatch_event_rule") if _starts(each.values, ours)]
    used = [each for rule in rules for each in ours[rule.values["name"]]]
    strange = [
        f"{each.address}: {attribute} is not read here"
        for each in [*rules, *used]
        for attribute in _not_read(each.values)
    ]
    if strange:
        raise Refused(strange)
    return tuple(
        Rule(
            str(each.values["name"]),
            json.loads(each.values["event_pattern"]),
            tuple(_target(its.values) for its in ours[each.values["name"]]),
        )
        for each in rules
    )


def _starts(rule: Values, ours: Mapping[str, Any]) -> bool:
    disabled = rule.get("state") == "DISABLED" or rule.get("is_enabled") is False
    return rule.get("name") in ours and bool(rule.get("event_pattern")) and not disabled


def _not_read(values: Values) -> list[str]:
    other_bus = values.get("event_bus_name") not in (None, "", "default")
    return [*(["event_bus_name"] if other_bus else []), *(["input_path"] if values.get("input_path") else [])]


def _target(values: Values) -> Target:
    """A constant `input` is a template without paths."""
    for transformer in values.get("input_transformer") or ():
        return Target(str(values["arn"]), transformer.get("input_paths") or {}, str(transformer["input_template"]))
    return Target(str(values["arn"]), {}, str(values.get("input") or ""))
