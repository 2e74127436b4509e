"""The identity of a run, from its environment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecs_cd.ci.run import identify, workspaces
from ecs_cd.model.run import NOWHERE


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"GITHUB_RUN_ID": "7", "GITHUB_REPOSITORY": "o/r"}, "https://github.com/o/r/actions/runs/7/attempts/1"),
        (
            {
                "GITHUB_RUN_ID": "7",
                "GITHUB_RUN_ATTEMPT": "3",
                "GITHUB_REPOSITORY": "o/r",
                "GITHUB_SERVER_URL": "https://ghes",
            },
            "https://ghes/o/r/actions/runs/7/attempts/3",
        ),
        ({"GITHUB_REPOSITORY": "o/r"}, ""),
    ],
)
def test_the_log_is_that_of_this_attempt(environ: dict[str, str], url: str) -> None:
    """Another attempt has another log; outside of a run there is no log."""
    assert identify(environ).url == url


@pytest.mark.parametrize(
    ("environ", "there"),
    [
        ({"ACTIONS_RUNTIME_TOKEN": "t", "ACTIONS_RESULTS_URL": "https://results"}, True),
        ({"ACTIONS_RUNTIME_TOKEN": "t", "ACTIONS_CACHE_URL": "https://cache"}, True),
        ({"ACTIONS_RUNTIME_TOKEN": "t"}, False),
        ({"ACTIONS_RESULTS_URL": "https://results"}, False),
    ],
)
def test_the_cache_takes_a_token_and_an_address(environ: dict[str, str], there: bool) -> None:
    """Of the newer service or the older; the token itself is not in a run, which may be shown."""
    assert identify(environ).github_cache is there
    assert "'t'" not in repr(identify(environ))


def test_outside_of_a_ci_system_nothing_is_known() -> None:
    """But what the commit would be called."""
    assert identify({}) == replace(NOWHERE, commit_variable="GITHUB_SHA")


ARN = "arn:aws:codebuild:eu-west-1:123456789012:build/my-app:1b2c"
CODEBUILD = {
    "CODEBUILD_BUILD_ID": "my-app:1b2c",
    "CODEBUILD_BUILD_ARN": ARN,
    "CODEBUILD_INITIATOR": "codepipeline/my-app-deploy",
    "CODEBUILD_RESOLVED_SOURCE_VERSION": "c0ffee" + "0" * 34,
    "CODEBUILD_SOURCE_REPO_URL": "https://github.com/me/app.git",
    "CODEBUILD_SRC_DIR": "/codebuild/src",
    "CODEBUILD_SRC_DIR_Infra": "/codebuild/infra",
}


def test_a_build_is_a_run() -> None:
    """Each try has its own id, so there are no attempts."""
    run = identify(CODEBUILD)
    assert run == replace(
        NOWHERE,
        commit="c0ffee" + "0" * 34,
        commit_variable="CODEBUILD_RESOLVED_SOURCE_VERSION",
        id="my-app:1b2c",
        job="my-app",
        repository="me/app",
        repository_url="https://github.com/me/app",
        url="https://eu-west-1.console.aws.amazon.com/codesuite/codebuild/123456789012/projects/my-app/build/"
        "my-app%3A1b2c/?region=eu-west-1",
        actor="codepipeline/my-app-deploy",
        on_codebuild=True,
    )
    assert (run.is_unique, run.is_rerun) == (True, False)


def test_a_runner_of_github_that_codebuild_hosts_is_githubs() -> None:
    """It has the variables of both."""
    github = {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "7", "GITHUB_SHA": "a" * 40, "GITHUB_WORKSPACE": "/w"}
    assert identify({**CODEBUILD, **github}) == identify(github)
    assert workspaces({**CODEBUILD, **github}) == ["/w"]


@pytest.mark.parametrize(
    "version", ["", "arn:aws:s3:::b/k", "sha256:" + "0" * 64, "0" * 64, "refs/heads/main", "A" * 40]
)
def test_a_version_that_is_no_commit_is_none(version: str) -> None:
    """CodePipeline gives the version of its source, which may be an object or an image."""
    assert identify({**CODEBUILD, "CODEBUILD_RESOLVED_SOURCE_VERSION": version}).commit == ""


@pytest.mark.parametrize(
    ("address", "repository", "url"),
    [
        ("https://me:hunter2@git.example/me/app", "me/app", "https://git.example/me/app"),
        ("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app", "v1/repos/app", None),
        ("", "", ""),
        ("bucket/key.zip", "", ""),
        ("arn:aws:s3:::bucket/key.zip", "", ""),
        ("https://[", "", ""),
    ],
)
def test_the_repository_is_a_url_without_credentials(address: str, repository: str, url: str | None) -> None:
    """It becomes a label of an image."""
    run = identify({**CODEBUILD, "CODEBUILD_SOURCE_REPO_URL": address})
    assert (run.repository, run.repository_url) == (repository, address if url is None else url)


@pytest.mark.parametrize(
    ("arn", "host"),
    [
        (ARN, "eu-west-1.console.aws.amazon.com"),
        (ARN.replace("arn:aws:", "arn:aws-cn:"), "console.amazonaws.cn"),
        (ARN.replace("arn:aws:", "arn:aws-us-gov:"), "console.amazonaws-us-gov.com"),
        ("", ""),
        ("arn:aws:codebuild:eu-west-1:1:project/x", ""),
    ],
)
def test_a_builds_log_is_in_the_console_of_its_partition(arn: str, host: str) -> None:
    """Without an ARN there is no link."""
    assert identify({**CODEBUILD, "CODEBUILD_BUILD_ARN": arn}).url.removeprefix("https://").partition("/")[0] == host


def test_every_source_of_a_build_is_a_workspace() -> None:
    """What is in it comes from a repository, so nothing of it is run."""
    assert workspaces(CODEBUILD) == ["/codebuild/src", "/codebuild/infra"]
    assert workspaces({"CODEBUILD_BUILD_ID": "x:1"}) == []
    assert workspaces({}) == []
