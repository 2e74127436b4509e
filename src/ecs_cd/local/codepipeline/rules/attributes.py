"""What each attribute of Terraform's aws_codepipeline and aws_codebuild_project is in AWS's own requests.

https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/codepipeline
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ecs_cd.local.codepipeline.rules.infra import Request

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Names:
    """A list of names: in the request, a list of structures with a name."""

    member: str


@dataclass(frozen=True)
class Block:
    """A block: in the request a structure, or a list of them."""

    member: str
    attributes: Table
    several: bool = False


# By attribute: the request's member, or none if nothing that runs here depends on it.
Table: TypeAlias = "Mapping[str, str | Names | Block | None]"


def _same(*names: str) -> dict[str, str]:
    return dict(zip(names, names, strict=True))


_RESOURCE = dict.fromkeys(("arn", "id", "region", "tags", "tags_all", "timeouts"))
_FILTER = _same("includes", "excludes")
_RULE: Table = {
    **_same("commands", "configuration", "name", "region"),
    "role_arn": "roleArn",
    "timeout_in_minutes": "timeoutInMinutes",
    "input_artifacts": Names("inputArtifacts"),
    "rule_type_id": Block("ruleTypeId", _same("category", "owner", "provider", "version")),
}
_CONDITION = Block("conditions", {"result": "result", "rule": Block("rules", _RULE, several=True)}, several=True)
_ACTION: Table = {
    **_same("commands", "configuration", "name", "namespace", "region"),
    **{name: f"actionTypeId.{name}" for name in ("category", "owner", "provider", "version")},
    "input_artifacts": Names("inputArtifacts"),
    "output_artifacts": Names("outputArtifacts"),
    "output_artifacts_for_compute_action": Block("outputArtifacts", _same("name", "files"), several=True),
    "output_variables": "outputVariables",
    "role_arn": "roleArn",
    "run_order": "runOrder",
    "timeout_in_minutes": "timeoutInMinutes",
}
_ON_FAILURE: Table = {
    "result": "result",
    "condition": _CONDITION,
    "retry_configuration": Block("retryConfiguration", {"retry_mode": "retryMode"}),
}
_GIT: Table = {
    "source_action_name": "sourceActionName",
    "push": Block(
        "push",
        {
            "branches": Block("branches", _FILTER),
            "file_paths": Block("filePaths", _FILTER),
            "tags": Block("tags", _FILTER),
        },
        several=True,
    ),
    "pull_request": Block(
        "pullRequest",
        {
            "events": "events",
            "branches": Block("branches", _FILTER),
            "file_paths": Block("filePaths", _FILTER),
        },
        several=True,
    ),
}
PIPELINE: Table = {
    **_RESOURCE,
    "trigger_all": None,
    "name": "name",
    "role_arn": "roleArn",
    "pipeline_type": "pipelineType",
    "execution_mode": "executionMode",
    "artifact_store": Block(
        "artifactStores",
        {**_same("type", "location", "region"), "encryption_key": Block("encryptionKey", _same("id", "type"))},
        several=True,
    ),
    "variable": Block(
        "variables", {"name": "name", "default_value": "defaultValue", "description": "description"}, several=True
    ),
    "trigger": Block(
        "triggers",
        {"provider_type": "providerType", "git_configuration": Block("gitConfiguration", _GIT)},
        several=True,
    ),
    "stage": Block(
        "stages",
        {
            "name": "name",
            "action": Block("actions", _ACTION, several=True),
            "before_entry": Block("beforeEntry", {"condition": _CONDITION}),
            "on_success": Block("onSuccess", {"condition": _CONDITION}),
            "on_failure": Block("onFailure", _ON_FAILURE),
        },
        several=True,
    ),
}

_SOURCE: Table = {
    **_same("type", "location", "buildspec"),
    "source_identifier": "sourceIdentifier",
    "git_clone_depth": "gitCloneDepth",
    "insecure_ssl": "insecureSsl",
    "report_build_status": "reportBuildStatus",
    "auth": Block("auth", _same("type", "resource")),
    "build_status_config": Block("buildStatusConfig", {"context": "context", "target_url": "targetUrl"}),
    "git_submodules_config": Block("gitSubmodulesConfig", {"fetch_submodules": "fetchSubmodules"}),
}
_ARTIFACTS: Table = {
    **_same("type", "location", "path", "name", "packaging"),
    "artifact_identifier": "artifactIdentifier",
    "bucket_owner_access": "bucketOwnerAccess",
    "encryption_disabled": "encryptionDisabled",
    "namespace_type": "namespaceType",
    "override_artifact_name": "overrideArtifactName",
}
_ENVIRONMENT: Table = {
    **_same("type", "image", "certificate"),
    "compute_type": "computeType",
    "privileged_mode": "privilegedMode",
    "host_kernel": "hostKernel",
    "image_pull_credentials_type": "imagePullCredentialsType",
    "docker_server": Block("dockerServer", {"compute_type": "computeType", "security_group_ids": "securityGroupIds"}),
    "fleet": Block("fleet", {"fleet_arn": "fleetArn"}),
    "registry_credential": Block(
        "registryCredential", {"credential": "credential", "credential_provider": "credentialProvider"}
    ),
    "environment_variable": Block("environmentVariables", _same("name", "value", "type"), several=True),
}
_LOGS: Table = {
    "cloudwatch_logs": Block(
        "cloudWatchLogs", {"status": "status", "group_name": "groupName", "stream_name": "streamName"}
    ),
    "s3_logs": Block(
        "s3Logs",
        {
            **_same("status", "location"),
            "bucket_owner_access": "bucketOwnerAccess",
            "encryption_disabled": "encryptionDisabled",
        },
    ),
}
_BATCH: Table = {
    "service_role": "serviceRole",
    "combine_artifacts": "combineArtifacts",
    "timeout_in_mins": "timeoutInMins",
    "restrictions": Block(
        "restrictions",
        {"compute_types_allowed": "computeTypesAllowed", "maximum_builds_allowed": "maximumBuildsAllowed"},
    ),
}
PROJECT: Table = {
    **_RESOURCE,
    # The page of a public project, and its badge.
    **dict.fromkeys(("badge_url", "project_visibility", "public_project_alias", "resource_access_role")),
    **_same("name", "description"),
    "auto_retry_limit": "autoRetryLimit",
    "badge_enabled": "badgeEnabled",
    "build_timeout": "timeoutInMinutes",
    "queued_timeout": "queuedTimeoutInMinutes",
    "concurrent_build_limit": "concurrentBuildLimit",
    "encryption_key": "encryptionKey",
    "service_role": "serviceRole",
    "source_version": "sourceVersion",
    "source": Block("source", _SOURCE),
    "secondary_sources": Block("secondarySources", _SOURCE, several=True),
    "secondary_source_version": Block(
        "secondarySourceVersions",
        {"source_identifier": "sourceIdentifier", "source_version": "sourceVersion"},
        several=True,
    ),
    "artifacts": Block("artifacts", _ARTIFACTS),
    "secondary_artifacts": Block("secondaryArtifacts", _ARTIFACTS, several=True),
    "environment": Block("environment", _ENVIRONMENT),
    "logs_config": Block("logsConfig", _LOGS),
    "vpc_config": Block(
        "vpcConfig", {"vpc_id": "vpcId", "subnets": "subnets", "security_group_ids": "securityGroupIds"}
    ),
    "cache": Block("cache", {**_same("type", "location", "modes"), "cache_namespace": "cacheNamespace"}),
    "file_system_locations": Block(
        "fileSystemLocations",
        {**_same("identifier", "location", "type"), "mount_options": "mountOptions", "mount_point": "mountPoint"},
        several=True,
    ),
    "build_batch_config": Block("buildBatchConfig", _BATCH),
}
# A plan doesn't know them before the roles, keys and networks exist; nothing that runs here depends on their values.
_MAY_BE_UNKNOWN = {"role_arn", "service_role", "encryption_key", "id", "vpc_id", "subnets", "security_group_ids"}


def request(values: Values, table: Table) -> dict[str, Any]:
    """The request's members, without those that Terraform doesn't send: null, empty texts and collections, 0."""
    made: dict[str, Any] = {}
    for attribute, to in table.items():
        value = values.get(attribute)
        if to is None or (_is_nothing(value) and not (to == "value" and value == "")):
            continue
        if isinstance(to, str):
            group, _, member = to.rpartition(".")
            (made.setdefault(group, {}) if group else made)[member] = value
        else:
            made[to.member] = _structures(value, to)
    return made


def _structures(value: Any, to: Names | Block) -> Any:
    if isinstance(to, Names):
        return [{"name": name} for name in value]
    blocks = [request(each or {}, to.attributes) for each in value]
    return blocks if to.several else blocks[0]


def _is_nothing(value: Any) -> bool:
    return value is not False and value in (None, "", 0, [], {})


def not_known(values: Values, table: Table, path: str = "") -> Iterator[str]:
    """The attributes that have a value and aren't in the table."""
    for attribute, value in values.items():
        if attribute not in table and value is not False and not _is_nothing(value):
            yield f"{path}{attribute}"
        to = table.get(attribute)
        if isinstance(to, Block):
            for place, each in _blocks(path, attribute, to, value or ()):
                yield from not_known(each or {}, to.attributes, place)


