"""The identity of this run, from the CI system's environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from ecs_cd.model import console
from ecs_cd.model.run import Run


def on_github(environ: Mapping[str, str]) -> bool:
    """Whether this is a job of GitHub Actions, on any runner, or of act."""
    return environ.get("GITHUB_ACTIONS") == "true"


def on_codebuild(environ: Mapping[str, str]) -> bool:
    """Whether this is a build of CodeBuild. On a runner of GitHub that CodeBuild hosts, the run is GitHub's."""
    return bool(environ.get("CODEBUILD_BUILD_ID")) and not on_github(environ)


def identify(environ: Mapping[str, str]) -> Run:
    """The run that this process belongs to."""
    return _of_codebuild(environ) if on_codebuild(environ) else _of_github(environ)


def workspaces(environ: Mapping[str, str]) -> list[str]:
    """The folders with what comes from repositories; empty if the CI system names none."""
    if on_codebuild(environ):
        names = [name for name in environ if name == "CODEBUILD_SRC_DIR" or name.startswith("CODEBUILD_SRC_DIR_")]
    else:
        names = ["GITHUB_WORKSPACE"]
    return [folder for name in names if (folder := environ.get(name))]


# ---- GitHub ----


def _of_github(environ: Mapping[str, str]) -> Run:
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
        on_github=on_github(environ),
        under_act=environ.get("ACT") == "true",
        github_cache=_has_github_cache(environ),
    )


def _url(environ: Mapping[str, str], server: str, repository: str) -> str:
    """The URL of this attempt of this run; empty outside GitHub Actions."""
    run = environ.get("GITHUB_RUN_ID", "")
    attempt = environ.get("GITHUB_RUN_ATTEMPT") or "1"
    return f"{server}/{repository}/actions/runs/{run}/attempts/{attempt}" if run else ""


def _has_github_cache(environ: Mapping[str, str]) -> bool:
    """GitHub sets these only for JavaScript actions, not for a `run` step such as ecs-cd's."""
    where = environ.get("ACTIONS_RESULTS_URL") or environ.get("ACTIONS_CACHE_URL")
    return bool(environ.get("ACTIONS_RUNTIME_TOKEN") and where)


# ---- CodeBuild ----


def _of_codebuild(environ: Mapping[str, str]) -> Run:
    """A retried build is a new build, so there are no attempts."""
    commit = environ.get("CODEBUILD_RESOLVED_SOURCE_VERSION", "")
    repository, url = _repository(environ.get("CODEBUILD_SOURCE_REPO_URL", ""))
    return Run(
        commit=commit if re.fullmatch("[0-9a-f]{40}", commit) else "",  # of an object or an image it is no commit
        commit_variable="CODEBUILD_RESOLVED_SOURCE_VERSION",
        id=environ["CODEBUILD_BUILD_ID"],
        job=environ["CODEBUILD_BUILD_ID"].partition(":")[0],
        repository=repository,
        repository_url=url,
        url=_build_url(environ.get("CODEBUILD_BUILD_ARN", "")),
        actor=environ.get("CODEBUILD_INITIATOR", ""),
        on_codebuild=True,
    )


def _repository(address: str) -> tuple[str, str]:
    """The repository's path, and its URL without credentials; both empty for a source of CodePipeline or S3."""
    try:
        url = urlsplit(address)
    except ValueError:
        return "", ""
    if url.scheme not in ("https", "http") or not url.hostname:
        return "", ""
    path = url.path.strip("/").removesuffix(".git")
    return path, f"{url.scheme}://{url.netloc.rpartition('@')[2]}/{path}"


def _build_url(arn: str) -> str:
    """The build's page in the console, from ``arn:PARTITION:codebuild:REGION:ACCOUNT:build/PROJECT:ID``."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or not parts[5].startswith("build/"):
        return ""
    _, partition, _, region, account, build = parts
    build = build.removeprefix("build/")
    project = quote(build.partition(":")[0], safe="")
    path = f"codesuite/codebuild/{account}/projects/{project}/build/{quote(build, safe='')}"
    return f"https://{console.host(region, partition)}/{path}/?region={region}"
