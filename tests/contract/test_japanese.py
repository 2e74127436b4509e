"""The Japanese pages say what the English ones say: the same code, sections, links, tables and names."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from tests.contract import parts
from tests.contract.parts import FENCE, JAPANESE

# A letter that only Japanese has.
KANA = re.compile(r"[\u3041-\u30ff]")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
# Each names the other, so these links differ.
LANGUAGES = {"README.md", "README.ja.md", "quickstart.md", "quickstart.ja.md"}

pages = pytest.mark.parametrize("japanese", JAPANESE, ids=lambda page: page.name)


def sections(page: Path) -> list[str]:
    """The page's text without code blocks, cut at its headings."""
    return re.split(r"^#+ .*$", FENCE.sub("", page.read_text(encoding="utf-8")), flags=re.M)


def links(text: str) -> set[str]:
    """Where the text leads; a Japanese page leads to a Japanese one if there is one."""
    return {link.replace(".ja.md", ".md") for link in LINK.findall(text) if link not in LANGUAGES}


def rows(text: str) -> list[str]:
    """The rows of the text's tables, without their headers."""
    return [line for line in text.splitlines() if line.startswith("|")]


@pages
def test_the_code_is_the_same(japanese: Path) -> None:
    """`make generate` copies it."""
    english = JAPANESE[japanese]
    assert FENCE.findall(japanese.read_text("utf-8")) == FENCE.findall(english.read_text("utf-8"))


@pages
def test_the_sections_are_the_same(japanese: Path) -> None:
    """As many headings of each level, in the same order."""
    ours, theirs = (
        re.findall(r"^#+(?= )", FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
        for page in (japanese, JAPANESE[japanese])
    )
    assert ours == theirs


@pages
def test_each_section_has_the_same_links(japanese: Path) -> None:
    """In any order, because sentences are built in another one."""
    for ours, theirs in zip(sections(japanese), sections(JAPANESE[japanese]), strict=True):
        assert links(ours) == links(theirs)


@pages
def test_each_section_has_the_same_names(japanese: Path) -> None:
    """Verbs, flags, keys and files stay as they are."""
    for ours, theirs in zip(sections(japanese), sections(JAPANESE[japanese]), strict=True):
        assert set(CODE.findall(ours)) == set(CODE.findall(theirs))


@pages
def test_the_rows_of_tables_are_the_same(japanese: Path) -> None:
    """Row by row: links and names."""
    for ours, theirs in zip(sections(japanese), sections(JAPANESE[japanese]), strict=True):
        for our, their in zip(rows(ours), rows(theirs), strict=True):
            assert (links(our), set(CODE.findall(our))) == (links(their), set(CODE.findall(their)))


@pages
def test_the_text_is_japanese(japanese: Path) -> None:
    """Each paragraph, except badges and tables' rows of names only."""
    for section in sections(japanese):
        for paragraph in section.split("\n\n"):
            words = CODE.sub("", re.sub(r"!?\[[^\]]*\]\([^)]*\)|^\|.*$", "", paragraph, flags=re.M))
            assert KANA.search(words) or not re.search(r"[a-z]{3}.* [a-z]{3}", words), paragraph


@pages
def test_the_pages_name_each_other(japanese: Path) -> None:
    """On top, before the first section."""
    english = JAPANESE[japanese]
    assert f"[日本語]({japanese.name})" in sections(english)[1]
    assert f"[English]({english.name})" in sections(japanese)[1]


def test_no_other_page_waits_for_a_translation() -> None:
    """Every page that is named like a translation is compared."""
    assert set(parts.ROOT.glob("*.ja.md")) | set(parts.DOCS.rglob("*.ja.md")) == set(JAPANESE)


@pages
def test_a_paragraph_is_one_line(japanese: Path) -> None:
    """GitHub shows a line break as a space, which Japanese does not have between words."""
    text = FENCE.sub("", japanese.read_text(encoding="utf-8"))
    own_line = re.compile(r"#|\||- |\d+\. |\[!\[")
    broken = [
        line
        for before, line in itertools.pairwise(text.splitlines())
        if before.strip() and line.strip() and not own_line.match(line)
    ]
    assert broken == []
