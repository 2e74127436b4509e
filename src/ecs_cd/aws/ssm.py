"""Systems Manager: the parameter that holds the document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws
from ecs_cd.model.batches import batches
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import region_of

_PARAMETERS_A_CALL = 10  # the maximum for GetParameters


def ask(aws: Aws, name: str) -> None:
    """Starts reading a parameter, so that ``parameter`` returns sooner."""
    aws.ask(name, lambda: _get(aws, name))


def parameter(aws: Aws, name: str) -> tuple[str, int]:
    """Returns the decrypted value and the version of a parameter, given as name, ``name:version`` or ARN.

    Raises ``Refused`` if it does not exist.
    """
    try:
        found = aws.answer(name, lambda: _get(aws, name))["Parameter"]
    except ClientError as error:
        if code(error) in ("ParameterNotFound", "ParameterVersionNotFound", "ValidationException"):
            raise Refused(
                f"there is no SSM parameter {name} in {region_of(name) or aws.region} ({code(error)})",
                "Check its name, the region and the account, or let the infra repo write it.",
            ) from error
        raise
    return str(found["Value"]), int(found.get("Version", 0))


def missing(aws: Aws, names: Sequence[str], region: str | None) -> list[str]:
    """Returns those of the parameters, given as names or ARNs, that do not exist. Does not decrypt their values."""
    client = aws.client("ssm", region=region)
    answers = (client.get_parameters(Names=batch, WithDecryption=False) for batch in batches(names, _PARAMETERS_A_CALL))
    return [str(name) for answer in answers for name in answer.get("InvalidParameters", ())]


def _get(aws: Aws, name: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("ssm", region=region_of(name)).get_parameter(Name=name, WithDecryption=True)
    return found
