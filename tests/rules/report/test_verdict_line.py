"""The verdict as a line of a log: complete, small, and of nobody else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.model.verdict import Outcome
from ecs_cd.report import verdict_line
from ecs_cd.report.summary import NOT_STARTED, Part
from ecs_cd.report.verdict_line import LARGEST, PREFIX, VerdictLine, compose, find

BUILD = "my-app-deploy:1b2c"
NONCE = "0123456789abcdef" * 2
FAILED = Part(
    "Deployment",
    Outcome.ROLLED_BACK,
    "web rolled back",
    facts={"cluster": "c"},
    findings=(Finding("container `app` exited with 3", ("task dead", "KeyError: 'é'"), "See its log."),),
)
GREEN = Part("Migration", Outcome.SUCCEEDED, "container `app` exited with 0")


def line(**changes: Any) -> str:
    """A line as another release may write it."""
    content = {"version": 1, "build": BUILD, "nonce": NONCE, "verb": "deploy", "parts": [], **changes}
    return f"{PREFIX} {json.dumps(content)}"


@pytest.mark.parametrize(
    "parts", [[], [GREEN], [GREEN, FAILED], [Part("deploy", NOT_STARTED, findings=(Finding(""),))]]
)
def test_what_is_written_is_read(parts: Sequence[Part]) -> None:
    """Among other lines, whether they end in line feeds or not."""
    written = compose("deploy", parts, BUILD, NONCE)
    assert written.isascii() and "\n" not in written
    log = ["before\n", f"{written}\n", "[Container] Phase complete: BUILD State: FAILED\n"]
    assert find(log, BUILD, NONCE) == VerdictLine("deploy", tuple(parts))
    assert find(["".join(log)], BUILD) == VerdictLine("deploy", tuple(parts))


@pytest.mark.parametrize(
    ("lines", "verb"),
    [
        ([line(verb="migrate"), line()], "deploy"),
        ([line(), line(build="other:1")], "deploy"),
        ([line(), line(nonce="f" * 32)], "deploy"),
        ([line(), line(nonce="")], "deploy"),
        (
            [line(), f" {line(verb='x')}", f"  | {line(verb='x')}", f"a {line(verb='x')}", f"a\r{line(verb='x')}"],
            "deploy",
        ),
        ([line(), f"\ufeff{line(verb='x')}", line(verb="x").upper()], "deploy"),
        ([line(version=2, parts=[{"title": "Deployment", "outcome": "failed", "newer": []}], newer={})], "deploy"),
        ([line(), PREFIX, f"{PREFIX} null", f"{PREFIX} 7", f"{PREFIX} {{", f"{PREFIX} \ud800"], "deploy"),
        ([line(), f"{PREFIX} {'[' * 60_000}", f"{PREFIX} {'9' * 60_000}", f'{PREFIX} {{"a":' + "[" * 9_999], "deploy"),
        ([line(), line(verb="x" * 70_000)], "deploy"),
        ([line(), line(verb=7), line(parts={}), line(version="1"), line(version=0), line(version=True)], "deploy"),
        ([line(), line(version=None)], "deploy"),
        (["", "nothing"], None),
        ([line(build="other:1")], None),
        ([line(nonce="")], None),
    ],
)
def test_only_the_last_of_this_build_counts(lines: list[str], verb: str | None) -> None:
    """With the nonce, at the start of a line, readable; the rest is skipped."""
    found = find(lines, BUILD, NONCE)
    assert (found and found.verb) == verb


def test_without_a_nonce_the_build_alone_decides() -> None:
    """A person started the pipeline, or it declares no variable for a nonce."""
    assert find([line(nonce="")], BUILD) is not None
    assert find([line()], BUILD) is not None


@pytest.mark.parametrize("text", ["none", "", "#{variables.ECS_CD_NONCE}", "A" * 32, "0" * 31, "0" * 33, "é" * 32])
def test_everything_else_is_no_nonce(text: str) -> None:
    """The pipeline's default, and what CodePipeline has not replaced."""
    assert verdict_line.nonce_in(text) == ""
    assert json.loads(compose("deploy", [], BUILD, text).removeprefix(PREFIX))["nonce"] == ""


LONG = "\U0001f600" * 5000  # twelve bytes each


@pytest.mark.parametrize(
    "parts",
    [
        [replace(FAILED, findings=[Finding("cause", tuple(LONG for _ in range(500)), "next")])],
        [replace(FAILED, findings=[Finding(LONG, (LONG,), LONG)] * 200)],
        [replace(FAILED, title=LONG, message=LONG, facts={LONG: LONG, "a": LONG})],
        [replace(FAILED, facts={str(number): LONG for number in range(1000)})],
        [replace(FAILED, title=f"Task {number}", message=LONG) for number in range(300)],
    ],
)
def test_a_line_is_never_larger(parts: Sequence[Part]) -> None:
    """And has the outcome in any case."""
    written = compose("deploy", parts, BUILD, NONCE)
    assert len(written) <= LARGEST
    found = find([written], BUILD, NONCE)
    assert found is not None and found.parts[-1].state is Outcome.ROLLED_BACK


def test_long_evidence_goes_first() -> None:
    """Its first line says what stopped, its last lines why; words and facts stay."""
    lines = tuple(f"{number}: {'x' * 400}" for number in range(1000))
    (finding,) = FAILED.findings
    part = replace(FAILED, findings=[replace(finding, evidence=lines)])
    found = find([compose("deploy", [GREEN, part], BUILD, NONCE)], BUILD)
    assert found is not None
    assert found.parts[0] == GREEN
    assert (found.parts[1].message, found.parts[1].facts) == (FAILED.message, FAILED.facts)
    (shown,) = found.parts[1].findings
    assert (shown.cause, shown.next_step) == (finding.cause, finding.next_step)
    assert shown.evidence[0].startswith("0: ") and shown.evidence[1] == "…" and shown.evidence[-1].startswith("999: ")


def test_of_many_parts_the_bad_one_stays() -> None:
    """Whatever came after it."""
    parts = [FAILED, *(replace(GREEN, title=f"Task {number}", message="x" * 90) for number in range(200))]
    found = find([compose("migrate", parts, BUILD, NONCE)], BUILD)
    assert found is not None
    assert found.parts[0].title == "Deployment"


@pytest.mark.parametrize(
    ("text", "shown"),
    [(line(), f"| {line()}"), ("ecs-cd-verdict:", "| ecs-cd-verdict:"), (f" {line()}", f" {line()}"), ("x", "x")],
)
def test_a_line_of_others_is_made_inert(text: str, shown: str) -> None:
    """Only the start of a line matters."""
    assert verdict_line.inert(text) == shown
    assert find([verdict_line.inert(text)], BUILD) is None


@given(st.lists(st.text() | st.text().map(lambda text: PREFIX + text) | st.builds(line, parts=st.lists(st.text()))))
def test_nothing_breaks_the_reader(lines: list[str]) -> None:
    """Every log has a verdict or none."""
    found = find(lines, BUILD, NONCE)
    assert found is None or found.verb == "deploy"
