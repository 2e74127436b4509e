"""GitHub's REST API about one repository: JSON over HTTP, with a time limit.

https://docs.github.com/en/rest
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ecs_cd.model import pace
from ecs_cd.model.clock import Clock
from ecs_cd.model.errors import Refused, Unreadable
from ecs_cd.model.run import Run

if TYPE_CHECKING:
    from urllib.error import HTTPError
    from urllib.request import OpenerDirector

T = TypeVar("T")

PUBLIC = "https://api.github.com"

_VERSION = "2022-11-28"
_LARGEST = 1 << 26  # bytes of a response: 100 comments of 65,536 characters, some of six bytes


@dataclass(frozen=True)
class Remedies:
    """What to do if GitHub refuses the token, its permissions, or what a request says; ``{}`` is the repository."""

    token: str
    permissions: str
    content: str


_DEPLOYMENTS = Remedies(
    "Is the input github-token a token for this GitHub server, and still valid?",
    "Give the job `permissions: deployments: write`; in a reusable workflow, the caller's job as well. A pull request "
    "from a fork never gets it.",
    "Is the commit in {}, and is the environment's name valid?",
)


class NotAsked(Exception):
    """The reason why there is no API to call, in plain words."""


def within(timeout: float, call: Callable[[float], T], thread: ThreadPoolExecutor, clock: Clock) -> T:
    """What the call returns, which gets the end of its time, after at most ``timeout`` seconds. It runs in the thread:
    slow name resolution and a trickling response have no timeout, but waiting for a thread does.

    Raises ``Refused`` with the reason for anything else: GitHub never stops what runs.
    """
    pending = thread.submit(call, clock.monotonic() + timeout)
    try:
        return pending.result(timeout)
    except TooLate:
        raise Refused(f"GitHub's API has not answered within {timeout:g} seconds") from None
    except Refused:
        raise
    except Unreadable as unreadable:
        raise Refused(str(unreadable)) from unreadable
    except Exception as error:
        raise Refused(f"GitHub's API answered something unexpected ({type(error).__name__})") from error


@dataclass(frozen=True)
class Api:
    """The API of one repository. The token is only in the Authorization header.

    Paths are relative to the repository's; ``until`` is a time of the ``clock``. Raises ``Refused`` with a remedy, and
    ``Unreadable`` if a retry may work; GitHub may then have carried out the request anyway. ``pauses`` are those before
    each retry, by default a single short one.
    """

    url: str
    repository: str
    token: str = field(repr=False)
    clock: Clock
    remedies: Remedies = _DEPLOYMENTS
    pauses: Sequence[float] = ()

    def get(self, path: str, until: float) -> Any:
        """Returns what GET answers."""
        return self._again("GET", path, None, until)

    def post(self, path: str, body: Mapping[str, Any], until: float) -> Any:
        """Creates an object. Retries transient errors, which may create a second object."""
        return self._again("POST", path, body, until)

    def post_once(self, path: str, body: Mapping[str, Any], until: float) -> Any:
        """Creates an object without retries, so never two."""
        return self._call("POST", path, body, until)

    def patch(self, path: str, body: Mapping[str, Any], until: float) -> Any:
        """Changes an object. Retries transient errors: twice does no more than once."""
        return self._again("PATCH", path, body, until)

    def login(self, until: float) -> str:
        """The login of the token's owner, such as `github-actions[bot]`. GraphQL knows it for every kind of token; REST
        refuses GET /user to the token of an app (github.com/pingdotgg/t3code/pull/11273)."""
        answer = self._once("POST", f"{self.url.removesuffix('/v3')}/graphql", {"query": "{viewer{login}}"}, until)
        try:
            return str(answer["data"]["viewer"]["login"])
        except (KeyError, TypeError):
            raise self.strange() from None

    def _again(self, method: str, path: str, body: Mapping[str, Any] | None, until: float) -> Any:
        for pause in self.pauses or (pace.GITHUB_PAUSE,):
            try:
                return self._call(method, path, body, until)
            except Unreadable:
                if self.clock.monotonic() + pause >= until:
                    raise
            self.clock.sleep(pause)
        return self._call(method, path, body, until)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None, until: float) -> Any:
        return self._once(method, f"{self.url}/repos/{self.repository}/{path}", body, until)

    def _once(self, method: str, url: str, body: Mapping[str, Any] | None, until: float) -> Any:
        from http.client import HTTPException
        from urllib.error import HTTPError
        from urllib.request import Request

        left = until - self.clock.monotonic()
        if left <= 0:
            raise Unreadable("GitHub's API has not answered in time")
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "User-Agent": "ecs-cd",
            "X-GitHub-Api-Version": _VERSION,
        }
        data = None if body is None else json.dumps(body).encode()
        try:
            request = Request(url, data, headers, method=method)
            with _opener().open(request, timeout=min(pace.GITHUB_TIMEOUT, left)) as answer:
                return json.loads(answer.read(_LARGEST))
        except HTTPError as error:
            raise self._refused(error) from None
        except (OSError, HTTPException) as error:  # DNS, connection, truncated response, timeout
            raise self._unreachable(getattr(error, "reason", error)) from None
        except (ValueError, RecursionError):
            raise self.strange() from None

    def strange(self) -> Refused:
        """The error for a response that can't be GitHub's."""
        return Refused(f"the server at {self.url} is not GitHub's API", "Is there a proxy in between?")

    def _unreachable(self, reason: object) -> Unreadable:
        why = "no answer in time" if isinstance(reason, TimeoutError) else str(reason) or type(reason).__name__
        return Unreadable(f"GitHub's API can't be reached at {self.url}: {why}")

    def _refused(self, error: HTTPError) -> Refused | Unreadable:
        said = self._said(error)
        problem = f"GitHub's API answered with HTTP {error.code}{': ' if said else ''}{said}"
        if error.code >= 500 or error.code in (408, 429):
            return Unreadable(problem)
        if error.code < 400:
            return Refused(problem, f"ecs-cd follows no redirects: is the repository still {self.repository}?")
        if error.code == 401:
            return Refused(problem, self.remedies.token)
        if error.code in (409, 422):
            return Refused(problem, self.remedies.content.format(self.repository))
        if "rate limit" in said or "locked" in said or error.code not in (403, 404):
            return Refused(problem)
        return Refused(problem, self.remedies.permissions.format(self.repository))

    def _said(self, error: HTTPError) -> str:
        """GitHub's error message, or empty."""
        try:
            with error:
                said = str(json.loads(error.read(_LARGEST))["message"])
        except Exception:  # truncated, not JSON, or without a message
            return ""
        return said.replace(self.token, "***").rstrip(".")


