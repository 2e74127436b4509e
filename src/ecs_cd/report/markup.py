"""External text in Markdown: nothing in it acts as markup, apart from `code` in a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LONGEST = 1000  # characters of a log line
_LOOK_ALIKES = str.maketrans({"`": "'", "|": "\N{BROKEN BAR}", "\n": " "})
_DIGEST = re.compile(r"(?P<uri>[\w.:/-]+)@sha256:(?P<digest>[0-9a-f]{64})")
# Code or a URL, which ends before the punctuation of its sentence.
_MARKED = re.compile(r"(?<!`)`([^`]+)`(?!`)|(https://[\w.~:/?#@!$&'+,;=%-]*[\w/=-])", re.ASCII)


def sentence(text: str, *, in_cell: bool = False) -> str:
    """A sentence on one line: what is between two backticks is code, a URL is a link, everything else plain text."""
    parts = _MARKED.split(" ".join(text.split()))
    marks = (code if in_cell else "`{}`".format, lambda url: f"<{url}>")
    shown = "".join(
        escape(part) if not number % 3 else marks[number % 3 - 1](part) for number, part in enumerate(parts) if part
    )
    return re.sub(r"^([-+=]|\d{1,9}(?=[.)](?:\s|$)))", lambda found: _no_list(found[1]), shown)


def _no_list(begin: str) -> str:
    """The begin of a line that would be a list, a rule or a heading."""
    return f"{begin}\\" if begin.isdecimal() else f"\\{begin}"


def escape(text: str) -> str:
    """Plain text on one line: no HTML, no Markdown, no table borders, no mention. Spaces at its ends stay one.

    GitHub finds `@user`, `#1` and `GH-1` after it has read backslashes, so a space without width keeps them apart.
    """
    escaped = re.sub(r"([\\`*_~\[\]<>|#&])", r"\\\1", re.sub(r"\s+", " ", text))
    return re.sub(r"(@|#(?=\d)|(?i:\bgh-)(?=\d))", r"\1&#8203;", escaped)


def code(text: str) -> str:
    """One line as code. Code has no escapes, so look-alikes replace characters that would end the code or the cell:
    after a backslash even an escaped pipe is a border."""
    return f"`{text.translate(_LOOK_ALIKES)}`"


def fact(name: str, lines: Sequence[str], page: str = "") -> str:
    """A fact by its name. The ``page`` is that of the first line."""
    shown = [value(line, "" if number else page) for number, line in enumerate(lines)]
    if len(lines) == 1 and is_name(lines[0]):
        return f"{escape(name)} {shown[0]}"
    return f"{escape(name)}: {(', ' if all(map(is_name, lines)) else '<br>').join(shown)}"


def value(text: str, page: str = "") -> str:
    """One line of a fact: a name or an id as code, shortened if it is an ARN or an image, and a link if it has a
    ``page``; words as a sentence."""
    return link(code(brief(text)), page) if is_name(text) else sentence(text, in_cell=True)


def is_name(text: str) -> bool:
    """Whether it is a name or an id, not a sentence."""
    return " " not in text.strip()


def brief(text: str) -> str:
    """``my-app@sha256:0123456789ab`` for an image, the last part of an ARN, everything else unchanged."""
    found = _DIGEST.fullmatch(text)
    if found:
        return f"{found['uri'].rpartition('/')[2]}@sha256:{found['digest'][:12]}"
    return text.rpartition("/")[2] if re.fullmatch(r"arn:aws[a-z-]*:\S+/\S+", text) else text


def link(shown: str, page: str) -> str:
    """Markdown that links to the page, if it has one and nothing in its URL could end the link or the cell."""
    return f"[{shown}]({page})" if re.fullmatch(r"https://[\w.~:/?#@!$&'*+,;=%-]+", page) else shown


def fenced(lines: Sequence[str], language: str = "text") -> list[str]:
    """Log lines without colours, in a fence longer than any fence inside, so that no line can end it."""
    if not lines:
        return []
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…" for line in lines), fence]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table without the columns that no row fills."""
    kept = [column for column, name in enumerate(header) if any(row[column] for row in rows)]
    lines = [[header[column] for column in kept], *([row[column] for column in kept] for row in rows)]
    written = [f"| {' | '.join(cells)} |" for cells in lines]
    return [written[0], f"|{'---|' * len(kept)}", *written[1:], ""]
