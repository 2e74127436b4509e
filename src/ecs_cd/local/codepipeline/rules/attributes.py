"""From the attributes of Terraform's aws_codepipeline and aws_codebuild_project to AWS's own requests.

Nothing is dropped: what doesn't run here, is in the request, and the rules of declarations and projects refuse it.

https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/codepipeline
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ecs_cd.local.codepipeline.rules.infra import Request

Values = Mapping[str, Any]

# What Terraform keeps for itself, computes, or sends with other operations, as a project's public page and its badge.
NOT_SENT = {"arn", "id", "region", "tags", "tags_all", "timeouts", "trigger_all", "badge_url"} | {
    *("project_visibility", "public_project_alias", "resource_access_role")
}
# A plan doesn't know them before the roles, keys and networks exist; nothing that runs here depends on their values.
_MAY_BE_UNKNOWN = {"role_arn", "service_role", "encryption_key", "id", "vpc_id", "subnets", "security_group_ids"} | {
    *("region", "mfa_delete")
}
# Attributes whose member isn't their name as AWS writes it.
_MEMBERS = {
    **{name: f"{name}s" for name in ("action", "condition", "rule", "stage", "trigger", "variable")},
    "artifact_store": "artifactStores",
    "build_timeout": "timeoutInMinutes",
    "cloudwatch_logs": "cloudWatchLogs",
    "environment_variable": "environmentVariables",
    "output_artifacts_for_compute_action": "outputArtifacts",
    "queued_timeout": "queuedTimeoutInMinutes",
    "secondary_source_version": "secondarySourceVersions",
}
# Blocks that may be there several times; any other is a structure.
_SEVERAL = {"action", "artifact_store", "condition", "environment_variable", "file_system_locations"} | {
    *("output_artifacts_for_compute_action", "pull_request", "push", "rule", "secondary_artifacts"),
    *("secondary_source_version", "secondary_sources", "stage", "trigger", "variable"),
}
_TYPE_ID = ("category", "owner", "provider", "version")


def declaration(values: Values) -> Request:
    """CreatePipeline's `pipeline`, from the values of an aws_codepipeline."""
    made = _sent(values)
    for stage in made.get("stages", ()):
        for action in stage.get("actions", ()):
            action["actionTypeId"] = {name: action.pop(name) for name in _TYPE_ID if name in action}
    stores = made.pop("artifactStores", [])
    if len(stores) == 1:
        return {**made, "artifactStore": {name: value for name, value in stores[0].items() if name != "region"}}
    return {**made, "artifactStores": {store.pop("region", ""): store for store in stores}}


def project(values: Values) -> Request:
    """CreateProject's parameters, from the values of an aws_codebuild_project."""
    made = _sent(values)
    for logs, status in (("cloudWatchLogs", "ENABLED"), ("s3Logs", "DISABLED")):  # the provider's defaults
        if logs in made.get("logsConfig", {}):
            made["logsConfig"][logs].setdefault("status", status)
    return made


def _sent(values: Values) -> dict[str, Any]:
    return _members({name: value for name, value in values.items() if name not in NOT_SENT})


def _members(values: Values) -> dict[str, Any]:
    """Without what Terraform doesn't send: null, empty texts and collections, 0; but a variable may be empty."""
    return {
        _MEMBERS.get(name) or _camel(name): _value(name, value)
        for name, value in values.items()
        if value is False or value not in (None, "", 0, [], {}) or (name, value) == ("value", "")
    }


def _camel(attribute: str) -> str:
    first, *words = attribute.split("_")
    return first + "".join(word.capitalize() for word in words)


def _value(name: str, value: Any) -> Any:
    if name in ("input_artifacts", "output_artifacts"):
        return [{"name": each} for each in value]
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        return value
    return [_members(each) for each in value] if name in _SEVERAL else _members(value[0])


def after_apply(unknown: Values, path: str = "") -> Iterator[str]:
    """The attributes that a plan's `after_unknown` says are only known after the apply."""
    for name, value in unknown.items():
        if name not in _MAY_BE_UNKNOWN:
            yield from _unknown(value, f"{path}{name}")


def _unknown(value: Any, path: str) -> Iterator[str]:
    if value is True:
        yield path
    elif isinstance(value, Mapping):
        yield from after_apply(value, f"{path}.")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unknown(each, f"{path}[{index}]")
