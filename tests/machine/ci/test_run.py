"""The identity of a run, from its environment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecs_cd.ci.run import identify
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
