"""Splits inputs into entries, like docker/build-push-action."""

from __future__ import annotations

import csv
import io
import re

from ecs_cd.model.errors import Refused

_SECRET_ID = re.compile(r"[A-Za-z0-9_.-]+")


def entries(text: str, *, what: str) -> list[str]:
    """Reads one entry per line, like docker/build-push-action: skips blank lines, and an entry in double quotes can
    span lines (a double quote inside is doubled).

    Raises ``Refused`` without the text, which may be a secret.
    """
    lines = io.StringIO(text.replace("\r\n", "\n"), newline="")
    try:
        rows = list(csv.reader(lines, delimiter="\x1f", strict=True))
    except csv.Error:
        raise Refused(f"{what}: an entry starts with a double quote, but does not end with one") from None
    return [row[0].strip() for row in rows if row and row[0].strip()]


def key_values(text: str, *, what: str) -> dict[str, str]:
    """Reads ``NAME=VALUE`` entries. Raises ``Refused`` without the value, which may be a secret."""
    found: dict[str, str] = {}
    for number, entry in enumerate(entries(text, what=what), 1):
        name, separator, value = entry.partition("=")
        if not separator or not _SECRET_ID.fullmatch(name):
            raise Refused(f"{what}, entry {number}: must be NAME=VALUE")
        if name in found:
            raise Refused(f"{what}, entry {number}: `{name}` occurs twice; keep one")
        found[name] = value
    return found
