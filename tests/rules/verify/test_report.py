"""Findings as lines, as a verdict, as JSON."""

from __future__ import annotations

import json

import pytest

from ecs_cd.model.verdict import Outcome
from ecs_cd.verify.rules import report
from ecs_cd.verify.rules.finding import not_checkable, ok, sentences, wrong

FINDINGS = [
    ok("cluster", "cluster", "is there"),
    not_checkable("service web", "task-role", "iam:GetRole is not allowed", "Allow it."),
    wrong("service web", "secrets", "there is no secret", "Create it."),
    wrong("migration", "secrets", "there is no other", "Create it."),
]


def test_a_line_has_the_state_the_subject_and_the_remedy() -> None:
    """In columns; the check is not said twice."""
    assert report.lines(FINDINGS[:3]) == [
        "ok             cluster: is there",
        "not checkable  service web, task-role: iam:GetRole is not allowed",
        "               -> Allow it.",
        "wrong          service web, secrets: there is no secret",
        "               -> Create it.",
    ]


def test_only_what_is_wrong_fails() -> None:
    """The message has the counts and the first wrong line with its remedy."""
    verdict = report.verdict(FINDINGS)
    assert verdict.outcome is Outcome.FAILED
    assert verdict.message == (
        "2 wrong, 1 not checkable, 1 ok; first: service web, secrets: there is no secret. Create it."
    )
    verdict = report.verdict(FINDINGS[:2])
    assert (verdict.outcome, verdict.message) == (Outcome.SUCCEEDED, "0 wrong, 1 not checkable, 1 ok")


def test_json_has_everything() -> None:
    """The result, the counts, and each finding with all its fields."""
    found = json.loads(report.as_json(FINDINGS, "failed"))
    assert (found["result"], found["counts"]) == ("failed", {"ok": 1, "wrong": 2, "not checkable": 1})
    assert found["findings"] == json.loads(report.findings_json(FINDINGS))
    assert found["findings"][2] == {
        "subject": "service web",
        "check": "secrets",
        "state": "wrong",
        "text": "there is no secret",
        "remedy": "Create it.",
    }


@pytest.mark.parametrize(
    ("problems", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        (["the template has 2 problems:", "x: is missing", "y: too"], ["the template: x: is missing", "the template: y: too"]),
        (["one:", "a", "two has 1 problem:", "b"], ["one: a", "two: b"]),
    ],
)  # fmt: skip
def test_each_problem_is_a_sentence_of_its_own(problems: list[str], expected: list[str]) -> None:
    """With the heading that it has among others."""
    assert list(sentences(problems)) == expected
