"""GitHub's OIDC tokens: a job's identity, to sign in elsewhere.

https://docs.github.com/actions/reference/security/oidc
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecs_cd.model import pace
from ecs_cd.model.clock import Clock
from ecs_cd.model.errors import Refused, Unreadable

if TYPE_CHECKING:
    from http.client import HTTPResponse

_LARGEST = 1 << 16  # bytes of a response
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)


def id_token(environ: Mapping[str, str], clock: Clock, audience: str) -> str:
    """A new token of this job for the audience. It is valid for minutes and appears in no message.

    Raises ``Refused`` if the job can't get a token, ``Unreadable`` if a retry may work.
    """
    url = environ.get("ACTIONS_ID_TOKEN_REQUEST_URL", "")
    bearer = environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
    if not (url and bearer):
        raise _no_endpoint(environ)
    for attempt in range(1, pace.OIDC_ATTEMPTS):
        try:
            return _ask(url, bearer, audience, clock)
        except Unreadable:
            clock.sleep(attempt)
    return _ask(url, bearer, audience, clock)


def _ask(url: str, bearer: str, audience: str, clock: Clock) -> str:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.parse import quote
    from urllib.request import Request, build_opener

    try:
        request = Request(f"{url}&audience={quote(audience)}", headers={"Accept": "application/json"})
        request.add_unredirected_header("Authorization", f"Bearer {bearer}")
        with build_opener().open(request, timeout=pace.OIDC_TIMEOUT) as answer:
            return _token(json.loads(_content(answer, clock)))
    except HTTPError as error:
        if error.code >= 500 or error.code in (408, 429):
            raise Unreadable(f"HTTP {error.code}") from None
        raise Refused(
            f"role-to-assume: GitHub refused an OIDC token: HTTP {error.code}",
            "The job is allowed to request one, so GitHub or a proxy failed: run the job again, or set NO_PROXY.",
        ) from None
    except (OSError, HTTPException) as error:  # DNS, connection, truncated response, timeout
        raise Unreadable(str(getattr(error, "reason", "")) or type(error).__name__) from None
    except (ValueError, RecursionError):
        raise _no_token() from None


def _content(answer: HTTPResponse, clock: Clock) -> bytes:
    """The complete response; an endless trickle of bytes is a timeout."""
    content, until = b"", clock.monotonic() + pace.OIDC_TIMEOUT
    while len(content) < _LARGEST and (part := answer.read1(_LARGEST)):
        content += part
        if clock.monotonic() > until:
            raise TimeoutError
    if answer.length and len(content) < _LARGEST:
        raise ConnectionError
    return content


def _token(content: Any) -> str:
    token = content.get("value") if isinstance(content, dict) else None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise _no_token()
    return token


def _no_token() -> Refused:
    return Refused(
        "role-to-assume: the server at ACTIONS_ID_TOKEN_REQUEST_URL gives no OIDC token",
        "Is there a proxy in between? NO_PROXY lists hosts that are reached without it.",
    )


def _no_endpoint(environ: Mapping[str, str]) -> Refused:
    if environ.get("ACT") == "true":
        return Refused(
            "role-to-assume: act has no OIDC tokens",
            "Use `ecs-cd local run`, which has them; or leave the role empty, and give act AWS credentials in the "
            "environment.",
        )
    if environ.get("GITHUB_ACTIONS") == "true":
        return Refused(
            "role-to-assume: this job may not request an OIDC token from GitHub",
            "Give the job `permissions: id-token: write`; in a reusable workflow, the caller's job as well. A pull "
            "request from a fork never gets a token.",
        )
    return Refused(
        "role-to-assume: there are no OIDC tokens outside GitHub Actions",
        "Set role-chaining to true to assume the role with your own credentials, or leave the role out.",
    )
