"""Systems Manager: the parameter that holds the document."""

from __future__ import annotations

from botocore.exceptions import ClientError

from ecs_cd.aws.session import Aws, code
from ecs_cd.core.errors import Refused
from ecs_cd.core.references import region_of


def parameter(aws: Aws, name: str) -> tuple[str, int]:
    """The value and version of a parameter: its name, ``name:version`` or ARN; decrypted.

    Raises ``Refused`` where it is not there.
    """
    try:
        client = aws.client("ssm", region=region_of(name))
        found = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    except ClientError as error:
        if code(error) in ("ParameterNotFound", "ParameterVersionNotFound", "ValidationException"):
            raise Refused(
                f"there is no SSM parameter {name} in {region_of(name) or aws.region} ({code(error)})",
                "Check its name, the region and the account, or let the infra repo write it.",
            ) from error
        raise
    return str(found["Value"]), int(found.get("Version", 0))
