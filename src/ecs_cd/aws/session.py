"""Clients, and AWS's errors in words that name the remedy."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import boto3
import botocore.exceptions
import botocore.session
from botocore.config import Config
from botocore.parsers import ResponseParserError

from ecs_cd.aws.sign_in import SignIn
from ecs_cd.model.errors import Refused, Unreadable

T = TypeVar("T")
Client = Any  # botocore makes its clients at run time; there is no class to name

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

_HEAD_START = 0.05  # seconds

_CREDENTIALS_REMEDY = (
    "Set the input role-to-assume; a variable that is not there is empty, and the job needs `permissions: id-token: "
    "write` for it. Or: Sign in before this step (aws-actions/configure-aws-credentials), or set the AWS environment "
    "variables or AWS_PROFILE."
)

_ENDPOINT_REMEDY = (
    "Give AWS_ENDPOINT_URL, or what else sets an endpoint, as a whole URL (http://127.0.0.1:4566), or leave it out."
)


def _no_id_token(audience: str) -> str:
    raise Refused("role-to-assume: there is nobody to ask for an OIDC token", _CREDENTIALS_REMEDY)


class Aws:
    """The clients of one process, each made when it is first asked for.

    ``roles`` are signed in with one after the other: the first by GitHub's OIDC token, with ``chaining`` by the
    credentials that the environment has. ``id_token`` gets the token for an audience, ``notice`` what is to be told.
    Raises ``Refused`` for roles without a region.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        region: str = "",
        roles: Sequence[str] = (),
        *,
        chaining: bool = False,
        id_token: Callable[[str], str] = _no_id_token,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._lock = threading.Lock()
        core = botocore.session.Session()
        self._session = boto3.session.Session(
            region_name=region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION"), botocore_session=core
        )
        self.sign_in = {"roles": list(roles), "chaining": chaining}  # for the state file
        if roles and not self._session.region_name:
            raise _no_region()
        if roles:
            own = core.get_component("credential_provider").load_credentials if chaining else None
            signed_in = SignIn(roles, self._session, self._lock, environ, id_token, own, notice)
            core.register_component("credential_provider", signed_in)
        self._clients: dict[tuple[str, str, int], Client] = {}
        self._sent = threading.Event()
        self._asked: dict[str, Future[Any]] = {}
        self.calls = 0  # sent so far, repetitions included

    @property
    def region(self) -> str:
        """The region. Raises ``Refused`` where none is known."""
        name = self._session.region_name
        if not name:
            raise _no_region()
        return str(name)

    def client(self, service: str, *, region: str | None = None) -> Client:
        """A client that repeats a failed call by itself: for reads."""
        return self._client(service, region or self.region, attempts=5)

    def once(self, service: str, *, region: str | None = None) -> Client:
        """A client that never repeats a call: for mutations, where a lost response means looking
        first, and for polling, where the next look is the repetition."""
        return self._client(service, region or self.region, attempts=1)

    def ask(self, question: str, read: Callable[[], T]) -> None:
        """Begins a read whose ``answer`` somebody is going to want; comes back when its request is being sent."""
        self._asked[question] = ThreadPoolExecutor(1).submit(read)
        self._asked[question].add_done_callback(lambda _: self._sent.set())
        # Until then both would only be slower side by side. Signing in waits for others: go on meanwhile.
        self._sent.wait(_HEAD_START)

    def answer(self, question: str, read: Callable[[], T]) -> T:
        """What the read that ``ask`` began has come to; without one, what it comes to now."""
        asked = self._asked.pop(question, None)
        return asked.result() if asked else read()

    def _client(self, service: str, region: str, *, attempts: int) -> Client:
        with self._lock:  # making clients of one session is not thread-safe
            key = (service, region, attempts)
            if key not in self._clients:
                config = Config(
                    retries={"total_max_attempts": attempts, "mode": "standard"}, connect_timeout=5, read_timeout=20
                )
                make: Any = self._session.client  # the stubs know each service by its literal name only
                try:
                    self._clients[key] = make(service, region_name=region, config=config)
                except ValueError as error:
                    if isinstance(error, botocore.exceptions.BotoCoreError):
                        raise
                    raise Refused(str(error), _ENDPOINT_REMEDY) from error
                self._clients[key].meta.events.register("before-send", self._count)
            return self._clients[key]

    def _count(self, **_: Any) -> None:
        self._sent.set()
        with self._lock:
            self.calls += 1


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


def pages(call: Callable[..., dict[str, Any]], request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The answers of a call that goes on with ``nextToken``, one by one."""
    token = ""
    while True:
        page = call(**request, **({"nextToken": token} if token else {}))
        yield page
        token = page.get("nextToken", "")
        if not token:
            return


def explain(error: Exception) -> Refused:
    """An AWS error as sentences: what was asked, what AWS answered, what to do. A ``Refused`` is that already."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, botocore.exceptions.ClientError):
        message = str(error.response.get("Error", {}).get("Message", "")) or "no message"
        return Refused(f"AWS answered {error.operation_name} with {code(error)}: {message}", _remedy(error))
    if isinstance(error, botocore.exceptions.NoCredentialsError | botocore.exceptions.PartialCredentialsError):
        return Refused("there are no AWS credentials", _CREDENTIALS_REMEDY)
    if unsent(error):
        return Refused(f"there are no AWS credentials at the moment: {error}", "Run it again in a while.")
    if isinstance(error, botocore.exceptions.NoRegionError):
        return _no_region()
    if isinstance(error, botocore.exceptions.ParamValidationError):
        return Refused(_without_values(str(error)))
    remedy = "Check the region's name, and the network's way to AWS." if isinstance(error, _CONNECTION) else ""
    return Refused(f"AWS can't be reached: {error}" if remedy else str(error), remedy)


def _no_region() -> Refused:
    return Refused("no AWS region is known", "Set the input aws-region, or AWS_REGION in the job's env.")


def _without_values(report: str) -> str:
    """botocore's report of wrong parameters names their values, which can be the document's."""
    return re.sub(r", value: .*?(?=, (?:type|valid)|$)", "", report, flags=re.MULTILINE)


def _remedy(error: botocore.exceptions.ClientError) -> str:
    if denied(error):
        allowed = f"Allow the job's role {error.operation_name} on this resource"
        return f"{allowed}; docs/reference/permissions.md lists what each verb needs."
    return _CREDENTIALS_REMEDY if code(error) in _SIGN_IN else ""
