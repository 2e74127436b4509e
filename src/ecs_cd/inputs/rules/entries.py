"""Inputs of several entries, as docker/build-push-action takes them."""

from __future__ import annotations

import csv
import io
import re

from ecs_cd.model.errors import Refused

_SECRET_ID = re.compile(r"[A-Za-z0-9_.-]+")


def entries(text: str, *, what: str) -> list[str]:
    """An entry a line, as docker/build-push-action takes them: blank lines don't count, and an entry in
    double quotes may span lines (a double quote inside is written twice).

    Raises ``Refused`` without the text, which may be a secret.
    """
    lines = io.StringIO(text.replace("\r\n", "\n"), newline="")
    try:
        rows = list(csv.reader(lines, delimiter="\x1f", strict=True))
    except csv.Error:
        raise Refused(f"{what}: a double quote opens an entry and isn't closed, or stands in its middle") from None
    return [row[0].strip() for row in rows if row and row[0].strip()]


def key_values(text: str, *, what: str) -> dict[str, str]:
    """``NAME=VALUE`` entries. Raises ``Refused`` without the value, which may be a secret."""
    found: dict[str, str] = {}
    for number, entry in enumerate(entries(text, what=what), 1):
        name, separator, value = entry.partition("=")
        if not separator or not _SECRET_ID.fullmatch(name):
            raise Refused(f"{what}, entry {number}: must be NAME=VALUE")
        if name in found:
            raise Refused(f"{what}, entry {number}: `{name}` stands there twice")
        found[name] = value
    return found
