"""The status of one commit on GitHub, and a comment on the pull request that it came by.

A commit comment would need `Contents: read and write`, with which the token could push: GitHub's pages say that reading
is enough, and GitHub answers 403 (github/docs 12723 and 35024).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ecs_cd.ci.github_api import PUBLIC, Api, Remedies
from ecs_cd.ci.rules import commit_status as rules
from ecs_cd.ci.rules.github_deployment import Status
from ecs_cd.model import pace
from ecs_cd.model.clock import Clock
from ecs_cd.model.errors import Refused, Unreadable

_TOKEN = "GITHUB_TOKEN"
_FINE_GRAINED = "a fine-grained token for {} needs the repository permission"
_STATUSES = Remedies(
    f"Is {_TOKEN} a token for this GitHub server, and has it expired?",
    f"Check the repository's name; {_FINE_GRAINED} `Commit statuses: read and write`, a classic one `repo:status`.",
    "Is the commit in {}? GitHub keeps at most 1000 statuses of a commit and context.",
)
_COMMENTS = replace(_STATUSES, permissions=f"{_FINE_GRAINED} `Pull requests: read and write`.")


class Commit:
    """A commit of a repository. The methods end within a minute, and raise what ``Api`` raises."""

    def __init__(self, api: Api, sha: str) -> None:
        self.sha = sha
        self._statuses = api
        self._comments = replace(api, remedies=_COMMENTS)
        self._clock = api.clock

    def set_status(self, status: Status, context: str, url: str) -> None:
        """Sets the status of this context; the newest counts."""
        self._statuses.post(f"statuses/{self.sha}", rules.body(status, context, url), self._end())

    def comment(self, marker: str, text: str, since: str) -> str:
        """Comments on the commit's pull request, unless a comment there since that time has the marker. Returns what
        it did, in words."""
        until = self._end()
        number = rules.pull_request(self._comments.get(f"commits/{self.sha}/pulls", until))
        if number is None:
            return f"no pull request of {self.sha[:7]} for the whole cause"
        where = f"issues/{number}/comments"
        page = f"{where}?per_page=100{f'&since={since}' if since else ''}"
        if not rules.has(self._comments.get(page, until), marker):
            self._create(where, page, marker, {"body": text}, until)
        return f"the whole cause is in a comment on pull request #{number}"

    def _create(self, where: str, page: str, marker: str, body: Mapping[str, Any], until: float) -> None:
        """Creates the comment once; after a lost response, checks for it before a retry."""
        try:
            self._comments.post_once(where, body, until)
        except Unreadable:
            if not rules.has(self._comments.get(page, until), marker):
                self._comments.post_once(where, body, until)

    def _end(self) -> float:
        return self._clock.monotonic() + pace.GITHUB_PATIENCE


def connect(environ: Mapping[str, str], repository: str, clock: Clock) -> Api:
    """The API of this repository, with the environment's token. Raises ``Refused`` without one."""
    token = environ.get(_TOKEN, "").strip()
    if not token:
        raise Refused(
            f"there is no token in {_TOKEN}",
            "Set the variable in the environment, for example from Secrets Manager; "
            f"{_FINE_GRAINED.format(repository)} `Commit statuses: read and write`.",
        )
    url = (environ.get("GITHUB_API_URL") or PUBLIC).rstrip("/")
    return Api(url, repository, token, clock, _STATUSES, pace.GITHUB_PAUSES)
