"""The server, and its faults as data."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SERVER_URL = "https://github.example"
REPOSITORY = "org/my-app"
STATES = {"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}
ANSWERS: dict[int, dict[str, Any]] = {
    401: {"message": "Bad credentials"},
    403: {
        "message": "Resource not accessible by integration",
        "documentation_url": "https://docs.github.com/rest/issues/comments#create-an-issue-comment",
        "status": "403",
    },
    404: {"message": "Not Found"},
    409: {"message": "Conflict: Commit status checks failed for c0ffee0."},
    429: {"message": "You have exceeded a secondary rate limit."},
}


@dataclass(frozen=True)
class Fault:
    """What comes instead of an answer. ``done``: the request is carried out all the same."""

    code: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    endless: bool = False
    done: bool = False


def status(code: int) -> Fault:
    """An error in GitHub's own words, or a server's bare one."""
    return Fault(code, json.dumps(ANSWERS[code]).encode() if code in ANSWERS else b"<html>Unicorn!</html>")


def garbage(body: bytes = b"<html>Sign in to the hotel's network</html>", code: int = 200) -> Fault:
    """An answer that does not come from GitHub."""
    return Fault(code, body)


def redirect(url: str) -> Fault:
    """GitHub says that the repository has moved."""
    return Fault(307, b"", {"Location": url})


def silent() -> Fault:
    """The connection stays open without an answer."""
    return Fault(endless=True)


def trickle() -> Fault:
    """An answer that arrives byte by byte, and never ends."""
    return Fault(200, b" ", endless=True)


def reset() -> Fault:
    """The connection is reset before the request is carried out."""
    return Fault()


def lost() -> Fault:
    """The request is carried out, and the connection is reset instead of an answer."""
    return Fault(done=True)


@dataclass(frozen=True)
class Asked:
    """A request that arrived; ``at`` is the value of ``FakeGitHub.moment`` at that time."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    at: Any


@dataclass
class _Failing:
    faults: list[Fault | None]
    method: str
    path: str


