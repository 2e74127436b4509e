"""A build's verbs as JUnit XML."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_cd.ci.rules import junit, report_files
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.model.verdict import Outcome
from ecs_cd.report.summary import NOT_STARTED, UNDER_WAY, Part


def xml(*parts: Part, verb: str = "deploy") -> Any:
    return ElementTree.fromstring(junit.text([report_files.entry("1", verb, parts, {})]))


@pytest.mark.parametrize(
    ("part", "tag", "message"),
    [
        (Part("x", Outcome.SUCCEEDED, "fine"), "", ""),
        (Part("x", Outcome.IN_PROGRESS, "started"), "", ""),
        (Part("x", Outcome.SKIPPED, "no migration"), "skipped", "no migration"),
        (Part("x", UNDER_WAY), "error", "under way: the process was killed before it could report more"),
        (Part("x", NOT_STARTED, findings=[Finding("", ("sha: bad",))]), "failure", "not started: sha: bad"),
        (Part("x", Outcome.TIMED_OUT, "after 1 h"), "failure", "timed out: after 1 h"),
        (Part("x", Outcome.FAILED, "m", findings=[Finding("c", ("e",), "n")]), "failure", "failed: c"),
        (Part("x", Outcome.CANCELLED), "failure", "cancelled"),
    ],
)
def test_a_part_is_a_test_case(part: Part, tag: str, message: str) -> None:
    """What did not go well is its failure, with the cause; what a killed process left is an error."""
    (case,) = xml(part).iter("testcase")
    assert (case.get("classname"), case.get("name")) == ("ecs-cd deploy", "x")
    assert [(each.tag, each.get("message")) for each in case] == ([(tag, message)] if tag else [])


def test_a_failure_has_everything_that_is_known() -> None:
    """The verdict, the cause, the evidence without colours, and the next step."""
    part = Part("x", Outcome.FAILED, "m", findings=[Finding("c", ("\x1b[31me\x1b[0m", "f"), "n")])
    assert xml(part).findtext(".//failure") == "failed: m\nc\ne\nf\n-> n"


def test_the_suite_counts_them() -> None:
    """One suite per verb; times are in seconds."""
    suite = xml(
        Part("a", Outcome.SUCCEEDED, elapsed=9.5),
        Part("b", Outcome.FAILED),
        Part("c", Outcome.SKIPPED),
        Part("d", UNDER_WAY),
        verb="migrate",
    ).find("testsuite")
    counts = {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    assert suite.attrib == {"name": "ecs-cd migrate", **counts}
    assert suite.find("testcase").get("time") == "9.500"


def test_no_verb_is_valid_as_well() -> None:
    """Before anything is reported."""
    assert ElementTree.fromstring(junit.text([])).tag == "testsuites"


@given(st.text(st.characters(exclude_categories=())))
def test_every_text_makes_valid_xml(text: str) -> None:
    """XML 1.0 has no control characters, no half surrogates, no U+FFFE; quotes and tags are no markup."""
    hostile = f'"<![CDATA[]]>&{text}\x00\x1b\ud800\ufffe\uffff'
    part = Part(f"t{hostile}", Outcome.FAILED, hostile, findings=[Finding(hostile, (hostile,), hostile)])
    written = junit.text([report_files.entry("1", hostile, [part], {})]).encode()
    root = ElementTree.fromstring(written)
    assert [each.tag for each in root.iter()] == ["testsuites", "testsuite", "testcase", "failure"]
