"""Which signers a policy allows."""

from __future__ import annotations

import re

import pytest

from ecs_cd.model.attestation import EXAMPLE, REPOSITORY, WORKFLOW, Policy

APP = "my-org/my-app"
SERVER = "https://github.com"
PIPELINE = "my-org/ecs-cd/.github/workflows/pipeline.yml"

SIGNERS = [
    # (workflows, signer, whether it may sign)
    ((), f"{APP}/.github/workflows/cd.yml@refs/heads/main", True),
    ((), "My-Org/My-App/.github/workflows/cd.yml@refs/heads/main", True),
    ((), f"{PIPELINE}@refs/tags/v1", False),
    ((), "my-org/my-app-2/.github/workflows/cd.yml@refs/heads/main", False),
    ((PIPELINE,), f"{PIPELINE}@refs/tags/v1", True),
    ((PIPELINE,), f"{PIPELINE}@refs/heads/mine", True),
    ((PIPELINE,), "My-Org/ecs-cd/.github/workflows/pipeline.yml@refs/tags/v1", True),
    ((PIPELINE,), "my-org/ecs-cd/.github/workflows/Pipeline.yml@refs/tags/v1", False),
    ((PIPELINE,), "my-org/ecs-cd/.github/workflows/pipelineXyml@refs/tags/v1", False),
    ((PIPELINE,), f"{PIPELINE}.yml@refs/tags/v1", False),
    ((PIPELINE,), f"{APP}/.github/workflows/cd.yml@refs/heads/main", False),
    ((f"{PIPELINE}@v1",), f"{PIPELINE}@refs/tags/v1", True),
    ((f"{PIPELINE}@v1",), f"{PIPELINE}@refs/heads/v1", True),
    ((f"{PIPELINE}@v1",), f"{PIPELINE}@refs/tags/v10", False),
    ((f"{PIPELINE}@v1",), PIPELINE, False),
    ((f"{PIPELINE}@refs/tags/v1",), f"{PIPELINE}@refs/tags/v1", True),
    ((f"{PIPELINE}@refs/tags/v1",), f"{PIPELINE}@refs/heads/v1", False),
    ((f"{PIPELINE}@release/2",), f"{PIPELINE}@refs/heads/release/2", True),
    ((f"{PIPELINE}@{'c0ffee' + '0' * 34}",), f"{PIPELINE}@{'c0ffee' + '0' * 34}", True),
    ((f"{APP}/.github/workflows/a.yml", PIPELINE), f"{PIPELINE}@refs/tags/v1", True),
]


@pytest.mark.parametrize(("workflows", "signer", "allowed"), SIGNERS)
def test_a_signer_is_compared_as_a_whole(workflows: tuple[str, ...], signer: str, allowed: bool) -> None:
    """Not as a pattern: only the owner's and the repository's names ignore case, and a ref may be short."""
    assert Policy(APP, workflows).allows(f"{SERVER}/{signer}", SERVER) is allowed


def test_a_signer_of_another_server_is_not_allowed() -> None:
    """A tenant of GitHub has repositories of the same names."""
    signer = f"https://other.ghe.com/{PIPELINE}@refs/tags/v1"
    assert not Policy(APP, (PIPELINE,)).allows(signer, SERVER)
    assert not Policy(APP, (PIPELINE,)).allows(f"{SERVER}.evil/{PIPELINE}@refs/tags/v1", SERVER)
    assert not Policy(APP).allows("", SERVER)


@pytest.mark.parametrize(
    ("uri", "same"),
    [
        (f"{SERVER}/{APP}", True),
        (f"{SERVER}/MY-ORG/my-app", True),
        (f"{SERVER}/{APP}-2", False),
        (f"{SERVER}/{APP}/", False),
        ("", False),
    ],
)
def test_the_repository_is_compared_as_a_whole(uri: str, same: bool) -> None:
    """A name that begins with it is another repository."""
    assert Policy(APP).of_repository(uri, SERVER) is same


@pytest.mark.parametrize(
    "text", ["", "app", "my-org/", "/app", "a/b/c", "a/..", "a/b c", "-a/b", "https://github.com/a/b"]
)
def test_what_is_no_repository_is_no_workflow_either(text: str) -> None:
    """It becomes part of URLs and command lines."""
    assert not re.fullmatch(REPOSITORY, text)
    assert not re.fullmatch(WORKFLOW, f"{text}/.github/workflows/cd.yml")


@pytest.mark.parametrize("text", [f"{APP}/cd.yml", f"{APP}/.github/workflows/", f"{PIPELINE}@", f"{PIPELINE}@a b", APP])
def test_what_is_no_workflow_is_refused(text: str) -> None:
    """A typing error must not become a policy that nothing meets."""
    assert not re.fullmatch(WORKFLOW, text)
    assert re.fullmatch(WORKFLOW, EXAMPLE)
