"""What ecs-cd reports to GitHub: each end as a state and a sentence; and which Deployments belong to which job."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_cd.ci.rules import github_deployment
from ecs_cd.ci.rules.github_deployment import Requested, Status
from ecs_cd.model.verdict import EXIT_CODES, Outcome, Verdict

RUN = "https://github.example/org/my-app/actions/runs/77"


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.SUCCEEDED, "success"),
        (Outcome.FAILED, "failure"),
        (Outcome.ROLLED_BACK, "failure"),
        (Outcome.ROLLBACK_FAILED, "failure"),
        (Outcome.TIMED_OUT, "failure"),
        (Outcome.GONE, "failure"),
        (Outcome.SUPERSEDED, "inactive"),
        (Outcome.SKIPPED, "inactive"),
        (Outcome.IN_PROGRESS, "in_progress"),
        (Outcome.PAUSED, "in_progress"),
        (Outcome.CANCELLED, "error"),
        (Outcome.UNKNOWN, "error"),
    ],
)
def test_each_outcome_has_its_state(outcome: Outcome, state: str) -> None:
    """Only what runs is a success; only what was seen to fail, a failure; the description has the verdict's words."""
    status = github_deployment.ended("Deployment", Verdict(outcome, "web:2 runs"))
    assert status == Status(state, f"Deployment {outcome.words}: web:2 runs")


def test_no_outcome_is_without_a_state() -> None:
    """A new outcome has to be thought about here too."""
    assert set(github_deployment.STATES) == set(Outcome)


def test_nothing_green_is_told_as_failed_and_nothing_red_as_a_success() -> None:
    """The job's colour and GitHub's state never contradict each other."""
    red = {state for outcome, state in github_deployment.STATES.items() if EXIT_CODES[outcome]}
    green = {state for outcome, state in github_deployment.STATES.items() if not EXIT_CODES[outcome]}
    assert "success" not in red
    assert not green & {"failure", "error"}


@pytest.mark.parametrize(
    ("code", "why", "words"),
    [
        (2, "image `app` is not in ECR", "not started: image `app` is not in ECR"),
        (8, "AWS answered DescribeServices with ExpiredToken", "the outcome is unknown: AWS answered"),
        (70, "", "a bug in ecs-cd"),
        (130, "", "cancelled"),
    ],
)
def test_without_a_verdict_it_is_an_error(code: int, why: str, words: str) -> None:
    """With what is known of the reason."""
    status = github_deployment.cut_short(code, why)
    assert status.state == "error"
    assert status.description.startswith(words)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("short", "short"),
        ("two\nlines,\tone  blank", "two lines, one blank"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("a 🐛 in it", "a in it"),
        ("x" * 140, "x" * 140),
        ("x" * 141, "x" * 139 + "…"),
        ("word " * 40, "word " * 27 + "word…"),
        ("one, " + "y" * 200, "one, " + "y" * 134 + "…"),
        ("z" * 130 + ", and more words", "z" * 130 + ", and…"),
    ],
)
def test_a_description_is_one_short_line(text: str, shown: str) -> None:
    """Cut between words if possible, without characters that GitHub's API refuses."""
    assert github_deployment.described(text) == shown


@given(st.text(max_size=400))
def test_a_description_is_one_that_github_takes(text: str) -> None:
    """Whatever the message was."""
    shown = github_deployment.described(text)
    assert len(shown) <= 140
    assert all(" " <= character <= "\uffff" for character in shown)
    shown.encode()


def test_a_deployment_is_of_the_commit_and_waits_for_nothing() -> None:
    """GitHub merges nothing into it and asks for no checks; our mark is in the payload."""
    body = github_deployment.new("c0ffee", "production", ["web", "worker"], {"run": "77"})
    assert body == {
        "ref": "c0ffee",
        "environment": "production",
        "task": "deploy",
        "auto_merge": False,
        "required_contexts": [],
        "description": "Amazon ECS: web, worker",
        "payload": {"ecs-cd": {"run": "77"}},
    }


