"""One pull request on GitHub: its files, and the one comment on it that is ours. At most six calls.

https://docs.github.com/en/rest/issues/comments and https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ecs_cd.ci import github_api
from ecs_cd.ci.github_api import Api, Remedies
from ecs_cd.ci.rules import pull_requests as rules
from ecs_cd.ci.rules.pull_requests import ACTIONS, PAGE, Comment
from ecs_cd.model.clock import Clock
from ecs_cd.model.errors import Refused
from ecs_cd.model.run import Run

_READ = 4  # pages of files and of comments together; who we are and one change are the other calls
_FILES = 2  # pages of files
_REMEDIES = Remedies(
    "Is the input github-token a token for this GitHub server, and still valid?",
    "Give the job `permissions: pull-requests: write`; in a reusable workflow, the caller's job as well. A pull "
    "request from a fork never gets it. Does {} have a pull request with this number?",
    "Does {} still take comments?",
)


class PullRequest:
    """A pull request. Calls end at ``until``, as in ``Api``, and raise what it raises."""

    def __init__(self, api: Api, number: int) -> None:
        self._api = replace(api, remedies=_REMEDIES)
        self._number = number
        self._left = _READ

    def files(self, until: float) -> tuple[list[tuple[str, str]], bool]:
        """The status and path of its files, and whether these are all: GitHub lists them by path."""
        found: list[Any] = []
        for page in range(1, _FILES + 1):
            entries = self._page(f"pulls/{self._number}/files", page, until)
            found += entries
            if len(entries) < PAGE:
                return rules.files(found), True
        return rules.files(found), False

    def comment(self, begin: str, until: float) -> Comment | None:
        """Our comment that begins like this. A comment of another author is not ours, whatever it says.

        Raises ``Refused`` if there are more comments than ecs-cd reads, because ours could be among the others.
        """
        found: list[Comment] = []
        page = 0
        while not found and self._left:
            page += 1
            entries = self._page(f"issues/{self._number}/comments", page, until)
            comments = [each for entry in entries if (each := rules.comment(entry)) is not None]
            found = self._ours(rules.marked(comments, begin, self._api.token), until)
            if len(entries) < PAGE:
                break
        else:
            if not found:
                raise Refused(f"the pull request has more than {page * PAGE} comments, and no plan among the first")
        return found[0] if found else None

    def create(self, body: str, until: float) -> Comment | None:
        """Writes a comment, without retries, so never two."""
        answer = self._api.post_once(f"issues/{self._number}/comments", {"body": body}, until)
        return rules.comment(answer)

    def update(self, comment: Comment, body: str, until: float) -> None:
        """Replaces the text of a comment."""
        self._api.patch(f"issues/comments/{comment.id}", {"body": body}, until)

    def _page(self, path: str, page: int, until: float) -> list[Any]:
        self._left -= 1
        answer = self._api.get(f"{path}?per_page={PAGE}&page={page}", until)
        if not isinstance(answer, list):
            raise self._api.strange()
        return answer

    def _ours(self, marked: list[Comment], until: float) -> list[Comment]:
        """Asks GitHub who we are only if it isn't clear: GITHUB_TOKEN's author has a name that no other has."""
        if all(each.login == ACTIONS for each in marked):
            return marked
        me = self._api.login(until)
        return [each for each in marked if each.login == me]


def connect(environ: Mapping[str, str], run: Run, number: int, token: str, clock: Clock) -> PullRequest:
    """The pull request with this number in the run's repository. Raises ``NotAsked`` if there is no API to call."""
    return PullRequest(github_api.connect(environ, run, token, clock), number)
