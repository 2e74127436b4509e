"""Every page is in plain English, and every link in it works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dev import prose
from tests.contract.parts import DOCS, README, ROOT

# Archaic turns per 1000 words, by `python -m dev.prose`.
TARGET = 1.0
DOCSTRINGS = 2.0
PAGES = [*prose.pages(), *prose.other_pages()]
GENERATED = [page for page in prose.pages() if prose.generated(page).words]

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```$", re.M | re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_in_plain_english(page: Path) -> None:
    """Hardly a turn that a reader would stumble over."""
    found = prose.written(page)
    assert found.per_1000 <= TARGET, found.turns


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_generated_table_is_in_plain_english(page: Path) -> None:
    """Its words are those of action.yml and of the command line's help."""
    found = prose.generated(page)
    assert found.per_1000 <= TARGET, found.turns


def test_generated_tables_are_found() -> None:
    assert {"inputs.md", "official-actions.md"} <= {page.name for page in GENERATED}


def test_docstrings_are_in_plain_english() -> None:
    """Counted over src as a whole: a single docstring is too short for a rate."""
    assert prose.total(map(prose.docstrings, prose.modules())).per_1000 <= DOCSTRINGS


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links, and anchors in Markdown pages."""
    dead = []
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_every_page_is_listed() -> None:
    listed = {(DOCS / link).resolve() for link in LINK.findall((DOCS / "README.md").read_text(encoding="utf-8"))}
    assert listed == {page for page in prose.pages() if page not in (README, DOCS / "README.md")}
