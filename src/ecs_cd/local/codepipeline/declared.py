"""The infra team's file: Terraform's `show -json`, or a CloudFormation template."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ecs_cd.local import plan
from ecs_cd.local.codepipeline.rules import cloudformation, terraform
from ecs_cd.local.codepipeline.rules.infra import Infra
from ecs_cd.model.errors import Refused


def read(text: str, parameters: Mapping[str, str], content: Callable[[str], bytes]) -> Infra:
    """What the file declares. ``parameters`` are those of a template; ``content`` reads a file that it names."""
    shown = _terraform(text)
    if shown is None:
        account, region = _where(parameters)
        return cloudformation.read(text, parameters, account=account, region=region, content=content)
    if parameters:
        raise Refused("--stack-parameter is for a CloudFormation template; Terraform's values are in the file already")
    return terraform.read(shown, content)


def _where(parameters: Mapping[str, str]) -> tuple[str, str]:
    """The account and region of the ARNs in a template's parameters, else the local AWS's own."""
    arns = [plan.ARN.fullmatch(part.strip()) for value in parameters.values() for part in value.split(",")]
    found = [match for match in arns if match]
    regions = [match["region"] for match in found if match["region"]]
    return next((match["account"] for match in found), plan.ACCOUNT), next(iter(regions), plan.REGION)


def _terraform(text: str) -> dict[str, Any] | None:
    """Terraform's JSON, ``None`` if it is something else."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"format_version", "terraform_version"} & found.keys() else None
