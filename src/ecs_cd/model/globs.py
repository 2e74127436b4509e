"""Patterns for paths."""

from __future__ import annotations

import re


def glob(text: str) -> re.Pattern[str]:
    """`*` and `?` stay within a folder, `**` goes into folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", text)
    means = {"**/": r"(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(means.get(part, re.escape(part)) for part in parts), re.DOTALL)
