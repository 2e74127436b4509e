"""A small guest book: one page, rendered from the rows that the migrations made."""

from __future__ import annotations

import html
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2

GREETING = "Hello from ECS"


def entries() -> list[tuple[str, str]]:
    """All entries of the guest book, oldest first."""
    connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=5)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT author, message FROM entries ORDER BY id")
            return cursor.fetchall()
    finally:
        connection.close()


def page() -> str:
    """The guest book."""
    rows = "\n".join(f"  <li>{html.escape(author)}: {html.escape(text)}</li>" for author, text in entries())
    return f"<h1>{html.escape(GREETING)}</h1>\n<ul>\n{rows}\n</ul>\n"


class Handler(BaseHTTPRequestHandler):
    """GET / is the page, GET /health is for a load balancer."""

    def do_GET(self) -> None:
        if self.path == "/health":
            self.answer(200, "ok\n", "text/plain")
        elif self.path == "/":
            try:
                self.answer(200, page(), "text/html")
            except psycopg2.Error as error:
                print(f"database: {error}", file=sys.stderr, flush=True)
                self.answer(503, "The database does not answer.\n", "text/plain")
        else:
            self.answer(404, "There is nothing here.\n", "text/plain")

    def answer(self, status: int, text: str, kind: str) -> None:
        """Send a whole response."""
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until SIGTERM, which is how ECS stops a task."""
    port = int(os.environ.get("PORT", "8000"))
    server = ThreadingHTTPServer(("", port), Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"{GREETING} listens on port {port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
