"""AWS's errors: which pass, and in words that name the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import botocore.exceptions
from botocore.parsers import ResponseParserError

from ecs_cd.model.errors import Refused, Unreadable

_PASSING = {
    "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequestsException",
    "RequestThrottled", "RequestThrottledException", "SlowDown", "PriorRequestNotComplete", "ServerException",
    "RequestTimeout", "RequestTimeoutException",
}  # fmt: skip
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"}
_SIGN_IN = {
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
    "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure",
}  # fmt: skip
_CONNECTION = (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError)
_UNSIGNED = botocore.exceptions.CredentialRetrievalError

# RegisterTaskDefinition answers with this as a ClientException.
_CONCURRENT = "Too many concurrent attempts"

CREDENTIALS_REMEDY = (
    "Set the input role-to-assume; a variable that is not there is empty, and the job needs `permissions: id-token: "
    "write` for it. Or: Sign in before this step (aws-actions/configure-aws-credentials), or set the AWS environment "
    "variables or AWS_PROFILE."
)


def code(error: Exception) -> str:
    """AWS's code of an error: ``ClusterNotFoundException``; empty if it never came to an answer."""
    if isinstance(error, botocore.exceptions.ClientError):  # others have a `response` too, which is None
        return str(error.response.get("Error", {}).get("Code", ""))
    return ""


def is_transient(error: Exception) -> bool:
    """Whether the same call may succeed in a moment: throttled, server error, connection lost.

    A mutation that failed like this may have been carried out all the same, unless it was ``unsent``.
    """
    if isinstance(error, botocore.exceptions.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or code(error) in _PASSING or _CONCURRENT in str(error)
    return isinstance(error, (*_CONNECTION, _UNSIGNED))


def unsent(error: Exception) -> bool:
    """Whether a call that is never repeated was not made at all, for want of credentials."""
    return isinstance(error, _UNSIGNED)


def denied(error: Exception) -> bool:
    """Whether the role may not do it."""
    return code(error) in _DENIED


@contextmanager
def transient_as_unreadable() -> Iterator[None]:
    """Reads inside a watch: what passes becomes ``Unreadable``, for the watch to look again."""
    try:
        yield
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        if is_transient(error):
            raise Unreadable(str(error) if unsent(error) else code(error) or type(error).__name__) from error
        raise
    except ResponseParserError as error:  # cut off, or a proxy's page; its text is the whole answer
        raise Unreadable("an answer that can't be read") from error


def explain(error: Exception) -> Refused:
    """An AWS error as sentences: what was asked, what AWS answered, what to do. A ``Refused`` is that already."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, botocore.exceptions.ClientError):
        message = str(error.response.get("Error", {}).get("Message", "")) or "no message"
        return Refused(f"AWS answered {error.operation_name} with {code(error)}: {message}", _remedy(error))
    if isinstance(error, botocore.exceptions.NoCredentialsError | botocore.exceptions.PartialCredentialsError):
        return Refused("there are no AWS credentials", CREDENTIALS_REMEDY)
    if unsent(error):
        return Refused(f"there are no AWS credentials at the moment: {error}", "Run it again in a while.")
    if isinstance(error, botocore.exceptions.NoRegionError):
        return no_region()
    if isinstance(error, botocore.exceptions.ParamValidationError):
        return Refused(_without_values(str(error)))
    remedy = "Check the region's name, and the network's way to AWS." if isinstance(error, _CONNECTION) else ""
    return Refused(f"AWS can't be reached: {error}" if remedy else str(error), remedy)


def no_region() -> Refused:
    """Without one there is nobody to ask."""
    return Refused("no AWS region is known", "Set the input aws-region, or AWS_REGION in the job's env.")


def _without_values(report: str) -> str:
    """botocore's report of wrong parameters names their values, which can be the document's."""
    return re.sub(r", value: .*?(?=, (?:type|valid)|$)", "", report, flags=re.MULTILINE)


def _remedy(error: botocore.exceptions.ClientError) -> str:
    if denied(error):
        allowed = f"Allow the job's role {error.operation_name} on this resource"
        return f"{allowed}; docs/reference/permissions.md lists what each verb needs."
    return CREDENTIALS_REMEDY if code(error) in _SIGN_IN else ""
