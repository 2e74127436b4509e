"""Which variables a child process gets."""

from __future__ import annotations

import pytest

from ecs_cd.ci.rules import child_environment
from ecs_cd.ci.rules.child_environment import AWS

ENVIRON = dict.fromkeys(
    [
        "PATH", "HOME", "DOCKER_HOST", "HTTPS_PROXY", "MY_TOKEN", "GITHUB_SHA", "ACTIONS_RESULTS_URL", "LC_ALL",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_RUNTIME_TOKEN", "GH_TOKEN",
        "GITHUB_TOKEN", "AWS_SESSION_TOKEN", "AWS_REGION", "INPUT_SECRETS", "GIT_DIR", "GIT_CONFIG_GLOBAL",
        "ECS_CD_NONCE",
    ],
    "x",
)  # fmt: skip


@pytest.mark.parametrize(
    ("needed", "more"),
    [
        ((), set()),
        (("ACTIONS_RUNTIME_TOKEN",), {"ACTIONS_RUNTIME_TOKEN"}),
        ((AWS,), {"AWS_SESSION_TOKEN", "AWS_REGION"}),
        (("AWS_REGION", "INPUT_SECRETS", "NOPE"), {"AWS_REGION", "INPUT_SECRETS"}),
        (("AWS", "GITHUB"), set()),
    ],
)
def test_credentials_are_left_out_unless_they_are_needed(needed: tuple[str, ...], more: set[str]) -> None:
    """By name, or by a prefix; everything else is the caller's and stays."""
    always = {
        "PATH", "HOME", "DOCKER_HOST", "HTTPS_PROXY", "MY_TOKEN", "GITHUB_SHA", "ACTIONS_RESULTS_URL", "LC_ALL", "GIT_DIR",
        "GIT_CONFIG_GLOBAL",
    }  # fmt: skip
    assert set(child_environment.without_credentials(ENVIRON, needed)) == always | more


def test_git_gets_what_it_needs_and_nothing_else() -> None:
    """The user's configuration, the language and PATH."""
    assert set(child_environment.for_git(ENVIRON)) == {"PATH", "HOME", "LC_ALL", "GIT_CONFIG_GLOBAL"}
