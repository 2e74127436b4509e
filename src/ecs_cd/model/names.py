"""Names that people choose, and what they may have meant by a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"  # that somebody chose: of an image, of a service


def closest(name: str, known: Iterable[str]) -> str:
    """``; did you mean `x`?`` when a known name is near, else an empty text."""
    import difflib

    near = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean `{near[0]}`?" if near else ""
