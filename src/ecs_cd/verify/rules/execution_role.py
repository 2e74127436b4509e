"""What an execution role must be allowed for a task definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ecs_cd.model.references import image_reference, repository
from ecs_cd.verify.rules import environment_files, log_groups, secrets
from ecs_cd.verify.rules.secrets import Parameter, Secret

Json = Mapping[str, Any]


class Need(NamedTuple):
    """Actions on resources, by their ARNs, and for what."""

    what: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]


def needs(
    definition: Json, region: str, account: str, *, fargate: bool, whole: Mapping[str, str] = MappingProxyType({})
) -> list[Need]:
    """What ECS does with the role. Off Fargate, the instance's role pulls and logs. ``whole`` are the ARNs of secrets
    by what the definition names them, because policies are for these; empty for a secret without one."""
    partition = str(definition.get("executionRoleArn", "")).split(":")[1:2]
    prefix = f"arn:{partition[0] if partition else 'aws'}"
    found = [*(_pull(definition, prefix) if fargate else ()), *(_logs(definition, prefix, account) if fargate else ())]
    found += [*_secrets(definition, prefix, region, account, whole), *_files(definition)]
    return [need for need in found if need.resources]


def _pull(definition: Json, prefix: str) -> Iterator[Need]:
    images = [str(each.get("image", "")) for each in definition.get("containerDefinitions", ())]
    places = [place for image in images if (place := repository(image_reference(image)[0])).account]
    arns = dict.fromkeys(f"{prefix}:ecr:{place.region}:{place.account}:repository/{place.name}" for place in places)
    if arns:
        yield Need("pull from ECR", ("ecr:GetAuthorizationToken",), ("*",))
        yield Need("pull from ECR", ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"), tuple(arns))


def _logs(definition: Json, prefix: str, account: str) -> Iterator[Need]:
    groups = log_groups.named(definition)

    def arn(group: log_groups.LogGroup, stream: str) -> str:
        return f"{prefix}:logs:{group.region}:{account}:log-group:{group.name}:log-stream:{stream}"

    streams = tuple(arn(group, f"{group.streams}verify") for group in groups)
    yield Need("write logs", ("logs:CreateLogStream", "logs:PutLogEvents"), streams)
    created = tuple(arn(group, "") for group in groups if group.created)
    yield Need("create log groups", ("logs:CreateLogGroup",), created)


def _secrets(definition: Json, prefix: str, region: str, account: str, whole: Mapping[str, str]) -> Iterator[Need]:
    named = list(dict.fromkeys(secrets.references(definition).values()))
    arns = dict.fromkeys(whole.get(each.arn, each.arn) for each in named if isinstance(each, Secret))
    yield Need("read secrets", ("secretsmanager:GetSecretValue",), tuple(filter(None, arns)))
    own = f"{prefix}:ssm:{region}:{account}:parameter/"
    parameters = tuple(_parameter(each.text, own) for each in named if isinstance(each, Parameter))
    yield Need("read parameters", ("ssm:GetParameters",), parameters)


def _files(definition: Json) -> Iterator[Need]:
    arns = tuple(dict.fromkeys(filter(environment_files.place, environment_files.named(definition).values())))
    buckets = tuple(dict.fromkeys(arn.partition("/")[0] for arn in arns))
    yield Need("read environment files", ("s3:GetObject",), arns)
    yield Need("read environment files", ("s3:GetBucketLocation",), buckets)


def _parameter(name: str, own: str) -> str:
    """The parameter's ARN; a version (``name:3``) is no part of it."""
    if name.startswith("arn:"):
        return ":".join(name.split(":")[:6])
    return own + name.removeprefix("/").partition(":")[0]