def _blocks(path: str, attribute: str, to: Block, value: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for index, each in enumerate(value):
        yield f"{path}{attribute}{f'[{index}]' if to.several else ''}.", each


def after_apply(unknown: Values, table: Table, path: str = "") -> Iterator[str]:
    """The attributes of the table that a plan's `after_unknown` says are only known after the apply."""
    for attribute, value in unknown.items():
        to = table.get(attribute)
        if to is None or attribute in _MAY_BE_UNKNOWN:
            continue
        if isinstance(to, Block) and isinstance(value, Sequence):
            for place, each in _blocks(path, attribute, to, value):
                inner = each if isinstance(each, Mapping) else dict.fromkeys(to.attributes, each)
                yield from after_apply(inner, to.attributes, place)
        elif isinstance(value, Mapping):
            yield from (f"{path}{attribute}.{key}" for key, each in value.items() if _any(each))
        elif _any(value):
            yield f"{path}{attribute}"


def _any(unknown: Any) -> bool:
    return any(map(_any, unknown)) if isinstance(unknown, list) else unknown is True


def declaration(values: Values) -> Request:
    """CreatePipeline's `pipeline`, from the values of an aws_codepipeline."""
    made = request(values, PIPELINE)
    stores = made.pop("artifactStores", [])
    if len(stores) == 1:
        return {**made, "artifactStore": {name: value for name, value in stores[0].items() if name != "region"}}
    return {**made, "artifactStores": {store.pop("region", ""): store for store in stores}}


def project(values: Values) -> Request:
    """CreateProject's parameters, from the values of an aws_codebuild_project."""
    made = request(values, PROJECT)
    for logs, status in (("cloudWatchLogs", "ENABLED"), ("s3Logs", "DISABLED")):  # the provider's defaults
        if logs in made.get("logsConfig", {}):
            made["logsConfig"][logs].setdefault("status", status)
    return made