class FakeGitHub:
    """One repository. ``moment`` returns what else has happened, for each request.

    ``commit_statuses`` are by commit, in their order; ``pulls`` by commit, as GitHub lists them; ``comments`` and
    ``files`` by the number of the pull request. ``login`` is the owner of the token, which is a bot's if it says so.
    With ``read_only``, the token may write nothing, as in a run for a pull request from a fork.
    ``attestations`` are by repository and digest. As gh's proxy for HTTP, it is the API of `github.localhost`.
    """

    def __init__(self, *, token: str = "ghs_not-to-be-seen", moment: Callable[[], Any] = lambda: None) -> None:
        self.token = token
        self.moment = moment
        self.commits: set[str] = set()  # those of the repository; if there are none, any is
        self.deployments: list[dict[str, Any]] = []
        self.statuses: dict[int, list[dict[str, Any]]] = {}
        self.commit_statuses: dict[str, list[dict[str, Any]]] = {}
        self.pulls: dict[str, list[dict[str, Any]]] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.files: dict[int, list[dict[str, Any]]] = {}
        self.login = "github-actions[bot]"
        self.read_only = False
        self.attestations: dict[tuple[str, str], list[Any]] = {}
        self.asked: list[Asked] = []
        self._failing: list[_Failing] = []
        self._lock = threading.Lock()
        self.closed = threading.Event()
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environ(self) -> dict[str, str]:
        """The variables of a step in a job of run 77, without the token."""
        return {
            "GITHUB_API_URL": self.url,
            "GITHUB_SERVER_URL": SERVER_URL,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "77",
            "GITHUB_RUN_ATTEMPT": "1",
        }

    def fail(self, *faults: Fault | None, method: str = "", path: str = "") -> None:
        """Fails requests of this method to paths with this end: one fault each, the last one repeatedly; ``None`` is success."""
        self._failing.append(_Failing(list(faults), method, path))

    def add(self, environment: str, *, run: str = "", state: str = "in_progress", **more: Any) -> int:
        """A Deployment that another user made; with a run, as GitHub makes it for a job's environment."""
        made = self._create({"ref": "main", "environment": environment, "payload": {}, **more})
        if run:
            url = f"{SERVER_URL}/{REPOSITORY}/actions/runs/{run}/job/9{run}"
            for each in dict.fromkeys(["queued", "in_progress", state]):
                self._add_status(made["id"], {"state": each, "log_url": url})
        return int(made["id"])

    def say(self, number: int, body: str, login: str = "github-actions[bot]") -> dict[str, Any]:
        """A comment of this user or bot on a pull request, as GitHub returns it."""
        known = self.comments.setdefault(number, [])
        made: dict[str, Any] = {
            "id": 900_001 + sum(map(len, self.comments.values())),
            "html_url": f"{SERVER_URL}/{REPOSITORY}/pull/{number}#issuecomment-{900_001 + len(known)}",
            "issue_url": f"{self.url}/repos/{REPOSITORY}/issues/{number}",
            "user": {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"},
            "author_association": "NONE",
            "body": body,
            "created_at": "2999-01-01T00:00:00Z",
            "updated_at": "2999-01-01T00:00:00Z",
        }
        known.append(made)
        return made

    def states(self, number: int = 0) -> list[str]:
        """The states of a Deployment, in their order; of the only one, without a number."""
        return [each["state"] for each in self.statuses_of(number)]

    def statuses_of(self, number: int = 0) -> list[dict[str, Any]]:
        """The statuses of a Deployment, in their order; of the only one, without a number."""
        if not number:
            (only,) = self.deployments
            number = only["id"]
        return self.statuses[number]

    def close(self) -> None:
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> FakeGitHub:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- what GitHub does ----

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Fault | tuple[int, Any]:
        """A status and a body, or a fault."""
        with self._lock:
            content = json.loads(body) if body else None
            self.asked.append(Asked(method, path, headers, content, self.moment()))
            fault = self._fault(method, urlsplit(path).path)
            if fault and not fault.done:
                return fault
            answer = self._answer(method, path, headers, content)
            return fault or answer

    def _fault(self, method: str, path: str) -> Fault | None:
        for each in self._failing:
            if each.method in ("", method) and path.endswith(each.path) and each.faults:
                return each.faults.pop(0) if len(each.faults) > 1 else each.faults[0]
        return None

    def _answer(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> tuple[int, Any]:
        if headers.get("authorization") not in (f"Bearer {self.token}", f"token {self.token}"):
            return 401, ANSWERS[401]
        if method == "GET" and (
            subject := re.fullmatch(r"/repos/([^/]+/[^/]+)/attestations/(.+)", urlsplit(path).path)
        ):
            found = self.attestations.get((subject[1], subject[2].replace("%3A", ":")), [])
            listed = [{"bundle": each, "repository_id": 1, "bundle_url": "", "initiator": "user"} for each in found]
            return (200, {"attestations": listed}) if found else (404, ANSWERS[404])
        assert headers["x-github-api-version"] == "2022-11-28"
        path = re.sub(r"^/api/(?:v3/|(?=graphql$))", "/", path)  # as GitHub Enterprise Server has them
        parts, query = urlsplit(path), parse_qs(urlsplit(path).query)
        if parts.path == "/graphql":
            assert body == {"query": "{viewer{login}}"}
            return 200, {"data": {"viewer": {"login": self.login}}}
        if self.read_only and method != "GET":
            return 403, ANSWERS[403]
        there = re.fullmatch(rf"/repos/{REPOSITORY}/deployments(?:/(\d+)/statuses)?", parts.path)
        if not there:
            return self._of_commits(method, parts.path, query, body)
        if there[1]:
            return self._statuses(method, int(there[1]), body)
        if method == "POST":
            refused = self._refused(body)
            return (422, {"message": refused}) if refused else (201, self._create(body))
        found = [each for each in reversed(self.deployments) if each["environment"] == query["environment"][0]]
        return 200, found[: int(query.get("per_page", ["30"])[0])]

    def _of_commits(self, method: str, path: str, query: Mapping[str, list[str]], body: Any) -> tuple[int, Any]:
        """Statuses, pull requests of a commit, and their comments."""
        words = path.removeprefix(f"/repos/{REPOSITORY}/").split("/")
        match method, words:
            case "POST", ["statuses", sha]:
                return self._add_commit_status(sha, body)
            case "GET", ["commits", sha, "pulls"]:
                return 200, self.pulls.get(sha, [])
            case "GET", ["issues", number, "comments"] if int(number) in self.comments:
                since = query.get("since", [""])[0]
                found = [each for each in self.comments[int(number)] if each["updated_at"] >= since]
                return 200, _page(found, query)
            case "GET", ["pulls", number, "files"] if int(number) in self.files:
                return 200, _page(self.files[int(number)], query)
            case "PATCH", ["issues", "comments", number]:
                return self._edit(int(number), body)
            case "POST", ["issues", number, "comments"] if int(number) in self.comments:
                return _too_long(body) or (201, self.say(int(number), body["body"], self.login))
            case _:
                return 404, ANSWERS[404]

    def _edit(self, number: int, body: Any) -> tuple[int, Any]:
        found = [each for known in self.comments.values() for each in known if each["id"] == number]
        if not found:
            return 404, ANSWERS[404]
        if refused := _too_long(body):
            return refused
        found[0]["body"] = body["body"]
        return 200, found[0]

    def _add_commit_status(self, sha: str, body: Any) -> tuple[int, Any]:
        if self.commits and sha not in self.commits:
            return 422, {"message": f"No commit found for SHA: {sha}"}
        if body["state"] not in ("error", "failure", "pending", "success") or _unfit(body["description"]):
            return 422, {"message": "Validation Failed"}
        self.commit_statuses.setdefault(sha, []).append(body)
        return 201, body

    def _statuses(self, method: str, number: int, body: Any) -> tuple[int, Any]:
        if number not in self.statuses:
            return 404, ANSWERS[404]
        if method == "GET":
            return 200, self.statuses[number][::-1]
        if body["state"] not in STATES or _unfit(body.get("description", "")):
            return 422, {"message": "Validation Failed"}
        return 201, self._add_status(number, body)

    def _refused(self, body: Any) -> str:
        if self.commits and body["ref"] not in self.commits:
            return f"No ref found for: {body['ref']}"
        # Else GitHub merges, or looks at the commit's checks, of which this job is one.
        if body["auto_merge"] is not False or body["required_contexts"] != [] or _unfit(body["description"]):
            return "Validation Failed"
        return ""

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        made = {"sha": body["ref"], **body, "id": 1000 + len(self.deployments)}
        self.deployments.append(made)
        self.statuses[made["id"]] = []
        return made

    def _add_status(self, number: int, body: dict[str, Any]) -> dict[str, Any]:
        made = {"target_url": body.get("log_url", ""), **body, "id": sum(map(len, self.statuses.values())) + 1}
        self.statuses[number].append(made)
        return made


def _page(entries: list[dict[str, Any]], query: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    size, page = (int(query.get(name, [default])[0]) for name, default in (("per_page", "30"), ("page", "1")))
    assert size <= 100
    return entries[size * (page - 1) : size * page]


def _too_long(body: Any) -> tuple[int, Any] | None:
    return (422, {"message": "body is too long (maximum is 65536 characters)"}) if len(body["body"]) > 65_536 else None


def _unfit(description: str) -> bool:
    return len(description) > 140 or any(ord(character) > 0xFFFF for character in description)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, github: FakeGitHub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.github = github

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that closed its connection early."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def handle_request(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        answer = self.server.github.answer(self.command, self.path, headers, body)
        if isinstance(answer, Fault):
            self._fail(answer)
        else:
            self._send(answer[0], json.dumps(answer[1], ensure_ascii=False).encode(), {})

    do_GET = do_POST = do_PATCH = handle_request  # noqa: N815

    def _fail(self, fault: Fault) -> None:
        if fault.endless:
            self._dawdle(fault)
        elif fault.code:
            self._send(fault.code, fault.body, fault.headers)
        else:
            # Closed with nothing to linger for, a connection is reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def _dawdle(self, fault: Fault) -> None:
        if fault.code:
            self.send_response(fault.code)
            self.end_headers()
        while not self.server.github.closed.wait(0.01):
            self.wfile.write(fault.body)

    def _send(self, code: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are in FakeGitHub.asked."""
