"""AWS errors: which are transient, and explanations that name the remedy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import botocore.exceptions

from ecs_cd.aws import readable
from ecs_cd.model.errors import Refused, Unreadable

THROTTLED = {
    "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequestsException",
    "RequestThrottled", "RequestThrottledException", "SlowDown",
}  # fmt: skip
_PASSING = THROTTLED | {"PriorRequestNotComplete", "ServerException", "RequestTimeout", "RequestTimeoutException"}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"}
_SIGN_IN = {
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
    "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure",
}  # fmt: skip
_CONNECTION = (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError)
_UNSIGNED = botocore.exceptions.CredentialRetrievalError

SERVICE = "ecs-cd-service"  # in a response's metadata: the service's name in IAM actions
_NAMED_ACTION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)")
_ACTIONS = {"HeadObject": "GetObject", "HeadBucket": "ListBucket"}  # of operations with another name than their action

# RegisterTaskDefinition returns this message in a ClientException.
_CONCURRENT = "Too many concurrent attempts"

# Of calls that AWS refuses for what the template, the document or the infrastructure says; the first match counts.
_REMEDIES = (
    (
        r"did not have a container port",
        "Add the port to `portMappings` of that container in the template, or correct `loadBalancers` of the service "
        "in the infra repository.",
    ),
    (
        r"does not have an associated load balancer",
        "Give the target group a listener rule of the load balancer, in the infra repository.",
    ),
    (
        r"The container \S+ does not exist in the task definition|container name .* does not exist",
        "Name the container that `loadBalancers` of the service names, or correct it in the infra repository.",
    ),
    (
        r"No Fargate configuration exists|Invalid '?(cpu|memory)'? setting",
        "Set `cpu` and `memory` in the template to a combination that Fargate has, such as 256 and 512.",
    ),
    (
        r"Fargate requires task definition to have execution role|Task definition does not support .*execution role",
        "Set `executionRoleArn` in the template.",
    ),
    (
        r"Role is not valid|unable to assume the role|Invalid IAM role|invalid role",
        "Check that the role exists in this account, and that ecs-tasks.amazonaws.com may assume it.",
    ),
)

CREDENTIALS_REMEDY = (
    "On GitHub, set the input role-to-assume (a missing variable is empty); the job needs `permissions: id-token: "
    "write` for it. Or sign in before this step (aws-actions/configure-aws-credentials), or set the AWS environment "
    "variables or AWS_PROFILE. In CodeBuild, check the project's service role."
)


def code(error: Exception) -> str:
    """Returns the AWS error code, such as ``ClusterNotFoundException``; empty if AWS did not respond."""
    if isinstance(error, botocore.exceptions.ClientError):  # other errors also have a `response`, which is None
        return str(error.response.get("Error", {}).get("Code", ""))
    return ""


def is_transient(error: Exception) -> bool:
    """Whether the same call may succeed in a moment: throttled, server error, connection lost.

    AWS may still have carried out a mutation that failed like this, unless it ``had_no_effect``.
    """
    if isinstance(error, botocore.exceptions.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or code(error) in _PASSING or _CONCURRENT in str(error)
    return isinstance(error, (*_CONNECTION, _UNSIGNED))


def unsent(error: Exception) -> bool:
    """Whether a call that is never retried was not sent at all, because there were no credentials."""
    return isinstance(error, _UNSIGNED)


def had_no_effect(error: Exception) -> bool:
    """Whether a call with this transient error certainly changed nothing: it was throttled, or not sent."""
    return unsent(error) or code(error) in THROTTLED or _CONCURRENT in str(error)


def denied(error: Exception) -> bool:
    """Whether AWS denied the call to the role."""
    return code(error) in _DENIED


def not_signed_in(error: Exception) -> bool:
    """Whether AWS knows no caller: without credentials, with expired or with wrong ones, every call fails."""
    missing = botocore.exceptions.NoCredentialsError | botocore.exceptions.PartialCredentialsError
    return code(error) in _SIGN_IN or isinstance(error, missing | _UNSIGNED)


def unreachable(error: Exception) -> bool:
    """Whether no connection was made, such as for a region's name that AWS does not have."""
    exceptions = botocore.exceptions
    return isinstance(
        error, exceptions.EndpointConnectionError | exceptions.ProxyConnectionError | exceptions.InvalidRegionError
    )


