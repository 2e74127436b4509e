"""The server: one script, answered on 127.0.0.1 at the test's virtual time."""

from __future__ import annotations

import os
import re
import socket
import struct
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

import pytest
from botocore.httpsession import URLLib3Session
from botocore.loaders import Loader

from . import wire
from .clock import moment
from .script import Answer, At, Call, Cut, Error, Garbled, Lost, Reset
from .wire import Params, Request, Response, ScriptError

REGION = "ap-northeast-1"
MODELS = Loader()


class Time(Protocol):
    def time(self) -> float: ...
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


@dataclass
class Rule:
    """A call of `on`: its answers, and the calls to which they apply."""

    answers: tuple[Answer | At, ...]
    after: str
    where: Params
    used: int = 0

    def answer(self, elapsed: float) -> Answer | None:
        """By time, the latest answer that is due; by call number, the next one; the last one repeats."""
        if isinstance(self.answers[0], At):
            due = [each for each in self.answers if isinstance(each, At) and each.seconds <= elapsed]
            return due[-1].answer if due else None
        answer = self.answers[min(self.used, len(self.answers) - 1)]
        assert not isinstance(answer, At)
        self.used += 1
        return answer


class ScriptedAws:
    """Answers boto3 from the script; a request or answer outside the models or the script fails the test at its end.

    ``observers`` get the name of each operation that is called.
    """

    observers: ClassVar[list[Callable[[str], None]]] = []

    def __init__(self, clock: Time, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.clock = clock
        self.start = clock.monotonic()
        self.calls: list[Call] = []
        self.violations: list[str] = []
        self._rules: dict[str, list[Rule]] = {}
        self._lock = threading.Lock()
        self._server = _Server(address, self.answer, self.elapsed)
        # The poll interval is what close() waits for at most.
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def on(self, operation: str, *answers: Answer | At, after: str = "", where: Params | None = None) -> None:
        """Scripts an operation. If several rules apply to a call, the latest answers it.

        A rule with `after="ecs.UpdateService"` (or "ecs.UpdateService#2") applies once AWS has carried out that
        (second) call, and its times count from there; a rule with `where`, to calls that have these parameters.
        """
        model = wire.operation_model(operation)
        if after:
            wire.operation_model(after.partition("#")[0])
        if not answers or len({isinstance(answer, At) for answer in answers}) > 1:
            raise ValueError(f"{operation}: answers are all at(...), or none of them is")
        for answer in answers:
            _check(model, answer.answer if isinstance(answer, At) else answer)
        self._rules.setdefault(operation, []).append(Rule(answers, after, where or {}))

    def elapsed(self) -> float:
        """Virtual seconds since the script's start."""
        return self.clock.monotonic() - self.start

    def count(self, operation: str, processed: bool = False) -> int:
        """How many calls arrived, or how many of them AWS carried out, lost ones included."""
        return sum(call.operation == operation and (call.processed or not processed) for call in self.calls)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environ(self) -> dict[str, str]:
        """The variables that make boto3 connect to this server only."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "AKIDSCRIPTED",
            "AWS_SECRET_ACCESS_KEY": "scripted",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1",
        }

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Points this process here, whatever the caller's shell says; botocore's own waits become virtual too."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in self.environ.items():
            monkeypatch.setenv(name, value)
        # Reading the models again for each test would take most of the time.
        monkeypatch.setattr("botocore.session.create_loader", lambda *_: MODELS)
        # Where botocore waits before it tries again.
        monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=self.clock.sleep, time=time.time))

    def use_as_aws(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As ``use``, but the endpoints are AWS's own, and only the connections lead here: reports link to the console."""
        self.use(monkeypatch)
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        send = URLLib3Session.send

        def redirected(session: URLLib3Session, request: Any) -> Any:
            request.url = urlsplit(request.url)._replace(scheme="http", netloc=urlsplit(self.url).netloc).geturl()
            return send(session, request)

        monkeypatch.setattr(URLLib3Session, "send", redirected)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        if self.violations:
            raise AssertionError("\n".join(["the scripted AWS was not used as AWS is:", *self.violations]))

    def __enter__(self) -> ScriptedAws:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(self, request: Request) -> Response | None:
        """A response, or None for a reset connection. It handles one call at a time, so a script's functions need no locks."""
        with self._lock:
            elapsed, name = self.elapsed(), "?"
            params: Params = {}
            try:
                operation, params = wire.parse(request)
                name = wire.name_of(operation)
                for observe in self.observers:
                    observe(name)
                outcome, response = _play(operation, self._scripted(name, params, elapsed), params)
            except Exception as problem:
                message = str(problem) if isinstance(problem, ScriptError) else traceback.format_exc()
                self.violations.append(f"at {elapsed:g} s, {name}: {message}")
                outcome, response = "violation", wire.violation(request, message)
            signed = re.search(r"Credential=[^/]+/\d+/([^/]+)/", request.headers.get("authorization", ""))
            self.calls.append(Call(name, params, elapsed, outcome, signed[1] if signed else ""))
            return response

    def _scripted(self, name: str, params: Params, elapsed: float) -> Answer:
        for rule in reversed(self._rules.get(name, [])):
            origin = self._time_of(rule.after)
            if origin is None or not rule.where.items() <= params.items():
                continue
            answer = rule.answer(elapsed - origin)
            if answer is not None:
                return answer
        raise ScriptError(f"is not in the script: {params}")

    def _time_of(self, after: str) -> float | None:
        if not after:
            return 0.0
        name, _, number = after.partition("#")
        times = [call.time for call in self.calls if call.operation == name and call.processed]
        return times[int(number or 1) - 1] if len(times) >= int(number or 1) else None


def _check(operation: Any, answer: Answer) -> None:
    """Checks answers that are data against the model, where the test writes them."""
    if isinstance(answer, Lost | Garbled | Cut):
        _check(operation, answer.answer)
    elif not callable(answer):
        _play(operation, answer, {})


def _play(operation: Any, answer: Answer, params: Params) -> tuple[str, Response | None]:
    """The call's outcome and its response."""
    if isinstance(answer, Reset):
        return "reset", None
    if isinstance(answer, Lost):
        outcome, _ = _play(operation, answer.answer, params)
        return ("lost" if outcome == "answered" else outcome), None
    if isinstance(answer, Garbled):
        outcome, response = _play(operation, answer.answer, params)
        return ("garbled", Response(200, answer.body)) if outcome == "answered" else (outcome, response)
    if isinstance(answer, Cut):
        outcome, response = _play(operation, answer.answer, params)
        return ("lost" if outcome == "answered" else outcome), response and replace(response, is_cut=True)
    if isinstance(answer, Error):
        response = wire.refuse(operation, answer.code, answer.message, answer.status, answer.members)
        return answer.code or str(answer.status), response
    if callable(answer):
        return _play(operation, answer(params), params)
    return "answered", wire.respond(operation, answer)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], answer: Callable[[Request], Response | None], elapsed: Callable[[], float]
    ) -> None:
        super().__init__(address, _Handler)
        self.answer, self.elapsed = answer, elapsed

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves a body unread resets the connection; the test's result depends on the answers alone."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"  # connections are kept, as AWS keeps them
    disable_nagle_algorithm = True

    def handle_request(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        response = self.server.answer(Request(self.command, self.path, headers, body))
        if response is None:
            self._reset()
            return
        self.send_response_only(response.status)
        date = format_datetime(moment(self.server.elapsed()), usegmt=True)
        own = {"Content-Length": str(len(response.body)), "Date": date, "x-amzn-RequestId": str(uuid.uuid4())}
        head = self.command == "HEAD"  # whose Content-Length is that of a body which is not sent
        for name, value in (own | response.headers if head else response.headers | own).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"" if head else response.body[: len(response.body) // 2 if response.is_cut else None])
        self.close_connection |= response.is_cut

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_request  # noqa: N815

    def _reset(self) -> None:
        """Closing without lingering resets the connection; after detach, nothing is sent before that."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Calls are in ScriptedAws.calls."""
