"""Systems Manager: the parameter that holds the document, and those that hold the lock and the freeze windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws, pages
from ecs_cd.model.batches import batches
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import region_of

_NAMES_A_CALL = 50  # the maximum in a filter of DescribeParameters


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


def existing(aws: Aws, names: Sequence[str], region: str | None) -> set[str]:
    """Returns those of the parameters' names that exist. Reads no values."""
    client = aws.client("ssm", region=region)
    found: set[str] = set()
    for batch in batches(names, _NAMES_A_CALL):
        request = {"ParameterFilters": [{"Key": "Name", "Option": "Equals", "Values": batch}]}
        for page in pages(client.describe_parameters, request, "NextToken"):
            found |= {str(each.get("Name")) for each in page.get("Parameters", ())}
    return found


def key(aws: Aws, name: str) -> str:
    """Returns the KMS key of a SecureString as AWS names it: an id, an ARN or an alias. Empty for a String, and for a
    parameter that another account shares."""
    wanted = name.partition(":")[0]
    filters = [{"Key": "Name", "Option": "Equals", "Values": [wanted]}]
    found = aws.client("ssm").describe_parameters(ParameterFilters=filters).get("Parameters", ())
    return next((str(each.get("KeyId", "")) for each in found if each.get("Name") == wanted), "")


def values(aws: Aws, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Returns the parameters that exist, by name, with Value, Type and Version. Decrypts nothing. A name may end with
    ``:version``; what is returned has the name alone."""
    found = aws.client("ssm").get_parameters(Names=list(names), WithDecryption=False)
    return {str(each["Name"]): each for each in found["Parameters"]}


def put(aws: Aws, name: str, value: str, description: str, *, overwrite: bool) -> int:
    """Writes a String and returns its new version. Raises AWS's ``ParameterAlreadyExists`` without ``overwrite`` if
    it exists: only one of several callers at the same time creates it."""
    client = aws.once("ssm")
    more: dict[str, Any] = {} if overwrite else {"Description": description}
    answer = client.put_parameter(Name=name, Value=value, Type="String", Overwrite=overwrite, **more)
    return int(answer["Version"])


def delete(aws: Aws, name: str) -> None:
    """Deletes a parameter; one that is gone already counts as deleted."""
    try:
        aws.once("ssm").delete_parameter(Name=name)
    except ClientError as error:
        if code(error) != "ParameterNotFound":
            raise


def _get(aws: Aws, name: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("ssm", region=region_of(name)).get_parameter(Name=name, WithDecryption=True)
    return found
