"""The Markdown for an issue."""

from __future__ import annotations

import pytest

from ecs_cd.verify.rules import issue
from ecs_cd.verify.rules.finding import Finding, not_checkable, ok, wrong

WEB = [wrong("service web", "drift-template", f"~ {name}: 1 -> 2", "Deploy again.") for name in ("cpu", "memory")]
PAGE = "https://github.com/org/app/actions/runs/1/attempts/1"


def test_the_differences_by_subject() -> None:
    """A remedy comes once, after the findings that it is for; what is ok is left out."""
    found = [
        *WEB,
        wrong("service job", "drift-count", "only 1 of 2", "Look."),
        not_checkable("service x", "drift-tasks", "denied"),
        ok("service web", "drift-count", "2 of 2"),
    ]
    text = issue.markdown(found, "/ecs-cd/my-app/production", "eu-west-1", PAGE)
    assert (
        text
        == f"""\
verify compared what runs in eu-west-1 with the document `/ecs-cd/my-app/production`: 3 differences.

### service web

```text
drift-template: ~ cpu: 1 -> 2
drift-template: ~ memory: 1 -> 2
  -> Deploy again.
```

### service job

```text
drift-count: only 1 of 2
  -> Look.
```

### Not checkable

```text
service x, drift-tasks: denied
```

The log has all lines: {PAGE}"""
    )


def test_no_difference() -> None:
    """It says so."""
    assert issue.markdown([], "", "eu-west-1", "") == "verify compared what runs in eu-west-1: no differences."


@pytest.mark.parametrize("letter", ["x", "\N{SNOWMAN}"])
def test_it_fits_into_an_issue(letter: str) -> None:
    """GitHub refuses more than 65,536 characters; a variable of a step has at most 128 KiB."""
    many: list[Finding] = [wrong(f"service {number}", "drift-template", letter * 5000) for number in range(100)]
    text = issue.markdown(many, "", "eu-west-1", PAGE)
    assert len(text.encode()) < 65_536
    assert "More differences are in the log." in text
    assert text.endswith(PAGE)


@pytest.mark.parametrize("text", ["```\n# x", "````\n```", "a\n\n### b", "\x1b[31mred", "@org/team #1"])
def test_a_text_stays_in_its_fence(text: str) -> None:
    """Whatever it holds, it is one line of the code block."""
    lines = issue.markdown([wrong("service web", "drift-tasks", text)], "", "eu-west-1", "").splitlines()
    assert len(lines) == 7
    assert set(lines[4].removesuffix("text")) == {"`"} == set(lines[6])
    assert lines[4].removesuffix("text") not in lines[5]
    assert "\x1b" not in lines[5]
