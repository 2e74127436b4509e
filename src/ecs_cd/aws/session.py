"""AWS clients, each created at its first use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from typing import Any, TypeVar

import boto3
import botocore.exceptions
import botocore.session
from botocore.config import Config

from ecs_cd.aws import readable
from ecs_cd.aws.errors import CREDENTIALS_REMEDY, SERVICE, no_region
from ecs_cd.aws.sign_in import SignIn
from ecs_cd.model import console, pace
from ecs_cd.model.console import Console
from ecs_cd.model.errors import Refused
from ecs_cd.model.run import NOWHERE, Run

T = TypeVar("T")
Client = Any  # botocore creates client classes at run time, so the type has no name


_ENDPOINT_REMEDY = (
    "Set AWS_ENDPOINT_URL, or any other endpoint setting, to a complete URL (http://127.0.0.1:4566), or remove it."
)


def _no_id_token(audience: str) -> str:
    raise Refused("role-to-assume: there is no source of OIDC tokens", CREDENTIALS_REMEDY)


class Aws:
    """The clients of one process, each created at its first use.

    The clients assume ``roles`` one after the other: the first with GitHub's OIDC token, or with the environment's
    credentials if ``chaining`` is set. The sessions are named after the ``run``. ``id_token`` returns the token for an
    audience; ``notice`` receives messages for the user.
    Raises ``Refused`` if there are roles and no region.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        region: str = "",
        roles: Sequence[str] = (),
        *,
        run: Run = NOWHERE,
        chaining: bool = False,
        id_token: Callable[[str], str] = _no_id_token,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._lock = threading.Lock()
        self._made_with: Any = (environ, {"run": run, "chaining": chaining, "id_token": id_token, "notice": notice})
        core = botocore.session.Session()
        readable.guard(core)
        self._session = boto3.session.Session(
            region_name=region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION"), botocore_session=core
        )
        self.roles = list(roles)
        self.sign_in = {"roles": self.roles, "chaining": chaining}  # for the state file
        self._region = self._session.region_name
        if roles and not self._region:
            raise no_region()
        if roles:
            own = core.get_component("credential_provider").load_credentials if chaining else None
            signed_in = SignIn(roles, self._session, self._lock, run, id_token, own, notice)
            core.register_component("credential_provider", signed_in)
        self._clients: dict[tuple[str, str, int], Client] = {}
        self._sent = threading.Event()
        self._asked: dict[str, Future[Any]] = {}
        self.revisions: dict[str, Any] = {}  # DescribeTaskDefinition's responses by ARN: a revision never changes
        self.calls = 0  # sent so far, including retries

    @property
    def region(self) -> str:
        """The region. Raises ``Refused`` if it is unknown."""
        if not self._region:
            raise no_region()
        return str(self._region)

    def elsewhere(self, region: str = "", role: str = "") -> Aws:
        """Clients in another region, or with another role, which is assumed after this one's roles. The last of these
        is not assumed again: few trust policies allow that."""
        if role and role not in self.roles[-1:]:
            environ, how = self._made_with
            return Aws(environ, region or self.region, [*self.roles, role], **how)
        other = copy(self)  # with the same credentials
        other._region = region or self.region
        other._clients, other._asked, other.revisions, other.calls = {}, {}, {}, 0
        return other

    def console(self, service: str = "ecs") -> Console:
        """The console of the AWS whose ``service`` this process calls; one without pages for a local AWS, or without a
        region."""
        return (
            console.of_endpoint(self.client(service).meta.endpoint_url, self._region)
            if self._region
            else console.Console("")
        )

    def client(self, service: str, *, region: str | None = None) -> Client:
        """Returns a client that retries failed calls: for reads."""
        return self._client(service, region or self.region, attempts=5)

    def once(self, service: str, *, region: str | None = None) -> Client:
        """Returns a client that never retries: for mutations, where the caller first checks what a lost call did, and
        for polling, where the next poll is the retry."""
        return self._client(service, region or self.region, attempts=1)

    def ask(self, question: str, read: Callable[[], T]) -> None:
        """Starts a read in the background for a later ``answer``. Returns when its request is being sent."""
        self._asked[question] = ThreadPoolExecutor(1).submit(read)
        self._asked[question].add_done_callback(lambda _: self._sent.set())
        # Running both before that would only slow both down. Sign-in waits for other servers, so stop waiting here.
        self._sent.wait(pace.CONNECTION_HEAD_START)

    def answer(self, question: str, read: Callable[[], T]) -> T:
        """Returns the result of the read that ``ask`` started, or reads now if there was no ``ask``."""
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
                self._clients[key].meta.events.register("after-call", _name_service)
            return self._clients[key]

    def _count(self, **_: Any) -> None:
        self._sent.set()
        with self._lock:
            self.calls += 1


def _name_service(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    """Adds the service to a response, so that an error can name the IAM action."""
    parsed.setdefault("ResponseMetadata", {})[SERVICE] = model.service_model.signing_name


def pages(
    call: Callable[..., dict[str, Any]], request: Mapping[str, Any], token: str = "nextToken"
) -> Iterator[dict[str, Any]]:
    """Yields the pages of a call. ``token``: the member of request and response that it paginates with."""
    more: dict[str, Any] = {}
    while True:
        page = call(**request, **more)
        yield page
        if not page.get(token):
            return
        more = {token: page[token]}
