"""The identity of this run, from the CI system's environment."""

from __future__ import annotations

from collections.abc import Mapping

from ecs_cd.model.run import Run


def identify(environ: Mapping[str, str]) -> Run:
    """The run that this process belongs to."""
    repository, server = environ.get("GITHUB_REPOSITORY", ""), environ.get("GITHUB_SERVER_URL", "")
    return Run(
        commit=environ.get("GITHUB_SHA", ""),
        commit_variable="GITHUB_SHA",
        id=environ.get("GITHUB_RUN_ID", ""),
        attempt=environ.get("GITHUB_RUN_ATTEMPT", ""),
        job=environ.get("GITHUB_JOB", ""),
        # Identifies the step by its output file: inside an action, GITHUB_ACTION is the same for each use.
        step=environ.get("GITHUB_OUTPUT", ""),
        repository=repository,
        repository_url=f"{server}/{repository}" if server and repository else "",
        url=_url(environ, server or "https://github.com", repository),
        actor=environ.get("GITHUB_ACTOR", ""),
        event=environ.get("GITHUB_EVENT_NAME", ""),
        event_path=environ.get("GITHUB_EVENT_PATH", ""),
        on_github=environ.get("GITHUB_ACTIONS") == "true",
        under_act=environ.get("ACT") == "true",
        github_cache=_has_github_cache(environ),
    )


def workspace(environ: Mapping[str, str]) -> str:
    """The folder that the run checks the repository out to; empty if the CI system names none."""
    return environ.get("GITHUB_WORKSPACE", "")


def _url(environ: Mapping[str, str], server: str, repository: str) -> str:
    """The URL of this attempt of this run; empty outside GitHub Actions."""
    run = environ.get("GITHUB_RUN_ID", "")
    attempt = environ.get("GITHUB_RUN_ATTEMPT") or "1"
    return f"{server}/{repository}/actions/runs/{run}/attempts/{attempt}" if run else ""


def _has_github_cache(environ: Mapping[str, str]) -> bool:
    """GitHub sets these only for JavaScript actions, not for a `run` step such as ecs-cd's."""
    where = environ.get("ACTIONS_RESULTS_URL") or environ.get("ACTIONS_CACHE_URL")
    return bool(environ.get("ACTIONS_RUNTIME_TOKEN") and where)
