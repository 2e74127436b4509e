"""Files of the job's workspace."""

from __future__ import annotations

from pathlib import Path

from ecs_cd.model.errors import Refused


def read_file(path: str, *, what: str) -> str:
    """Reads a text file of the workspace. Raises ``Refused`` if it can't be read."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        remedy = "A path is relative to the job's workspace; is there an actions/checkout step before this one?"
        raise Refused(f"{what} {path} can't be read: {why}", remedy) from error
