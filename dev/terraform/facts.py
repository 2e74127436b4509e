"""What AWS would make known about a resource: its ARN, its id, and what else the provider computes.

The values have the real form, and are the same for the same resource. AWS's own limits on names are here as well.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

ACCOUNT = "123456789012"
REGION = "us-east-1"

_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}

Values = Mapping[str, Any]

_ARNS = {
    "aws_cloudwatch_event_rule": "arn:aws:events:{region}:{account}:rule/{name}",
    "aws_cloudwatch_log_group": "arn:aws:logs:{region}:{account}:log-group:{name}",
    "aws_codebuild_project": "arn:aws:codebuild:{region}:{account}:project/{name}",
    "aws_codebuild_report_group": "arn:aws:codebuild:{region}:{account}:report-group/{name}",
    "aws_codeconnections_connection": "arn:aws:codeconnections:{region}:{account}:connection/{uuid}",
    "aws_codestarconnections_connection": "arn:aws:codestar-connections:{region}:{account}:connection/{uuid}",
    "aws_codedeploy_app": "arn:aws:codedeploy:{region}:{account}:application:{name}",
    "aws_codedeploy_deployment_group": "arn:aws:codedeploy:{region}:{account}:deploymentgroup:"
    "{app_name}/{deployment_group_name}",
    "aws_codepipeline": "arn:aws:codepipeline:{region}:{account}:{name}",
    "aws_codestarnotifications_notification_rule": "arn:aws:codestar-notifications:{region}:{account}:"
    "notificationrule/{hex:.40}",
    "aws_ecr_repository": "arn:aws:ecr:{region}:{account}:repository/{name}",
    "aws_ecs_cluster": "arn:aws:ecs:{region}:{account}:cluster/{cluster_name}",
    "aws_ecs_service": "arn:aws:ecs:{region}:{account}:service/{cluster}/{service_name}",
    "aws_iam_openid_connect_provider": "arn:aws:iam::{account}:oidc-provider/{url}",
    "aws_iam_role": "arn:aws:iam::{account}:role{path}{name}",
    "aws_kms_key": "arn:aws:kms:{region}:{account}:key/{key_id}",
    "aws_s3_bucket": "arn:aws:s3:::{bucket}",
    "aws_s3_object": "arn:aws:s3:::{bucket}/{key}",
    "aws_security_group": "arn:aws:ec2:{region}:{account}:security-group/sg-{hex:.17}",
    "aws_ssm_parameter": "arn:aws:ssm:{region}:{account}:parameter/{parameter}",
    "aws_subnet": "arn:aws:ec2:{region}:{account}:subnet/{id}",
    "aws_vpc_security_group_egress_rule": "arn:aws:ec2:{region}:{account}:security-group-rule/sgr-{hex:.17}",
    "aws_caller_identity": "arn:aws:iam::{account}:user/terraform",
}
_BY_ARN = (
    "aws_codebuild_project", "aws_codebuild_report_group", "aws_codeconnections_connection",
    "aws_codestarconnections_connection", "aws_codestarnotifications_notification_rule", "aws_ecs_cluster",
    "aws_ecs_service", "aws_iam_openid_connect_provider",
)  # fmt: skip
_IDS = {
    **dict.fromkeys(_BY_ARN, "{arn}"),
    "aws_caller_identity": "{account}",
    "aws_cloudwatch_event_target": "{rule}-{target_id}",
    "aws_codedeploy_app": "{uuid}",
    "aws_codedeploy_deployment_group": "{uuid}",
    "aws_iam_policy_document": "{hex:.10}",
    "aws_iam_role_policy": "{role}:{name}",
    "aws_kms_key": "{key_id}",
    "aws_partition": "{partition}",
    "aws_region": "{region}",
    "aws_s3_object": "{bucket}/{key}",
    "aws_security_group": "sg-{hex:.17}",
    "aws_subnet": "subnet-{hex:.17}",
    "aws_vpc_security_group_egress_rule": "sgr-{hex:.17}",
}
_MORE: dict[str, dict[str, str]] = {
    "aws_caller_identity": {"account_id": "{account}", "user_id": "AIDA{hex:.17}"},
    "aws_ecr_repository": {
        "registry_id": "{account}",
        "repository_url": "{account}.dkr.ecr.{region}.amazonaws.com/{name}",
    },
    "aws_iam_role": {"unique_id": "AROA{hex:.17}", "create_date": "2026-01-01T00:00:00Z"},
    "aws_partition": {
        "partition": "{partition}",
        "dns_suffix": "amazonaws.com",
        "reverse_dns_prefix": "com.amazonaws",
    },
    "aws_region": {"name": "{region}", "endpoint": "ec2.{region}.amazonaws.com", "description": "a region"},
    "aws_s3_bucket": {
        "bucket_domain_name": "{bucket}.s3.amazonaws.com",
        "bucket_regional_domain_name": "{bucket}.s3.{region}.amazonaws.com",
        "bucket_region": "{region}",
    },
    "aws_s3_object": {"etag": "{hex:.32}", "version_id": "{hex:.32}"},
    "aws_security_group": {"owner_id": "{account}", "vpc_id": "vpc-{hex:.17}"},
    "aws_ssm_parameter": {"value": "the value of {name}", "insecure_value": "", "type": "String"},
    "aws_subnet": {"vpc_id": "vpc-{hex:.17}", "owner_id": "{account}"},
    "aws_codestarconnections_connection": {"connection_status": "PENDING"},
    "aws_codeconnections_connection": {"connection_status": "PENDING"},
}


def facts(kind: str, given: Values, region: str) -> dict[str, Any]:
    """What is known of a resource or data source after it is there; `given` is what its author wrote."""
    known = {name: value for name, value in given.items() if isinstance(value, (str, int, float))}
    digest = hashlib.sha256(json.dumps([kind, known], sort_keys=True).encode()).hexdigest()
    prefix = known.get("name_prefix") or known.get("bucket_prefix") or "terraform-"
    made = f"{prefix}20260101{int(digest[:14], 16):018d}"
    words = _words({"name": made, "bucket": made, "target_id": made, **known}, digest) | {
        "region": region,
        "partition": _partition(region),
    }
    arn = str(known.get("arn") or _ARNS.get(kind, "").format_map(words))
    template = _IDS.get(kind, "{bucket}" if "bucket" in known else "{name}")
    found = {"arn": arn, "id": known.get("id") or template.format_map(words | {"arn": arn})}
    more = {name: text.format_map(words) for name, text in _MORE.get(kind, {}).items()}
    return {name: _in_partition(value, region) for name, value in {**words, **found, **more}.items()}


def _in_partition(value: Any, region: str) -> Any:
    """An ARN of a region in China or GovCloud begins otherwise."""
    return value.replace("arn:aws:", f"arn:{_partition(region)}:") if isinstance(value, str) else value


def _partition(region: str) -> str:
    return next((found for prefix, found in _PARTITIONS.items() if region.startswith(prefix)), "aws")


def _words(known: dict[str, Any], digest: str) -> dict[str, Any]:
    """The words of the templates. Some have two names: a resource's and its data source's."""
    name = str(known["name"])
    uuid = UUID(hex=digest[:32])
    return {
        "path": "/",
        "cluster_name": name,
        "service_name": name,
        "cluster": str(known.get("cluster", known.get("cluster_arn", "default"))).rpartition("/")[2],
        **known,
        "account": ACCOUNT,
        "hex": digest,
        "uuid": uuid,
        "key_id": str(known.get("key_id") or uuid),
        "parameter": name.lstrip("/"),
        "url": str(known.get("url", "")).removeprefix("https://"),
    }


# ---- what AWS, or the provider, refuses although the schema allows it ----

_LIMITS = {
    ("aws_cloudwatch_event_rule", "name"): r"[\w.-]{1,64}",
    ("aws_cloudwatch_event_target", "target_id"): r"[\w.-]{1,64}",
    ("aws_cloudwatch_log_group", "name"): r"[\w./#-]{1,512}",
    ("aws_codebuild_project", "name"): r"[A-Za-z0-9][\w-]{1,254}",
    ("aws_codebuild_report_group", "name"): r"[\w-]{2,128}",
    ("aws_codepipeline", "name"): r"[\w.@-]{1,100}",
    ("aws_codestarconnections_connection", "name"): r".{1,32}",
    ("aws_codeconnections_connection", "name"): r".{1,32}",
    ("aws_iam_role", "name"): r"[\w+=,.@-]{1,64}",
    ("aws_iam_role_policy", "name"): r"[\w+=,.@-]{1,128}",
    ("aws_s3_bucket", "bucket"): r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    ("aws_ssm_parameter", "name"): r"[\w./-]{1,2048}",
}
_POLICIES = ("assume_role_policy", "policy")


def complaints(kind: str, config: Values) -> Iterator[tuple[str, str]]:
    """The attributes with a value that AWS wouldn't take, and why."""
    for (owner, name), limit in _LIMITS.items():
        value = config.get(name)
        if owner == kind and isinstance(value, str) and not re.fullmatch(limit, value, re.ASCII):
            yield name, f"{value!r} does not match {limit}"
    for name in _POLICIES:
        if isinstance(config.get(name), str) and not _is_policy(config[name]):
            yield name, "is not the JSON of a policy"


def _is_policy(text: str) -> bool:
    try:
        return "Statement" in json.loads(text)
    except (ValueError, TypeError):
        return False