def action(error: Exception) -> str:
    """Returns the IAM action of the call that failed, such as ``ecs:DescribeClusters``: the one that AWS's message
    names, or else the operation's. Empty if AWS did not respond."""
    if not isinstance(error, botocore.exceptions.ClientError):
        return ""
    named = _NAMED_ACTION.search(str(error.response.get("Error", {}).get("Message", "")))
    if named:
        return named[1]
    service = error.response.get("ResponseMetadata", {}).get(SERVICE, "")
    name = str(error.operation_name)
    return f"{service}:{_ACTIONS.get(name, name)}" if service else name


@contextmanager
def transient_as_unreadable() -> Iterator[None]:
    """Turns transient errors into ``Unreadable``, so that a watch reads again."""
    try:
        yield
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        if is_transient(error):
            raise Unreadable(_cause(error)) from error
        raise


def _cause(error: Exception) -> str:
    if code(error) == readable.CODE:
        return "an unreadable response"
    return str(error) if unsent(error) else code(error) or type(error).__name__


def explain(error: Exception) -> Refused:
    """Explains an AWS error: the request, AWS's response, what to do. Returns a ``Refused`` unchanged."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, botocore.exceptions.ClientError):
        message = str(error.response.get("Error", {}).get("Message", "")) or "no message"
        return Refused(f"AWS answered {error.operation_name} with {code(error)}: {message}", _remedy(error))
    if isinstance(error, botocore.exceptions.NoCredentialsError | botocore.exceptions.PartialCredentialsError):
        return Refused("there are no AWS credentials", CREDENTIALS_REMEDY)
    if unsent(error):
        return Refused(f"there are no AWS credentials at the moment: {error}", "Run it again later.")
    if isinstance(error, botocore.exceptions.NoRegionError):
        return no_region()
    if isinstance(error, botocore.exceptions.ParamValidationError):
        return Refused(_without_values(str(error)))
    remedy = "Check the region's name, and the network's route to AWS."
    if isinstance(error, _CONNECTION):
        return Refused(f"AWS can't be reached: {error}", remedy)
    return Refused(str(error), remedy if unreachable(error) else "")


def no_region() -> Refused:
    """Returns the error for a missing region."""
    return Refused("no AWS region is known", "Set the input aws-region, or AWS_REGION in the job's env.")


def _without_values(report: str) -> str:
    """Removes the values from botocore's report of wrong parameters: they can come from the document."""
    return re.sub(r", value: .*?(?=, (?:type|valid)|$)", "", report, flags=re.MULTILINE)


def _remedy(error: botocore.exceptions.ClientError) -> str:
    message = str(error.response.get("Error", {}).get("Message", ""))
    if denied(error):
        return _allow(error.operation_name, message)
    if code(error) in _SIGN_IN:
        return CREDENTIALS_REMEDY
    return next((remedy for words, remedy in _REMEDIES if re.search(words, message, re.IGNORECASE)), "")


def _allow(operation: str, message: str) -> str:
    """The statement that the job's role lacks, as far as AWS names action and resource."""
    action = _NAMED_ACTION.search(message)
    resource = re.search(r"on resource:? (arn:[^\s,\"']*[^\s,\"'.]|\*)", message)
    role = re.search(r":assumed-role/([\w+=,.@-]+)/", message)
    whose = f"the role {role[1]}" if role else "the job's role"
    if "explicit deny" in message:
        what = action[1] if action else operation
        return f"A policy denies {whose} {what} explicitly: change that policy; another one can't allow it."
    whole = "`ecs-cd iam` prints the whole policy, and docs/reference/permissions.md lists what each verb needs."
    if not action:
        return f"Allow {whose} {operation} on this resource; {whole}"
    statement = {"Effect": "Allow", "Action": action[1], "Resource": resource[1] if resource else "*"}
    return f"Add to the policy of {whose}: {json.dumps(statement)}; {whole}"
