"""The commit that is deployed to an environment, as GitHub Deployments have it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import replace
from urllib.parse import quote

from ecs_cd.ci import github_api
from ecs_cd.ci.github_api import Api, NotAsked, Remedies
from ecs_cd.ci.rules import github_deployment
from ecs_cd.ci.rules.github_deployment import Requested
from ecs_cd.model import pace
from ecs_cd.model.clock import Clock
from ecs_cd.model.errors import Refused, Unreadable
from ecs_cd.model.references import COMMIT
from ecs_cd.model.run import Run

_LOOKED_INTO = 5  # Deployments, newest first: those after the deployed one have failed, or have not ended
_REMEDIES = Remedies(
    "Is the input github-token a token for this GitHub server, and still valid?",
    "Give the job `permissions: deployments: read`; in a reusable workflow, the caller's job as well.",
    "Is the environment's name valid?",
)


def newest(environ: Mapping[str, str], run: Run, token: str, environment: str, clock: Clock) -> str:
    """The commit of the environment's newest Deployment whose status is `success`; at most six calls.

    https://docs.github.com/en/rest/deployments/statuses: GitHub sets earlier ones to `inactive`. Raises ``Refused`` if
    there is none among the newest, if it asks for a continuation or a rollback, and if GitHub can't be asked, refuses
    or doesn't answer.
    """
    try:
        api = replace(github_api.connect(environ, run, token, clock), remedies=_REMEDIES)
    except NotAsked as why:
        raise Refused(f"GitHub can't be asked: {why}", "Set the input sha to the commit that should run.") from None
    # A thread, because slow name resolution and a trickling response have no timeout, but waiting for a thread does.
    asked = ThreadPoolExecutor(max_workers=1).submit(_newest, api, environment, clock.monotonic() + pace.GITHUB_WAIT)
    try:
        return asked.result(pace.GITHUB_WAIT)
    except TooLate:
        late = f"GitHub's API has not answered within {pace.GITHUB_WAIT:g} seconds"
        raise Refused(late, "Run verify again.") from None


def _newest(api: Api, environment: str, until: float) -> str:
    try:
        answer = api.get(f"deployments?environment={quote(environment, safe='')}&per_page={_LOOKED_INTO}", until)
        for each in github_deployment.listed(answer):
            if github_deployment.is_success(api.get(f"deployments/{each.id}/statuses", until)):
                return _checked(each, environment)
    except Unreadable as error:
        raise Refused(str(error), "Run verify again.") from error
    raise Refused(
        f"none of the {_LOOKED_INTO} newest GitHub Deployments to {environment} has succeeded",
        "Correct the input environment, or set the input sha to the commit that should run.",
    )


def _checked(found: Requested, environment: str) -> str:
    """The commit of what asks for a continuation or a rollback is only where GitHub has taken the workflow from."""
    newest = f"the newest successful GitHub Deployment to {environment}"
    if found.task in ("continue", "rollback"):
        raise Refused(f"{newest} asks for {found.task}, so it doesn't say which commit runs", "Set the input sha.")
    if not COMMIT.fullmatch(found.commit):
        raise Refused(f"{newest} names no commit", "Set the input sha.")
    return found.commit