@pytest.mark.parametrize(
    ("log_url", "url", "urls"),
    [
        (f"{RUN}/attempts/2", "https://my-app", {"log_url": f"{RUN}/attempts/2", "environment_url": "https://my-app"}),
        ("", "", {}),
    ],
)
def test_a_status_has_the_urls_that_there_are(log_url: str, url: str, urls: dict[str, str]) -> None:
    """An empty one would take a former one away."""
    body = github_deployment.status(Status("success", "done"), log_url, url)
    assert body == {"state": "success", "description": "done", **urls}


@pytest.mark.parametrize(
    ("event", "found"),
    [
        ({"deployment": {"id": 5, "environment": "production", "sha": "c0ffee"}}, Requested(5, "c0ffee")),
        ({"deployment": {"id": 5, "environment": "production", "sha": None}}, Requested(5, "")),
        ({"deployment": {"id": 5, "environment": "staging", "sha": "c0ffee"}}, None),
        ({"deployment": {"environment": "production"}}, None),
        ({"deployment": None}, None),
        ({}, None),
        ([], None),
    ],
)
def test_the_events_deployment_counts_for_its_environment(event: Any, found: Requested | None) -> None:
    """That of another environment is another's business."""
    assert github_deployment.requested(event, "production") == found


MINE = {"id": 1, "payload": {"ecs-cd": {"run": "77", "nonce": "a"}}}
FORMER = {"id": 2, "payload": '{"ecs-cd": {"run": "70", "nonce": "b"}}'}
THEIRS = [{"id": 3, "payload": {}}, {"id": 4, "payload": "no JSON"}, {"id": 5}, {"id": 6, "payload": "[" * 100_000}]


def test_ours_are_known_by_the_payload() -> None:
    """GitHub hands it back as an object or as a text."""
    every = [MINE, FORMER, *THEIRS]
    assert github_deployment.of_others(every) == [3, 4, 5, 6]
    assert github_deployment.marked(every, {"run": "77", "nonce": "a"}) == 1
    assert github_deployment.marked(every, {"run": "77", "nonce": "c"}) is None


@pytest.mark.parametrize("answer", [{}, None, "text", [1, None, {}, {"id": "1"}]], ids=str)
def test_what_is_no_list_of_deployments_holds_none(answer: Any) -> None:
    """An answer that does not come from GitHub breaks nothing."""
    assert github_deployment.of_others(answer) == []
    assert github_deployment.marked(answer, {}) is None
    assert not github_deployment.of_this_run(answer, "77")


@pytest.mark.parametrize(
    ("statuses", "this"),
    [
        ([], False),
        ([{"id": 1, "state": "in_progress", "log_url": f"{RUN}/job/9"}], True),
        ([{"id": 1, "state": "in_progress", "target_url": f"{RUN}/job/9"}], True),
        ([{"id": 1, "state": "in_progress", "log_url": RUN}], True),
        ([{"id": 1, "state": "in_progress", "log_url": f"{RUN}8/job/9"}], False),
        ([{"id": 1, "state": "in_progress", "log_url": "https://ci.example/77"}], False),
        ([{"id": 1, "state": "in_progress"}], False),
        # A job of this run that has ended, or a former attempt: GitHub's newest status is listed first, or not.
        ([{"id": 9, "state": "success", "log_url": RUN}, {"id": 1, "state": "in_progress", "log_url": RUN}], False),
        ([{"id": 1, "state": "in_progress", "log_url": RUN}, {"id": 9, "state": "failure", "log_url": RUN}], False),
        ([{"id": 1, "state": "queued", "log_url": RUN}, {"id": 2, "state": "in_progress", "log_url": RUN}], True),
        ([{"id": 1, "state": "waiting", "log_url": RUN}], True),
    ],
)
def test_a_jobs_own_is_one_of_this_run_that_is_not_over(statuses: Any, this: bool) -> None:
    """GitHub updates it from the job's result while the job runs."""
    assert github_deployment.of_this_run(statuses, "77") is this
