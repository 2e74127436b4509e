"""Names that users choose, and suggestions for misspelt names."""

from __future__ import annotations

from collections.abc import Iterable

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"  # a name that a user chose: of an image, of a service
# An environment variable. ECS takes any name; these are the ones that programs can read, and no line of a key or
# certificate is one by chance.
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_.:-]*$"


def closest(name: str, known: Iterable[str]) -> str:
    """``; did you mean `x`?`` if a known name is similar, else an empty string."""
    import difflib

    near = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean `{near[0]}`?" if near else ""
