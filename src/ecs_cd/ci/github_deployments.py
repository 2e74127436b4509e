"""One GitHub Deployment: checks whether one exists, creates it, and updates its status."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from ecs_cd.ci import event
from ecs_cd.ci.github_api import Api
from ecs_cd.ci.rules import github_deployment
from ecs_cd.ci.rules.github_deployment import Requested, Status
from ecs_cd.model.errors import Unreadable
from ecs_cd.model.run import Run
from ecs_cd.model.verdict import Verdict

_LISTED = 10  # Deployments of the environment to check, newest first
_LOOKED_INTO = 2  # of these that ecs-cd did not create, to check the statuses of: with what follows, 6 calls


class Deployment:
    """The Deployment of this run to an environment. ``requested`` is the one of the `deployment` event that started
    the run, if any. Calls end at ``until``, as in ``Api``, and raise what it raises."""

    def __init__(self, api: Api, environment: str, url: str, run: Run) -> None:
        self.environment = environment
        self.requested = _requested(environment, run)
        self._api = api
        self._run = run.id
        self._commits = event.commits(run)
        self._urls = run.url, url
        self._id = self.requested.id if self.requested else None

    def is_the_jobs(self, until: float) -> bool:
        """Whether GitHub created one because the job has this environment. GitHub then sets its status."""
        others = github_deployment.of_others(self._listed(until), self._commits) if self._run else []
        each = (self._api.get(f"deployments/{number}/statuses", until) for number in others[:_LOOKED_INTO])
        return any(github_deployment.of_this_run(statuses, self._run) for statuses in each)

    def begin(self, commit: str, services: Sequence[str], until: float) -> str:
        """Creates the Deployment if needed, sets it to in progress, and returns a message about it."""
        how = "requested by the event"
        if self._id is None:
            self._id = self._created(commit, services, until)
            how = f"created for {commit[:7]}"
        self._tell(Status("in_progress"), until)
        return f"Deployment {self._id} of {self.environment}, {how}, is in progress"

    def end(self, title: str, verdict: Verdict, until: float) -> None:
        """Reports the verdict of the last step."""
        self._tell(github_deployment.ended(title, verdict), until)

    def cut_short(self, exit_code: int, why: str, until: float) -> None:
        """Reports an end without a verdict."""
        self._tell(github_deployment.cut_short(exit_code, why), until)

    def _tell(self, status: Status, until: float) -> None:
        if self._id is not None:  # else it could not be created, or GitHub manages it
            self._api.post(f"deployments/{self._id}/statuses", github_deployment.status(status, *self._urls), until)

    def _created(self, commit: str, services: Sequence[str], until: float) -> int:
        """Creates a Deployment and returns its id. After a lost response, checks for it before a retry."""
        mark = {"run": self._run, "nonce": secrets.token_hex(8)}
        body = github_deployment.new(commit, self.environment, services, mark)
        try:
            answer = self._api.post_once("deployments", body, until)
        except Unreadable:
            there = github_deployment.marked(self._listed(until), mark)
            if there is not None:
                return there
            answer = self._api.post_once("deployments", body, until)
        number = github_deployment.identity(answer)
        if number is None:
            raise self._api.strange()
        return number

    def _listed(self, until: float) -> Any:
        # Not filtered by commit: for a pull request, GitHub's own Deployments have another commit than GITHUB_SHA.
        return self._api.get(f"deployments?environment={quote(self.environment, safe='')}&per_page={_LISTED}", until)


def _requested(environment: str, run: Run) -> Requested | None:
    if run.event != "deployment":
        return None
    return github_deployment.requested(event.payload(run), environment)
