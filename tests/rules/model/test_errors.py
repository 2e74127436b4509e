"""Errors: several become one."""

from __future__ import annotations

import pytest

from ecs_cd.model.errors import Refused, checked


def refuse(*problems: str, remedy: str = "") -> None:
    raise Refused(problems, remedy)


def test_checks_report_all_their_problems_at_once() -> None:
    """Each problem and each remedy once, in the order of the checks."""
    with pytest.raises(Refused) as refused:
        checked(lambda: refuse("a", "b", remedy="x"), lambda: 1, lambda: refuse("b", "c", remedy="x"))
    assert refused.value.problems == ("a", "b", "c")
    assert refused.value.remedy == "x"


def test_checks_without_problems_return_their_results() -> None:
    """In their order; another error is no refusal."""
    assert checked(lambda: 1, lambda: None) == [1, None]
    with pytest.raises(ZeroDivisionError):
        checked(lambda: 1 // 0, lambda: refuse("a"))
