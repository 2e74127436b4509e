"""An STS whose keys last an hour of virtual time, and GitHub's token endpoint."""

from __future__ import annotations

import base64
import itertools
import json
import re
import threading
from collections.abc import Callable
from datetime import datetime, tzinfo
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from .clock import Clock, moment
from .script import Answer
from .server import ScriptedAws
from .wire import Params, Request, Response

HOUR = 3600.0
SUB = "repo:my-org@1234/my-app@5678:ref:refs/heads/main"
SECRET = "scripted-secret-"
SESSION = "scripted-session-"
BEARER = "scripted-bearer"
SIGNATURE = "scripted-signature"


def key(number: int) -> str:
    """The id of the access key with this number."""
    return f"ASIA{number:016d}"


def gives(aws: ScriptedAws, lifetime: float = HOUR) -> Callable[[Params], Answer]:
    """The answer of AssumeRole and AssumeRoleWithWebIdentity: the next key, valid for this long from now."""
    numbers = itertools.count(1)

    def answer(_: Params) -> Answer:
        number = next(numbers)
        return {
            "Credentials": {
                "AccessKeyId": key(number),
                "SecretAccessKey": f"{SECRET}{number}",
                "SessionToken": f"{SESSION}{number}",
                "Expiration": moment(aws.elapsed() + lifetime),
            }
        }

    return answer


def botocore_has_the_time_of(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials expire by virtual time; requests are signed with the real time."""

    class Virtual(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return moment(clock.monotonic()).astimezone(tz)

    monkeypatch.setattr("botocore.credentials.datetime", SimpleNamespace(datetime=Virtual))


def keys_of(aws: ScriptedAws) -> list[str]:
    """The access key ids that sign later requests, in the order of ``aws.calls``; "" is unsigned."""
    found: list[str] = []

    def answer(request: Request) -> Response | None:
        signed = re.search(r"Credential=([^/]+)/", request.headers.get("authorization", ""))
        found.append(signed[1] if signed else "")
        return aws.answer(request)

    aws._server.answer = answer
    return found


class IdTokens:
    """GitHub's token endpoint on loopback. Of ``answers`` each request takes the next one: a status (200 is a token), a
    body, an address to go to instead, or None, which is a connection that is closed without an answer; after the last
    there are tokens."""

    def __init__(self, *answers: int | bytes | str | None) -> None:
        self.answers = list(answers)
        self.audiences: list[str] = []
        self.issued: list[str] = []
        self.violations: list[str] = []
        tokens = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = tokens.answer(self)
                if answer is None:
                    return
                status, body = answer if isinstance(answer, tuple) else (200, answer)
                self.send_response(status)
                if status == HTTPStatus.FOUND:
                    self.send_header("Location", body.decode())
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Requests are in IdTokens.audiences."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environ(self) -> dict[str, str]:
        """The variables of a job that may request tokens."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER,
        }

    def answer(self, request: BaseHTTPRequestHandler) -> bytes | tuple[int, bytes] | None:
        query = parse_qs(urlsplit(request.path).query)
        if request.headers.get("Authorization") != f"Bearer {BEARER}" or query.get("api-version") != ["2.0"]:
            self.violations.append(request.path)
        self.audiences.append(query["audience"][0])
        answer = self.answers.pop(0) if self.answers else 200
        if answer == 200:
            return json.dumps({"value": self._issue()}).encode()
        if isinstance(answer, str):
            return HTTPStatus.FOUND, answer.encode()
        return (answer, b"{}") if isinstance(answer, int) else answer

    def _issue(self) -> str:
        claims = {"sub": SUB, "aud": self.audiences[-1], "jti": len(self.issued)}
        parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims)]
        self.issued.append(".".join([*parts, SIGNATURE]))
        return self.issued[-1]

    def __enter__(self) -> IdTokens:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        assert self.violations == [], "the token endpoint was not used as GitHub's is"
