"""Counts AWS calls: a proxy on 127.0.0.1 that forwards every request, and records its operation."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP = {"connection", "content-length", "date", "server", "transfer-encoding"}


@contextmanager
def proxy(endpoint: str) -> Iterator[tuple[str, list[str]]]:
    """A proxy in front of an endpoint: its own address, and the calls so far by the operation's name.

    S3's requests do not carry it: there it is method and path.
    """
    target = urlsplit(endpoint).netloc
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def hand_on(self) -> None:
            calls.append(self.headers.get("X-Amz-Target", "").rpartition(".")[2] or f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            upstream = http.client.HTTPConnection(target, timeout=60)
            upstream.request(self.command, self.path, body, {**dict(self.headers), "Host": target})
            answer = upstream.getresponse()
            content = answer.read()
            upstream.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = hand_on  # noqa: N815

        def log_message(self, *_: object) -> None:
            """The requests are in `calls`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", calls
        finally:
            server.shutdown()
