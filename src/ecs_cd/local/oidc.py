"""A local replacement for GitHub's ID token endpoint, for runs under act, which lacks it.

The tokens are unsigned. A local AWS accepts them; the real AWS does not.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_LIFETIME = 300  # seconds, as on GitHub
# https://docs.github.com/actions/reference/security/oidc#oidc-token-claims
_CLAIMS = {
    "iss": "https://token.actions.githubusercontent.com",
    "sub": "repo:local/repository:ref:refs/heads/main",
    "repository": "local/repository",
    "repository_owner": "local",
    "ref": "refs/heads/main",
    "run_id": "1",
    "actor": "local",
    "runner_environment": "self-hosted",
}


@contextmanager
def token_endpoint() -> Iterator[dict[str, str]]:
    """Yields the two environment variables with which a GitHub job requests ID tokens. The endpoint issues tokens while
    the block runs."""
    bearer = secrets.token_urlsafe(24)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown = self.headers.get("Authorization", "").encode()
            if secrets.compare_digest(shown, f"Bearer {bearer}".encode()):
                audience = parse_qs(urlsplit(self.path).query).get("audience", [""])[0]
                self._answer(200, {"value": _token(audience)})
            else:
                self._answer(401, {"message": "the request token is wrong"})

        def _answer(self, status: int, answer: Mapping[str, str]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Writes nothing: the terminal belongs to the caller."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield {
                "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{server.server_port}/token?api-version=2.0",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer,
            }
        finally:
            server.shutdown()


def _token(audience: str) -> str:
    now = int(time.time())
    audience = audience or f"https://github.com/{_CLAIMS['repository_owner']}"
    times = {"iat": now, "nbf": now, "exp": now + _LIFETIME, "jti": secrets.token_hex(16)}
    return ".".join([_part({"typ": "JWT", "alg": "none"}), _part({**_CLAIMS, "aud": audience, **times}), ""])


def _part(content: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
