"""CodePipeline, CodeBuild and CodeDeploy over HTTP, for clients on this machine."""

from __future__ import annotations

import json
import re
import traceback
import uuid
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ecs_cd.local.codepipeline import wire
from ecs_cd.local.codepipeline.operations import Operation
from ecs_cd.local.codepipeline.rules.service_error import ServiceError

_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:[0-9]+)?")
_LARGEST = 1_000_000  # bytes


class Endpoint(ThreadingHTTPServer):
    """``operations`` are by service and name: {"codepipeline": {"GetPipeline": ...}}. Port 0 is any that is free."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, operations: Mapping[str, Mapping[str, Operation]], say: Callable[[str], None], port: int = 0):
        self.operations, self.say = operations, say
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away early is its own affair."""

    def answer(self, target: str, body: bytes) -> tuple[int, bytes]:
        """The status and the body."""
        try:
            return 200, self._answer(target, body)
        except ServiceError as error:
            return 400, _error(error.code, str(error))
        except Exception as error:
            self.say(traceback.format_exc())
            return 500, _error("InternalFailure", f"{type(error).__name__} in the local CodePipeline: see its log")

    def _answer(self, target: str, body: bytes) -> bytes:
        model = wire.operation(target)
        known = self.operations.get(model.service_model.service_name, {}) if model else {}
        if model is None or model.name not in known:
            raise ServiceError("UnknownOperationException", f"the local CodePipeline has no operation {target}")
        return wire.serialized(model.output_shape, known[model.name](wire.parsed(model, body)))


def _error(code: str, message: str) -> bytes:
    return json.dumps({"__type": code, "message": message}).encode()


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Only for clients of AWS: a web page can neither send this header without asking nor know the host's name."""
        length, target = self.headers.get("Content-Length", ""), self.headers.get("X-Amz-Target", "")
        if not length.isdecimal() or int(length) > _LARGEST:
            self.close_connection = True
            return self._send(413, _error("SerializationException", "The request has no length, or is too long"))
        body = self.rfile.read(int(length))
        if not _HOST.fullmatch(self.headers.get("Host", "")) or "Origin" in self.headers:
            return self._send(403, _error("AccessDeniedException", "The local CodePipeline answers this machine alone"))
        return self._send(*self.server.answer(target, body))

    def _send(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Changes are in the log, not requests."""
