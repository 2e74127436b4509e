"""The job summary: readable, and nothing in it is read as markup that others wrote."""

from __future__ import annotations

import re

import pytest

from ecs_cd.core import report
from ecs_cd.core.diagnosis import Finding
from ecs_cd.core.verdict import Outcome

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:x)",
    "![x](https://host/pixel.png)",
    "**bold** _it_ `code`",
    "a | b | c",
    "# heading",
    "> quote",
    "one\n\n# two",
    "back\\slash",
]


def section(**changes: object) -> str:
    asked: dict[str, object] = {"message": "it failed", "elapsed": 12, "facts": {"image": "r@sha256:1"}, "findings": ()}
    return report.verb("Deployment", Outcome.FAILED, **{**asked, **changes})  # type: ignore[arg-type]


def test_a_section_is_the_verdict_the_facts_and_the_causes() -> None:
    """In the order in which a reader asks."""
    finding = Finding("it ran out of memory", ("task 1: killed", "last words"), "Raise `memory`.")
    assert section(findings=[finding]).splitlines() == [
        "### ❌ Deployment: failed",
        "",
        "it failed",
        "",
        "| | |",
        "|---|---|",
        "| image | `r@sha256:1` |",
        "| duration | 12 s |",
        "",
        "**it ran out of memory**",
        "",
        "```text",
        "task 1: killed",
        "last words",
        "```",
        "",
        "Raise \\`memory\\`.",
    ]


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_its_words_and_a_sign(outcome: Outcome) -> None:
    """Green only what is good."""
    heading = report.verb("X", outcome, "", elapsed=0, facts={}).splitlines()[0]
    signs = {Outcome.SUCCEEDED: "✅", Outcome.SKIPPED: "⏭️", Outcome.IN_PROGRESS: "⏳", Outcome.PAUSED: "⏸️"}
    sign = signs.get(outcome, "❌")
    assert heading == f"### {sign} X: {outcome.words}"


def test_texts_come_last_and_in_a_fence() -> None:
    """A difference is shown as it is, under its title."""
    written = report.verb(
        "X", Outcome.SKIPPED, "", elapsed=0, facts={}, texts={"web: what would change": ["~ cpu: 1 -> 2"]}
    )
    assert written.endswith("**web: what would change**\n\n```text\n~ cpu: 1 -> 2\n```\n")


def test_empty_facts_are_left_out_and_lines_are_broken() -> None:
    """Several images are one fact."""
    text = section(facts={"commit": "", "images": "app: a\nproxy: b"})
    assert "commit" not in text
    assert "| images | `app: a`<br>`proxy: b` |" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_sentences_of_others_are_plain_text(text: str) -> None:
    """No HTML, link, picture or table of theirs; on one line each."""
    for written in (
        section(message=text),
        section(findings=[Finding(text)]),
        section(findings=[Finding("x", (), text)]),
        report.without_verdict("deploy", "not begun", ["x"], text),
    ):
        plain = [line for line in written.splitlines() if not line.startswith(("###", "| ", "|-", "**x", "```"))]
        prose = re.sub(r"\\.", "", "\n".join(plain).replace("**", ""))
        assert not re.search(r"[<>\[\]`*_|#]", prose), prose
        assert " ".join(text.split())[-3:] in re.sub(r"\\(.)", r"\1", written)


@pytest.mark.parametrize(
    ("name", "value"), [("x", "a | b"), ("x", "a ` b"), ("a | b", "x"), ("x", "<b>"), ("x", "a\r\nb")]
)
def test_a_fact_stays_in_its_row(name: str, value: str) -> None:
    """A pipe ends no cell, a backtick no code, a line break no row."""
    (row,) = [line for line in section(facts={name: value}).splitlines() if line.startswith("| ") and "`" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3
    assert row.count("`") in (2, 4)
    assert "<b>" not in re.sub(r"`[^`]*`", "", row)


@pytest.mark.parametrize(
    "line", ["```", "``````", "~~~", "x ```` y", "<b>", "::error::x", "a\n```\n# heading\n`````", "| a |", ""]
)
def test_log_lines_can_not_end_their_fence(line: str) -> None:
    """The fence is longer than any run of backticks inside."""
    for written in (
        section(findings=[Finding("cause", ("first", line, "last"))]),
        report.without_verdict("x", "y", [line], ""),
    ):
        lines = written.splitlines()
        opening = next(index for index, text in enumerate(lines) if text.startswith("```"))
        fence = lines[opening].removesuffix("text")
        closing = [index for index, text in enumerate(lines) if re.fullmatch(rf"`{{{len(fence)},}}\s*", text)]
        inside = lines[opening + 1 : closing[0]]
        assert len(closing) == 1
        assert all(text in inside for text in line.splitlines())


def test_what_has_no_verdict_is_told_as_it_is() -> None:
    """Problems in a fence, the remedy as a sentence; without one there is none."""
    assert report.without_verdict("deploy", "not begun", ["a: is missing", "b: too"], "Look there.").splitlines() == [
        "### ❌ deploy: not begun", "", "```text", "a: is missing", "b: too", "```", "", "Look there.",
    ]  # fmt: skip
    assert report.without_verdict("deploy", "not begun", ["a"], "").splitlines()[-1] == "```"
