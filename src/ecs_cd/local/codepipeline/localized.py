"""What differs in the local AWS: where its images are, and what it needs that the file doesn't declare."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ecs_cd.local import plan
from ecs_cd.local.codepipeline.rules import documents
from ecs_cd.local.codepipeline.rules.infra import Infra, Parameter, configurations, target
from ecs_cd.model import json_yaml
from ecs_cd.model.references import ECR_HOST


def for_here(infra: Infra, registry: str, account: str, region: str) -> Infra:
    """The same for the local AWS: its registry instead of the account's, and all buckets that are used.

    A document of ecs-cd gets the local form that `ecs-cd local up` gives to any. Targets of rules that are neither a
    pipeline nor a project are left out.
    """

    def here(value: Any) -> Any:
        return _with_registry(value, registry, account, region)

    return replace(
        infra,
        pipelines={name: here(each) for name, each in infra.pipelines.items()},
        projects={name: here(each) for name, each in infra.projects.items()},
        rules=tuple(
            replace(
                rule, targets=tuple(each for each in rule.targets if target(each.arn, infra.pipelines, infra.projects))
            )
            for rule in infra.rules
        ),
        parameters=tuple(_parameter(each, registry) for each in infra.parameters),
        buckets=_used_buckets(infra) | dict(infra.buckets),
        deployment_groups=documents.deployment_groups(infra),
    )


def _with_registry(value: Any, registry: str, account: str, region: str) -> Any:
    if isinstance(value, str):
        return ECR_HOST.sub(
            lambda host: registry if (host["account"], host["region"]) == (account, region) else host[0], value
        )
    if isinstance(value, Mapping):
        return {key: _with_registry(each, registry, account, region) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_registry(each, registry, account, region) for each in value]
    return value


def _used_buckets(infra: Infra) -> dict[str, bool]:
    """Those of the artifacts and of the S3 sources, with versioning."""
    pipelines = infra.pipelines.values()
    sources = [given.get("S3Bucket", "") for each in pipelines for given in configurations(each, "S3").values()]
    stores = [str(each.get("artifactStore", {}).get("location", "")) for each in pipelines]
    return dict.fromkeys(filter(None, [*stores, *sources]), True)


def _parameter(parameter: Parameter, registry: str) -> Parameter:
    if documents.read(parameter) is None:
        return parameter
    content = plan.local_document(json_yaml.parse(parameter.value, what=parameter.name), registry)
    return replace(parameter, value=json.dumps(content, indent=2))


# ---- where ----


def account_and_region(infra: Infra) -> tuple[str, str]:
    """The account and region in the pipelines' ARNs and images; else the local AWS's own.

    A pipeline's role is of its account, but has no region. A connection may be of another region, images of another
    account.
    """
    targets = [each.arn for rule in infra.rules for each in rule.targets]
    own = _arns(targets)
    others = _arns(_texts([*infra.pipelines.values(), *infra.projects.values()]))
    images = [match for each in infra.parameters for match in ECR_HOST.finditer(each.value)]
    accounts = [match["account"] for match in (*own, *others, *images)]
    regions = [match["region"] for match in (*own, *images, *others) if match["region"]]
    return (accounts or [plan.ACCOUNT])[0], (regions or [plan.REGION])[0]


def _arns(texts: Iterable[str]) -> list[re.Match[str]]:
    return [match for match in map(plan.ARN.fullmatch, texts) if match]


def _texts(values: Iterable[Any]) -> list[str]:
    found: list[str] = []
    for each in values:
        if isinstance(each, str):
            found.append(each)
        elif isinstance(each, (Mapping, list)):
            found += _texts(each.values() if isinstance(each, Mapping) else each)
    return found
