"""The startedBy of ecs-cd's tasks says whose they are and what they do."""

from __future__ import annotations

import re

import pytest

from ecs_cd.model.run import NOWHERE, Run
from ecs_cd.tasks.rules import origin
from ecs_cd.tasks.rules.origin import NOT_KNOWN

SHA = "c0ffee" + "0" * 34
RUN = Run(id="100", attempt="1", job="deploy", step="/a", repository="org/app", on_github=True)
TOKEN = "f" * 64


@pytest.mark.parametrize("commit", [SHA, "a" * 64, ""])
@pytest.mark.parametrize("run", [RUN, Run(id="9" * 20, attempt="12345", job="x" * 200, on_github=True), NOWHERE])
def test_a_started_by_can_be_read_again(commit: str, run: Run) -> None:
    """It has at most the 128 characters that ECS takes, and no others than it takes."""
    own = origin.of(run, "nonce", commit, {"image": "a@sha256:b"})
    text = origin.started_by(own, TOKEN)
    assert re.fullmatch(r"[A-Za-z0-9/_-]{1,128}", text)
    assert origin.read(text) == own


@pytest.mark.parametrize("text", ["ecs-cd/abc", "ecs-cd/" + "f" * 64, "ecs-cd/", "ecs-cd/a/b/c/d/e/f"])
def test_what_another_release_wrote_is_ecs_cds_and_no_more_is_known(text: str) -> None:
    """It is never the same work, whatever it was."""
    found = origin.read(text)
    assert found == NOT_KNOWN
    assert not origin.of(RUN, "nonce", "", [1]).same_work(NOT_KNOWN)


@pytest.mark.parametrize("text", ["", "ecs-svc/1", "GitHub-Actions", "my-ecs-cd/a/b/c/d/e"])
def test_what_ecs_cd_did_not_start_has_no_origin(text: str) -> None:
    """Only the prefix counts."""
    assert origin.read(text) is None


@pytest.mark.parametrize(
    ("other", "nonce", "commit", "work", "same_work", "later"),
    [
        (RUN, "another", SHA, [1], True, False),
        (Run(**{**vars(RUN), "attempt": "2"}), "another", SHA, [1], True, True),
        (Run(**{**vars(RUN), "attempt": "2", "step": "/b"}), "another", SHA, [1], True, True),
        (Run(**{**vars(RUN), "id": "101"}), "another", SHA, [1], True, False),
        (Run(**{**vars(RUN), "job": "migrate"}), "another", SHA, [1], True, False),
        (Run(**{**vars(RUN), "attempt": "2"}), "another", "beef" * 10, [1], False, True),
        (Run(**{**vars(RUN), "attempt": "2"}), "another", SHA, [2], False, True),
        (Run(**{**vars(RUN), "under_act": True, "attempt": "2"}), "another", SHA, [1], True, False),
        (NOWHERE, "another", SHA, [1], True, False),
    ],
)
def test_two_origins(other: Run, nonce: str, commit: str, work: list[int], same_work: bool, later: bool) -> None:
    """The same work is that of the same commit; the same run is that of the same job, in any attempt."""
    own, found = origin.of(other, nonce, commit, work), origin.of(RUN, "nonce", SHA, [1])
    assert (own.same_work(found), own.later_attempt(found)) == (same_work, later)


def test_a_process_outside_of_a_run_is_no_other_attempt() -> None:
    """Its nonce is its own; two attempts of one process do not exist."""
    assert not origin.of(NOWHERE, "a", SHA, [1]).later_attempt(origin.of(NOWHERE, "a", SHA, [1]))
