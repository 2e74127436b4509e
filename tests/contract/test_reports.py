"""The samples in docs/reference/reports.md are what the verbs tell."""

from __future__ import annotations

import difflib

from tests.contract import reports


def test_the_samples_are_what_is_told() -> None:
    """After a change of words the page changes as well."""
    text = reports.PAGE.read_text(encoding="utf-8")
    wanted = reports.page(text)
    remedy = "docs/reference/reports.md is stale; run PYTHONPATH=src .venv/bin/python -m tests.contract.reports"
    assert text == wanted, "\n".join([remedy, *difflib.ndiff(text.splitlines(), wanted.splitlines())])