def _opener() -> OpenerDirector:
    """Uses the environment's proxies and follows no redirects, which would leak the token."""
    from urllib.request import HTTPRedirectHandler, build_opener

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    return build_opener(Stay)


def token(environ: Mapping[str, str], given: str) -> str:
    """The given token, or else the environment's; empty without one."""
    return given or environ.get("GITHUB_TOKEN", "")


def connect(environ: Mapping[str, str], run: Run, given: str, clock: Clock) -> Api:
    """The API of this run's repository; the ``given`` token defaults to the environment's. Raises ``NotAsked``."""
    url = (environ.get("GITHUB_API_URL") or PUBLIC).rstrip("/")
    secret = token(environ, given)
    if run.on_codebuild and url == PUBLIC and not run.repository_url.startswith("https://github.com/"):
        raise NotAsked("nothing is reported to GitHub: the build's source is no repository of github.com")
    lacks = [name for name, value in (("GITHUB_REPOSITORY", run.repository), ("a token", secret)) if not value]
    if lacks:
        raise NotAsked(f"nothing is reported to GitHub without {' and '.join(lacks)}")
    if run.under_act and url == PUBLIC:  # many users give act a token to fetch actions
        raise NotAsked("what act runs on this machine is not reported to GitHub")
    return Api(url, run.repository, secret, clock)
