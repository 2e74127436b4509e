"""Text from other sources, without the characters that act on whatever shows it."""

from __future__ import annotations

import re

# Control characters except tabs and line feeds: ESC could repaint a terminal (colours, `ESC [ ... m`, are allowed), and
# a lone CR ends a line for GitHub's runner, so what follows it could be a workflow command. Marks, embeddings and
# isolates of text direction show a line in another order than it has; tags and annotation marks show nothing at all.
# Lone surrogates can't be written.
_CONTROL = re.compile(
    r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e007f]"
)
_UNUSABLE = re.compile(r"[\x00\ud800-\udfff]")


def clean(text: str, instead: str = "\N{REPLACEMENT CHARACTER}") -> str:
    """The text without control characters, apart from tabs, line feeds and colours."""
    return _CONTROL.sub(instead, text)


def plain(text: str) -> str:
    """The text without control characters and colours; line ends become line feeds.

    It replaces characters and removes none, which could join two runs of backticks to the end of a code block.
    """
    return clean(text.replace("\r\n", "\n")).replace("\x1b", "\N{REPLACEMENT CHARACTER}")


def one_line(text: str, longest: int = 300) -> str:
    """The text in one line of at most ``longest`` characters; ``…`` ends one that is cut."""
    words = " ".join(plain(text).split())
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def unusable(text: str) -> bool:
    """Whether no path and no request can hold the text: it has a NUL character or half of a surrogate pair."""
    return _UNUSABLE.search(text) is not None
