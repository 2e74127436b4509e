"""IAM: roles, and what a principal is allowed to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws, pages

Json = dict[str, Any]


def role(aws: Aws, name: str) -> Json | None:
    """Returns the role with its trust policy, or ``None`` if it does not exist. ``name`` is without path."""
    try:
        found: Json = aws.client("iam").get_role(RoleName=name)["Role"]
    except ClientError as error:
        if code(error) == "NoSuchEntity":
            return None
        raise
    return found


def simulate(
    aws: Aws, principal: str, actions: Sequence[str], resources: Sequence[str], context: Mapping[str, str]
) -> list[Json] | None:
    """Returns what the policies of this principal (the ARN of a role or user) decide on each of the actions for each of
    the resources, or ``None`` if IAM does not know the principal. ``context``: condition keys and their values."""
    client = aws.client("iam")
    request: Json = {
        "PolicySourceArn": principal,
        "ActionNames": list(actions),
        "ResourceArns": list(resources),
        "ContextEntries": [
            {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for name, value in context.items()
        ],
    }
    try:
        found = list(pages(client.simulate_principal_policy, request, "Marker"))
    except ClientError as error:
        if code(error) == "NoSuchEntity":
            return None
        raise
    return [result for page in found for result in page["EvaluationResults"]]
