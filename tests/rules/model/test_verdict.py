"""The words of outcomes, their exit codes, and one verdict on several services."""

from __future__ import annotations

import pytest

from ecs_cd.model.verdict import EXIT_CODES, Outcome, Verdict, combined

GREEN = (Outcome.SUCCEEDED, Outcome.IN_PROGRESS, Outcome.SKIPPED)


def test_every_outcome_has_an_exit_code_of_its_own_and_only_good_ones_are_zero() -> None:
    """A script can distinguish the outcomes by the exit code."""
    bad = [code for outcome, code in EXIT_CODES.items() if outcome not in GREEN]
    assert set(EXIT_CODES) == set(Outcome)
    assert 0 not in bad
    assert len(set(bad)) == len(bad)
    assert all(outcome.green is (outcome in GREEN) for outcome in Outcome)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ("succeeded succeeded", "succeeded"),
        ("succeeded in-progress", "in-progress"),
        ("succeeded paused", "paused"),
        ("paused superseded", "superseded"),
        ("rolled-back succeeded", "rolled-back"),
        ("rolled-back timed-out", "timed-out"),
        ("failed rolled-back", "failed"),
        ("unknown timed-out", "unknown"),
        ("gone unknown", "gone"),
        ("failed rollback-failed", "rollback-failed"),
    ],
)
def test_of_several_services_the_worst_counts(outcomes: str, expected: str) -> None:
    """In any order; a single failure fails the whole."""
    words = outcomes.split()
    for order in (words, words[::-1]):
        verdicts = {str(number): Verdict(Outcome(word), "m") for number, word in enumerate(order)}
        assert combined(verdicts).outcome is Outcome(expected)


def test_every_outcome_can_be_compared() -> None:
    """A new one has to be given its place."""
    good = Verdict(Outcome.SUCCEEDED, "")
    for outcome in Outcome:
        assert combined({"a": Verdict(outcome, ""), "b": good}).outcome is outcome


def test_one_service_is_told_as_it_is_and_several_by_their_names() -> None:
    """The message says which service failed, and how."""
    ok, bad = Verdict(Outcome.SUCCEEDED, "1 of 1 running"), Verdict(Outcome.FAILED, "boom")
    assert combined({"web": bad}) == bad
    assert combined({"web": ok, "worker": ok}).message == "web: 1 of 1 running; worker: 1 of 1 running"
    assert combined({"web": ok, "worker": bad}).message == "web succeeded: 1 of 1 running; worker failed: boom"
