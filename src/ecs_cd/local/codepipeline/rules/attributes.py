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


def _members(*attributes: str) -> dict[str, str]:
    """Attributes whose member has the same name, as AWS writes it."""
    return {each: _member(each) for each in attributes}


def _member(attribute: str) -> str:
    first, *words = attribute.split("_")
    return first + "".join(word.capitalize() for word in words)


def _block(attribute: str, attributes: Table) -> dict[str, Block]:
    """A block whose member has the same name."""
    return {attribute: Block(_member(attribute), attributes)}


_RESOURCE = dict.fromkeys(("arn", "id", "region", "tags", "tags_all", "timeouts"))
_FILTER = _members("includes", "excludes")
_RULE: Table = {
    **_members("commands", "configuration", "name", "region", "role_arn", "timeout_in_minutes"),
    **_block("rule_type_id", _members("category", "owner", "provider", "version")),
    "input_artifacts": Names("inputArtifacts"),
}
_CONDITION = Block("conditions", {"result": "result", "rule": Block("rules", _RULE, several=True)}, several=True)
_ACTION: Table = {
    **_members("commands", "configuration", "name", "namespace", "output_variables", "region", "role_arn"),
    **_members("run_order", "timeout_in_minutes"),
    **{name: f"actionTypeId.{name}" for name in ("category", "owner", "provider", "version")},
    "input_artifacts": Names("inputArtifacts"),
    "output_artifacts": Names("outputArtifacts"),
    "output_artifacts_for_compute_action": Block("outputArtifacts", _members("name", "files"), several=True),
}
_STAGE: Table = {
    "name": "name",
    "action": Block("actions", _ACTION, several=True),
    **_block("before_entry", {"condition": _CONDITION}),
    **_block("on_success", {"condition": _CONDITION}),
    **_block(
        "on_failure",
        {"result": "result", "condition": _CONDITION, **_block("retry_configuration", _members("retry_mode"))},
    ),
}
_CHANGES: Table = {**_block("branches", _FILTER), **_block("file_paths", _FILTER)}
_GIT: Table = {
    **_members("source_action_name"),
    "push": Block("push", {**_CHANGES, **_block("tags", _FILTER)}, several=True),
    "pull_request": Block("pullRequest", {"events": "events", **_CHANGES}, several=True),
}
_STORE: Table = {**_members("type", "location", "region"), **_block("encryption_key", _members("id", "type"))}
PIPELINE: Table = {
    **_RESOURCE,
    "trigger_all": None,
    **_members("name", "role_arn", "pipeline_type", "execution_mode"),
    "artifact_store": Block("artifactStores", _STORE, several=True),
    "variable": Block("variables", _members("name", "default_value", "description"), several=True),
    "trigger": Block("triggers", {**_members("provider_type"), **_block("git_configuration", _GIT)}, several=True),
    "stage": Block("stages", _STAGE, several=True),
}

_SOURCE: Table = {
    **_members("type", "location", "buildspec", "source_identifier", "git_clone_depth", "insecure_ssl"),
    **_members("report_build_status"),
    **_block("auth", _members("type", "resource")),
    **_block("build_status_config", _members("context", "target_url")),
    **_block("git_submodules_config", _members("fetch_submodules")),
}
_ARTIFACTS = _members(
    "type", "location", "path", "name", "packaging", "artifact_identifier", "bucket_owner_access",
    "encryption_disabled", "namespace_type", "override_artifact_name",
)  # fmt: skip
_ENVIRONMENT: Table = {
    **_members("type", "image", "certificate", "compute_type", "privileged_mode", "host_kernel"),
    **_members("image_pull_credentials_type"),
    **_block("docker_server", _members("compute_type", "security_group_ids")),
    **_block("fleet", _members("fleet_arn")),
    **_block("registry_credential", _members("credential", "credential_provider")),
    "environment_variable": Block("environmentVariables", _members("name", "value", "type"), several=True),
}
_LOGS: Table = {
    "cloudwatch_logs": Block("cloudWatchLogs", _members("status", "group_name", "stream_name")),
    **_block("s3_logs", _members("status", "location", "bucket_owner_access", "encryption_disabled")),
}
_BATCH: Table = {
    **_members("service_role", "combine_artifacts", "timeout_in_mins"),
    **_block("restrictions", _members("compute_types_allowed", "maximum_builds_allowed")),
}
_FILE_SYSTEM = _members("identifier", "location", "type", "mount_options", "mount_point")
_VERSION = _members("source_identifier", "source_version")
PROJECT: Table = {
    **_RESOURCE,
    # The page of a public project, and its badge.
    **dict.fromkeys(("badge_url", "project_visibility", "public_project_alias", "resource_access_role")),
    **_members("name", "description", "auto_retry_limit", "badge_enabled", "concurrent_build_limit"),
    **_members("encryption_key", "service_role", "source_version"),
    "build_timeout": "timeoutInMinutes",
    "queued_timeout": "queuedTimeoutInMinutes",
    **_block("source", _SOURCE),
    "secondary_sources": Block("secondarySources", _SOURCE, several=True),
    "secondary_source_version": Block("secondarySourceVersions", _VERSION, several=True),
    **_block("artifacts", _ARTIFACTS),
    "secondary_artifacts": Block("secondaryArtifacts", _ARTIFACTS, several=True),
    **_block("environment", _ENVIRONMENT),
    **_block("logs_config", _LOGS),
    **_block("vpc_config", _members("vpc_id", "subnets", "security_group_ids")),
    **_block("cache", _members("type", "location", "modes", "cache_namespace")),
    "file_system_locations": Block("fileSystemLocations", _FILE_SYSTEM, several=True),
    **_block("build_batch_config", _BATCH),
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
