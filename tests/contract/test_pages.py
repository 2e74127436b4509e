"""README is one screen and a half, and the pages quote the log as it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ecs_cd.diagnosis import app_errors, causes
from ecs_cd.diagnosis.causes import Known
from ecs_cd.local import cli
from ecs_cd.local.codepipeline.rules.providers import PROVIDERS
from tests.contract import parts
from tests.contract.parts import DOCS, README, ROOT

README_LINES = 170
WORKFLOW_LINES = 12
TROUBLESHOOTING = DOCS / "troubleshooting.md"


def literals() -> list[str]:
    """Every text in src, with `...` for what is filled in."""
    found = []
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append(
                    "".join(str(part.value) if isinstance(part, ast.Constant) else "..." for part in node.values)
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


def quoted() -> list[str]:
    """The log lines in the first column of the page's tables, except those of containers."""
    text = re.sub(
        r"^## In the container's log\n.*?(?=^## )", "", TROUBLESHOOTING.read_text(encoding="utf-8"), flags=re.M | re.S
    )
    rows = re.findall(r"^\| (`.+?) \|", text, re.M)
    return [line for row in rows for _, line in re.findall(r"(?<!`)(`+)(?!`) ?(.+?) ?(?<!`)\1(?!`)", row)]


def quotes(line: str, text: str) -> bool:
    """Whether the page's line is in the text, with `...` for what is filled in."""
    return all(part in text for part in line.split("..."))


def test_the_readme_is_short() -> None:
    """One workflow that fits on a slide, and links to the rest."""
    assert len(README.read_text(encoding="utf-8").splitlines()) <= README_LINES
    workflow, *_ = (block for block in parts.blocks(README, "yaml") if "jobs:" in block)
    assert len(workflow.splitlines()) <= WORKFLOW_LINES


def test_troubleshooting_quotes_the_log() -> None:
    """A reader searches for the line that is in the log."""
    written = literals()
    lines = quoted()
    assert len(lines) > 50
    stale = [line for line in lines if not any(quotes(line, text) for text in written)]
    assert stale == [], "docs/troubleshooting.md quotes lines that src does not write"
    twice = {line for line in lines if lines.count(line) > 1}
    assert twice == set(), "docs/troubleshooting.md has two rows for a line"


def known(value: object) -> Iterator[Known]:
    """Every cause in a table of causes, or in a table of tables."""
    if isinstance(value, Known):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from known(each)
    elif isinstance(value, dict):
        yield from known(tuple(value.values()))


def test_troubleshooting_has_every_cause() -> None:
    """A cause that ecs-cd knows has a row with its remedy."""
    lines = quoted()
    every = [each.cause for each in known(tuple(vars(causes).values()))]
    assert len(every) > 70
    missing = [cause for cause in dict.fromkeys(every) if not any(quotes(line, cause) for line in lines)]
    assert missing == [], "docs/troubleshooting.md has no row for these causes"


def test_troubleshooting_has_every_error_of_an_app() -> None:
    """A row for each that ecs-cd has a remedy for, in the same order: by words that are in a log."""
    page = TROUBLESHOOTING.read_text(encoding="utf-8")
    section = page.partition("## In the container's log\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, re.M)
    first = [re.findall(r"`([^`]+)`", row) for row in rows]
    assert len(first) == len(app_errors._KNOWN)
    for words, known_error in zip(first, app_errors._KNOWN, strict=True):
        assert all(re.search(known_error.words, word) for word in words), (words, known_error.next_step)


def test_the_list_of_what_reaches_a_build_names_tests_that_exist() -> None:
    """Each row is proved."""
    page = (DOCS / "guides" / "builds.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", page))
    assert len(named) > 15
    assert {name for name in named if f"def {name}(" not in tests} == set()


def test_the_local_guide_has_every_verb_and_flag() -> None:
    """As they are typed."""
    page = (DOCS / "guides" / "local.md").read_text(encoding="utf-8")
    words = set(re.findall(r"--[a-z-]+", page)) | set(re.findall(r"^ecs-cd local (\w+)", page, re.M))
    flags = {flag for _, _, _, flags in cli._VERBS.values() for flag, *_ in flags}
    assert {*cli._VERBS, *flags} - words == {"reject"}, "`reject` is beside `approve`"


def test_the_page_of_the_local_codepipeline_has_its_providers() -> None:
    """All that run, and no other."""
    page = (DOCS / "guides" / "local-codepipeline.md").read_text(encoding="utf-8")
    section = page.partition("## What runs\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)`", section, re.M) == list(PROVIDERS)
